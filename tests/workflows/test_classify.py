"""Classes of cells by the start that comes with the program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.workflows.classify import (
    classify,
    classify_cells,
    describe_cells,
)

RNG = np.random.default_rng(0)


def field(planes: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw 40 cells a plane, with odd numbers; the class of each is its radius."""
    labels = np.zeros((planes, 160, 260), np.int32)
    rows, columns = np.ogrid[:160, :260]
    large = RNG.random(40 * planes) < 0.5
    for k in range(40 * planes):
        y, x = 20 + 30 * (k % 40 // 8), 20 + 30 * (k % 8)
        radius = 11 if large[k] else 6
        disk = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        labels[k // 40][disk] = 2 * k + 1
    image = np.where(labels > 0, 100, 20) + RNG.normal(0, 5, labels.shape)
    return image.squeeze(), labels.squeeze(), large


def test_large_and_small_cells_are_told_apart() -> None:
    image, labels, large = field()
    first = np.flatnonzero(large)[:3]
    second = np.flatnonzero(~large)[:3]
    examples = {int(2 * k + 1): "large" for k in first}
    examples |= {int(2 * k + 1): "small" for k in second}

    classes = classify(image, labels, examples)

    np.testing.assert_array_equal(classes.numbers, np.unique(labels)[1:])
    names = np.array(classes.names)[classes.chosen]
    np.testing.assert_array_equal(names, np.where(large, "large", "small"))
    np.testing.assert_allclose(classes.probabilities.sum(1), 1, rtol=1e-5)
    found = classes.by_number()
    assert all(found[k] == found[k].__class__(c, 1.0) for k, c in examples.items())


def test_described_once_they_are_classified_as_often_as_wanted() -> None:
    image, labels, _ = field()
    features = exhaust(describe_cells(image, labels))

    once = classify_cells(features, {1: "a", 3: "b"})
    other = classify_cells(features, {1: "b", 3: "a", 5: "a"})
    again = classify_cells(features, {1: "a", 3: "b"})

    assert once.names == ("a", "b") and other.names == ("b", "a")
    np.testing.assert_array_equal(once.probabilities, again.probabilities)
    assert other.by_number()[5].probability == 1


def test_an_example_keeps_its_class_whatever_the_network_finds() -> None:
    image, labels, large = field()
    twins = np.flatnonzero(large)[:6]
    examples = {int(2 * k + 1): "ab"[n % 2] for n, k in enumerate(twins)}

    found = classify(image, labels, examples).by_number()

    assert {k: found[k].name for k in examples} == examples


def test_planes_and_channels_are_looked_at_alike() -> None:
    image, labels, large = field(planes=2)
    colour = np.stack([image] * 2, 1)
    k, j = int(large.argmax()), int((~large).argmax())
    examples = {2 * k + 1: "large", 2 * j + 1: "small"}

    features = exhaust(describe_cells(colour, labels, axes="ZCYX"))
    plain = exhaust(describe_cells(image, labels))
    classes = classify_cells(features, examples)

    torch.testing.assert_close(features.early, plain.early)
    names = np.array(classes.names)[classes.chosen]
    assert (names == np.where(large, "large", "small")).mean() > 0.95


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        ({1: "a", 3: "a"}, "of 1 classes"),
        ({1: "a", 2: "b"}, "of 1 classes"),  # there is no cell 2
        ({2 * k + 1: str(k) for k in range(10)}, "of 10 classes"),
    ],
)
def test_two_to_nine_classes_are_needed(examples: dict[int, str], reason: str) -> None:
    image, labels, _ = field()

    with pytest.raises(UserError, match=reason):
        classify(image, labels, examples)


def test_what_does_not_fit_is_refused() -> None:
    image, labels, _ = field()

    with pytest.raises(UserError, match="no cells"):
        classify(image, np.zeros_like(labels), {1: "a", 3: "b"})
    with pytest.raises(UserError, match="shape"):
        classify(image, labels[:-1], {1: "a", 3: "b"}, axes="YX")
