"""Instances found block by block are those of the whole plane."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from napari_metaseg.core.decode import decode
from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.stitch import find_in_block
from napari_metaseg.core.windows import Window, grid


def maps_of(shape: tuple[int, int], diameter: float, seed: int) -> np.ndarray:
    """Draw touching cells as an unsure network might."""
    rng = np.random.default_rng(seed)
    count = int(1.3 * shape[0] * shape[1] / diameter**2) + 1
    centres = rng.random((count, 2)) * shape
    pixels = np.indices(shape).reshape(2, -1).T + 0.5
    away, nearest = cKDTree(centres).query(pixels)
    cells = np.where(away < 0.6 * diameter, nearest + 1, 0).reshape(shape)
    inside = cells > 0
    for axis in (0, 1):
        inside &= cells == np.roll(cells, 1, axis)
    depth = ndi.distance_transform_edt(inside) / (diameter / 3)
    unsure = 1 + ndi.gaussian_filter(rng.standard_normal(shape), diameter / 3)
    foreground = ndi.gaussian_filter((cells > 0) * 0.9, 1) * np.clip(unsure, 0.3, 1)
    cue = ndi.gaussian_filter(np.clip(depth, 0, 1) * unsure, 1)
    noise = 0.02 * rng.standard_normal((2, *shape))
    return np.clip(np.stack([foreground, cue]) + noise, 0, 1).astype(np.float16)


def stitched(
    maps: np.ndarray, side: int, rules: DecodeSettings, diameter: float
) -> tuple[np.ndarray, dict[int, float]]:
    shape = maps.shape[1], maps.shape[2]
    labels, outlines = np.zeros(shape, np.int64), {}

    def read(window: Window) -> np.ndarray:
        return maps[(slice(None), *window)]

    for block in grid(shape, side):
        found = find_in_block(read, shape, block, rules, diameter)
        labels[block] = found.labels
        for name, outline in zip(found.names, found.outline, strict=True):
            assert abs(outlines.setdefault(int(name), outline) - outline) < 0.02
    return labels, outlines


@settings(max_examples=10, deadline=None)
@given(
    st.integers(20, 360),
    st.integers(20, 360),
    st.sampled_from([32, 50, 96]),
    st.sampled_from([10.0, 14.0]),
    st.sampled_from([0.3, 0.5, 0.8]),
    st.integers(0, 1000),
)
@example(82, 137, 32, 10.0, 0.8, 415)
def test_blocks_leave_no_trace(
    height: int, width: int, side: int, diameter: float, split: float, seed: int
) -> None:
    maps = maps_of((height, width), diameter, seed)
    # A tie moves a few pixels, and with them, rarely, a cell over the smallest size.
    rules = DecodeSettings(split=split, min_size=0)

    labels, outlines = stitched(maps, side, rules, diameter)

    whole = decode(
        *maps.astype(np.float32),
        rules,
        min_area=rules.min_size * np.pi / 4 * diameter**2,
    )
    _, numbers = np.unique(np.append(0, labels), return_inverse=True)
    found = numbers[1:].reshape(labels.shape).astype(np.int32)
    assert found.max() == len(outlines) == whole.labels.max()
    if len(outlines):
        iou = iou_matrix(whole.labels, found)
        # The line of pixels between two cells may be either's: which of two equal
        # seeds the watershed takes first depends on all of them.
        area = np.bincount(whole.labels.ravel())[1:]
        np.testing.assert_array_less((1 - iou.max(1)) * area, diameter)


def test_a_window_grows_until_it_holds_a_long_cell() -> None:
    """A rod over five blocks, far longer than the first window reaches."""
    maps = np.zeros((2, 64, 320), np.float16)
    maps[:, 28:36, 10:310] = 1

    labels, outlines = stitched(maps, 64, DecodeSettings(), 8.0)

    assert len(outlines) == 1
    np.testing.assert_array_equal(labels > 0, maps[0] > 0)
