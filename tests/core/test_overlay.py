"""What is shown follows the annotation, and comes back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_metaseg.core.instances import keep_numbers, respect_annotation
from napari_metaseg.core.overlay import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.int32]

SHAPE = (6, 7)
INSTANCES = arrays(np.int32, SHAPE, elements=st.integers(0, 5))
ANNOTATIONS = arrays(np.int32, SHAPE, elements=st.sampled_from([-1, 0, 0, 0, 1, 2, 9]))
NUMBERED = arrays(np.int32, SHAPE, elements=st.sampled_from([0, 1, 3, 8, 12]))


def same_cells(one: Labels, other: Labels) -> bool:
    """Whether two label images differ in their numbers only."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return all(len(np.unique(side)) == pairs.shape[1] for side in pairs)


@given(INSTANCES, ANNOTATIONS)
def test_the_annotation_is_put_in_as_adaptation_does_it(
    instances: Labels, annotation: Labels
) -> None:
    shown = number(instances, annotation).under(annotation)

    np.testing.assert_array_equal(shown, respect_annotation(instances, annotation))


@given(INSTANCES, ANNOTATIONS, NUMBERED)
def test_numbers_are_those_of_the_last_round(
    instances: Labels, annotation: Labels, previous: Labels
) -> None:
    shown = number(instances, annotation, previous).under(annotation)

    merged = respect_annotation(instances, annotation)
    np.testing.assert_array_equal(shown, keep_numbers(merged, previous, annotation))


@given(INSTANCES, ANNOTATIONS, ANNOTATIONS)
def test_another_annotation_is_put_in_verbatim(
    instances: Labels, first: Labels, second: Labels
) -> None:
    numbered = number(instances, first)

    shown = numbered.under(second)

    assert same_cells(shown, respect_annotation(instances, second))
    np.testing.assert_array_equal(
        shown[second != 0], np.maximum(second, 0)[second != 0]
    )
    np.testing.assert_array_equal(
        numbered.under(first), number(instances, first).under(first)
    )


def test_only_an_instance_whose_number_is_taken_gets_another() -> None:
    instances = np.repeat(np.array([[1, 2, 3, 0]], np.int32), 4, axis=0)
    nothing = np.zeros_like(instances)
    numbered = number(instances, nothing)
    annotation = nothing.copy()
    annotation[:, 3] = 2

    shown = numbered.under(annotation)

    assert shown[0].tolist() == [1, 4, 3, 2]
    np.testing.assert_array_equal(numbered.under(nothing), instances)


def test_an_accepted_instance_leaves_the_picture_as_it_was() -> None:
    instances = np.repeat(np.array([[1, 2, 0, 3]], np.int32), 4, axis=0)
    nothing = np.zeros_like(instances)
    numbered = number(instances, nothing)

    accepted = np.where(instances == 2, 2, 0).astype(np.int32)

    np.testing.assert_array_equal(numbered.under(accepted), instances)


def test_what_a_stroke_cuts_off_is_a_cell_of_its_own_from_round_to_round() -> None:
    instances = np.zeros((12, 62), np.int32)
    instances[1:11, 1:61] = 1
    nothing = np.zeros_like(instances)
    stroke = nothing.copy()
    stroke[:, 30:32] = -1
    numbered = number(instances, nothing)

    cut = numbered.under(stroke)

    assert np.unique(cut[1:11, 1:30]).tolist() == [1]
    assert np.unique(cut[1:11, 32:61]).tolist() == [2]
    np.testing.assert_array_equal(numbered.under(nothing), instances)

    # A painted cell takes the number; the next round goes on with the new one.
    stroke[0, :5] = 2
    before = numbered.under(stroke)
    assert np.unique(before[1:11, 32:61]).tolist() == [3]
    again = number(instances, stroke, before)
    np.testing.assert_array_equal(again.under(stroke), before)
