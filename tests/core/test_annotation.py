from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.annotation import (
    as_annotation,
    check_annotation,
    separate_parts,
)
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import object_diameter


def plane(*cells: tuple[slice, slice, int]) -> np.ndarray:
    labels = np.zeros((40, 50), np.int32)
    for rows, columns, k in cells:
        labels[rows, columns] = k
    return labels


ONE = (slice(5, 15), slice(5, 15), 1)


def test_one_cell_and_no_stroke_is_enough() -> None:
    known = check_annotation(plane(ONE)[None])

    assert (known.n_cells, known.n_strokes, known.note) == (1, 0, "")


@pytest.mark.parametrize("radius", [5, 10, 20])
def test_the_diameter_of_a_disk_is_its_diameter(radius: int) -> None:
    y, x = np.mgrid[-25:26, -25:26]

    assert object_diameter(y**2 + x**2 <= radius**2) == pytest.approx(
        2 * radius, abs=1.6
    )


def test_the_diameter_of_a_rod_lies_between_width_and_length() -> None:
    rod = np.zeros((20, 70), bool)
    rod[6:14, 5:65] = True

    assert 8 < object_diameter(rod) < 24 < 60


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (plane(), "paint one whole cell"),
        (plane((slice(0, 5), slice(0, 5), -1)), "Only background"),
        (plane((slice(0, 1), slice(0, 3), 4)), "Cell 4 covers only 3 px"),
        (plane((slice(0, 40), slice(0, 48), 2)), "Cell 2 covers the whole image"),
    ],
)
def test_what_cannot_be_learned_from_gets_a_sentence(
    labels: np.ndarray, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        check_annotation(labels[None])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((4, 4), np.float32), "whole numbers"),
        (np.zeros((4, 5), np.int32), "same shape"),
        (np.full((4, 4), -2, np.int32), "below -1"),
        (np.full((4, 4), 2**40), "2147483647"),
    ],
)
def test_what_is_no_annotation_gets_a_sentence(wrong: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        as_annotation(wrong, (4, 4))


def test_two_cells_under_one_number_are_two_cells() -> None:
    labels = plane(ONE, (slice(20, 30), slice(30, 40), 1))

    known = check_annotation(labels[None])

    assert known.n_cells == 2
    assert "next cell" in known.note
    assert known.diameter == pytest.approx(check_annotation(plane(ONE)[None]).diameter)


def test_crumbs_stay_with_their_cell_and_strokes_stay_strokes() -> None:
    crumb = (slice(16, 18), slice(5, 8), 1)
    labels = plane(ONE, crumb, (slice(30, 33), slice(0, 9), -1))

    parts = separate_parts(labels)

    assert ((parts > 0) == (labels == 1)).all()
    assert len(np.unique(parts[parts > 0])) == 1
    assert ((parts == -1) == (labels == -1)).all()


def test_any_positive_number_may_name_a_cell() -> None:
    largest = np.iinfo(np.int32).max
    labels = plane(ONE, (slice(20, 30), slice(30, 40), largest))

    parts = separate_parts(labels)

    assert (parts == np.select([labels == 1, labels == largest], [1, 2])).all()
    assert check_annotation(labels[None]).n_cells == 2


def test_the_first_three_cells_tell_the_size_on_whatever_plane_they_are() -> None:
    """Specks that are painted later, on a plane before them, hardly count."""
    cells = plane(
        (slice(0, 12), slice(0, 12), 1),
        (slice(20, 32), slice(0, 12), 2),
        (slice(20, 32), slice(20, 32), 3),
    )
    specks = plane(*((slice(0, 4), slice(8 * k, 8 * k + 4), 4 + k) for k in range(6)))

    alone = check_annotation(cells[None]).diameter

    assert check_annotation(np.stack([specks, cells])).diameter == pytest.approx(alone)


def test_cells_that_are_cut_off_do_not_tell_the_size_where_whole_ones_are() -> None:
    """A label image is often numbered from its upper edge on."""
    slivers = [(slice(0, 3), slice(9 * k, 9 * k + 6), 1 + k) for k in range(4)]
    whole = [(slice(20, 32), slice(2 + 15 * k, 14 + 15 * k), 5 + k) for k in range(3)]

    alone = check_annotation(plane(*whole)[None]).diameter

    assert check_annotation(plane(*slivers, *whole)[None]).diameter == alone
