"""Crops of cells, measurements, what these tell, and cells found again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.draw import ellipse
from skimage.measure import regionprops_table

from napari_metaseg.core.cell_crops import (
    DIAMETER,
    SIDE,
    cell_areas,
    find_cells,
    typical_diameter,
)
from napari_metaseg.core.cell_evidence import (
    Evidence,
    evidence_among,
    fit_evidence,
)
from napari_metaseg.core.cell_measures import (
    ALL_MEASURES,
    measure_cells,
    standardise,
)
from napari_metaseg.core.classes import Classes, find_again


def disks(*places: tuple[int, int, int]) -> np.ndarray:
    """Draw disks (y, x, radius) with the numbers 2, 4, 6 and so on."""
    labels = np.zeros((80, 120), np.int32)
    for k, (y, x, radius) in enumerate(places, start=1):
        rows, columns = np.ogrid[:80, :120]
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = 2 * k
    return labels


@pytest.mark.parametrize("zoom", [1, 2, 3])
def test_crops_do_not_depend_on_the_pixel_size(zoom: int) -> None:
    labels = disks((30, 30, 8), (30, 80, 12)).repeat(zoom, 0).repeat(zoom, 1)
    image = np.where(labels == 2, 1.0, np.where(labels == 4, 3.0, 0.0))

    plane = find_cells(image[None], labels, typical_diameter(cell_areas(labels)))
    own = plane.crops(slice(None))[:, -1]

    # The typical cell lies between the two, in diameter and in what a crop makes of it.
    assert own.shape == (2, SIDE, SIDE)
    diameters = 2 * (own.sum((1, 2)) / np.pi).sqrt()
    assert diameters.mean() == pytest.approx(DIAMETER, rel=0.06)
    assert 2 ** (plane.sizes[1] - plane.sizes[0]) == pytest.approx(1.5, rel=0.05)


def test_a_crop_shows_no_other_cell_and_nothing_outside() -> None:
    labels = disks((20, 5, 8), (20, 22, 8))
    image = np.full(labels.shape, 7.0)
    image[labels == 2], image[labels == 4] = 9, 30

    first, second = find_cells(image[None], labels, 16.0).crops(slice(None))

    # The second cell is five times as bright as the first, and next to it.
    assert first[0].max() < second[0].max() / 4
    assert first[0][first[-1] == 0].abs().max() == 0
    # All three channels show the only one that there is.
    assert torch.equal(first[0], first[2])


def test_many_channels_become_three() -> None:
    labels = disks((30, 30, 8), (30, 80, 8))
    image = np.random.default_rng(0).random((6, *labels.shape))

    crops = find_cells(image, labels, 16.0).crops(slice(None))

    assert crops.shape == (2, 4, SIDE, SIDE)
    assert torch.isfinite(crops).all()


def test_measurements_agree_with_scikit_image() -> None:
    rng = np.random.default_rng(1)
    labels = np.zeros((90, 200), np.int32)
    for k in range(5):
        y, x = ellipse(45, 20 + 40 * k, 8 + 3 * k, 12, rotation=0.3 * k)
        labels[y, x] = 3 * k + 1
    image = rng.random((1, *labels.shape))

    measured = measure_cells(image, labels)

    names = ("area", "mean_intensity", "axis_minor_length", "axis_major_length")
    names = (*names, "intensity_std")
    assert measured.shape == (5, len(ALL_MEASURES))
    known = regionprops_table(labels, image[0], properties=names)
    np.testing.assert_allclose(measured[:, 4], known["intensity_std"])
    np.testing.assert_allclose(measured[:, 0], known["area"])
    np.testing.assert_allclose(measured[:, 1], known["mean_intensity"])
    ratio = known["axis_minor_length"] / known["axis_major_length"]
    # That of scikit-image has another convention for the moments of a pixel.
    np.testing.assert_allclose(measured[:, 2], ratio, rtol=0.005)


def test_measurements_tell_what_they_are_called_after() -> None:
    labels = disks((30, 30, 10), (30, 80, 10))
    rows, columns = np.ogrid[:80, :120]
    image = np.where(labels > 0, 5.0, 1.0) + np.zeros((3, 1, 1))
    image[2] += 4 * (labels == 4)  # the second is of another colour
    image[:, (rows - 30) ** 2 + (columns - 30) ** 2 < 25] += 6  # the first has a core
    image[:, (labels == 0) & (columns > 60)] = 3  # the second lies on brighter ground

    found = measure_cells(image, labels)
    first, second = (dict(zip(ALL_MEASURES, row, strict=True)) for row in found)

    assert first["size"] == second["size"] == (labels == 2).sum()
    assert first["core"] > 1 and second["core"] == pytest.approx(0)
    assert second["last channel"] > 1 and first["last channel"] == pytest.approx(0)
    assert second["last channel"] == pytest.approx(-2 * second["first channel"])
    assert first["surroundings"] == pytest.approx(1 - first["brightness"])
    assert second["surroundings"] == pytest.approx(3 - second["brightness"])
    assert first["compactness"] == pytest.approx(second["compactness"])
    assert first["compactness"] > 0.9


def test_standardised_measurements_are_ranks() -> None:
    rng = np.random.default_rng(0)
    raw = np.stack([rng.normal(0, 1, 300), np.full(300, 7.0)], 1)

    found = standardise(raw)

    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    assert found[:, 0].std() == pytest.approx(1, rel=0.01)
    assert not found[:, 1].any()  # equal ones say nothing
    # Whatever the units, and whatever gamma an image is shown with.
    np.testing.assert_array_equal(found, standardise(np.exp(3 * raw)))


def told_apart_by_the_first(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    classes = torch.arange(count) % 3
    measures = torch.from_numpy(rng.normal(0, 1, (count, 10))).float()
    measures[:, 0] = 1.5 * (classes - 1) + 0.2 * measures[:, 0]
    return measures, classes


def test_evidence_counts_what_tells_the_classes_apart() -> None:
    known, others = (told_apart_by_the_first(n, seed=n) for n in (9, 300))

    found = fit_evidence(*known, 3)

    assert found.weights.argmax() == 0
    accuracy = (found.of(others[0]).argmax(1) == others[1]).float().mean()
    equal = Evidence(found.means, torch.ones(10)).of(others[0]).argmax(1)
    assert accuracy > 0.97 > (equal == others[1]).float().mean() + 0.1


def test_each_example_is_judged_by_the_others() -> None:
    measures, classes = told_apart_by_the_first(11, seed=3)
    measures, classes = measures[:-1], classes[:-1].clone()
    classes[9] = 3  # alone in its class

    found = evidence_among(measures, classes, 4)

    assert not found[9].any()
    for k in range(9):
        kept = torch.arange(10) != k
        expected = fit_evidence(measures[kept], classes[kept], 4).of(
            measures[k : k + 1]
        )
        torch.testing.assert_close(found[k : k + 1], expected)


def test_classes_name_the_likeliest() -> None:
    classes = Classes(
        ("a", "b"),
        np.array([3, 9]),
        np.array([[0.25, 0.75], [1, 0]], np.float32),
        4,
    )

    found = classes.by_number()

    assert (found[3].name, found[3].probability) == ("b", 0.75)
    assert (found[9].name, found[9].probability) == ("a", 1)


def test_cells_are_found_again_by_overlap() -> None:
    before = disks((20, 20, 8), (20, 50, 8), (20, 80, 8))
    now = np.zeros_like(before)
    now[before == 2] = 11  # another number
    now[(before == 4) & (np.indices(before.shape)[1] < 48)] = 4  # less than half left
    now[60:70, 60:70] = 6  # the same number, but elsewhere

    assert find_again(before, now, {2, 4, 6}) == {11: 2}
    assert find_again(before, now, {4}) == {}
    assert find_again(before, before, {2, 6}) == {2: 2, 6: 6}
    assert find_again(before, now, set()) == {}


def test_a_plane_without_cells_has_no_measurements() -> None:
    image, nothing = np.ones((2, 20, 20)), np.zeros((20, 20), np.int32)

    assert measure_cells(image, nothing).shape == (0, len(ALL_MEASURES))
