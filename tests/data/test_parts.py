"""Cores and rims of objects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_metaseg.core.decode import decode
from napari_metaseg.core.objects import object_diameter
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import dense_target
from napari_metaseg.data.parts import SHELL, divide

from .tasks import disks

DISK = disks(side=128, radius=50, step=128)


def test_core_and_rim_of_a_disk_are_as_large_as_told() -> None:
    parts = divide(DISK)
    rim = (DISK > 0) & ~parts.core

    assert parts.clear.tolist() == [False, True]
    assert parts.thickness[1] == pytest.approx(SHELL * 50, abs=1)
    assert object_diameter(parts.core) == pytest.approx(0.6 * 100, rel=0.03)
    assert object_diameter(rim) == pytest.approx(0.4 * 100, rel=0.05)


def test_a_rim_is_as_thick_everywhere_and_surrounds_the_core() -> None:
    labels = np.zeros((80, 120), np.int32)
    labels[10:70, 10:50] = 1
    labels[10:70, 50:110] = 2

    parts = divide(labels)

    for k in (1, 2):
        own = labels == k
        core = own & parts.core
        depth = ndi.distance_transform_edt(own)
        np.testing.assert_array_equal(core, own & (depth > parts.thickness[k]))
        assert not (ndi.binary_dilation(core) & ~own).any()
    assert parts.thickness[2] > 1.2 * parts.thickness[1], "in proportion to its object"


def ring() -> np.ndarray:
    y, x = np.ogrid[-30:31, -30:31]
    return (np.hypot(y, x) < 28) & (np.hypot(y, x) > 12)


def dumbbell() -> np.ndarray:
    y, x = np.ogrid[-30:31, -30:31]
    ends = (np.hypot(y, x - 17) < 12) | (np.hypot(y, x + 17) < 12)
    return ends | ((abs(y) < 3) & (abs(x) < 17))


def speck() -> np.ndarray:
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    return mask


@pytest.mark.parametrize("draw", [ring, dumbbell, speck])
def test_what_has_not_one_core_and_one_rim_is_not_clear(draw: object) -> None:
    labels = draw().astype(np.int32)  # type: ignore[operator]

    assert not divide(labels).clear.any()


def test_the_edge_of_the_image_is_no_outline() -> None:
    whole = divide(DISK).core
    part = DISK[:, :80]

    parts = divide(part)

    assert parts.clear[1]
    assert (parts.core == whole[:, :80])[part > 0].mean() > 0.97
    assert parts.core[:, -1].any(), "no rim runs along the edge"


@pytest.mark.parametrize("columns", [slice(0, 40), slice(100, None)])
def test_of_a_slice_of_an_object_the_core_is_not_known(columns: slice) -> None:
    assert not divide(DISK[:, columns]).clear.any()


def test_an_image_within_one_object_has_no_parts() -> None:
    parts = divide(np.ones((20, 20), np.int32))

    assert not parts.core.any()
    assert not parts.clear.any()


def test_numbers_may_be_missing() -> None:
    parts = divide(np.where(DISK > 0, 3, 0).astype(np.int32))

    assert parts.clear.tolist() == [False, False, False, True]
    assert not divide(np.zeros((9, 9), np.int32)).clear.any()


def test_rims_drawn_as_they_are_asked_for_become_one_instance_each() -> None:
    """The cue of a ring has a ridge of one height: it is not cut into pieces."""
    labels = np.zeros((150, 150), np.int32)
    # Circles that touch, of about the size of rims at working scale.
    rows, columns = np.indices(labels.shape)
    for k, (y, x) in enumerate([(36, 40), (36, 101), (104, 70)], start=1):
        labels[np.hypot(rows - y, columns - x) < 30.5] = k
    rims = np.where(divide(labels).core, 0, labels)
    target = dense_target(rims)

    found = decode(target.foreground, target.cue, DecodeSettings()).labels

    assert len(np.unique(found)) - 1 == 3
    for k in (1, 2, 3):
        best = np.bincount(found[rims == k])[1:].argmax() + 1
        both = ((found == best) & (rims == k)).sum()
        assert both / ((found == best) | (rims == k)).sum() > 0.85
