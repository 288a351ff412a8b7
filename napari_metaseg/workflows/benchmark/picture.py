"""One strip of pictures for a task: painted, before, after, truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.scaling import resize_image, resize_labels
from napari_metaseg.io.files import atomic_file

from .draws import CELLS_ONLY, make_draw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.data.folders import TaskFolder

    from .draws import Labels
    from .methods.protocol import Method
    from .settings import BenchmarkSettings

SIDE = 256
"""Longest side (px) of a panel."""

GAP = 4
"""White px between panels."""

PAINTED = (255, 176, 0)
FOUND = (0, 229, 255)
TRUTH = (120, 255, 80)


def write_picture(
    path: Path, task: TaskFolder, method: Method, settings: BenchmarkSettings
) -> bool:
    """Write the picture of a task's first draw, if there is one.

    From left to right: the image that was painted, with the painted cells; then
    another image of the task with what the method finds before and after it has
    learned, and the truth.

    Parameters
    ----------
    path : Path
        PNG file; one that exists is replaced.
    task : TaskFolder
        The task.
    method : Method
        What finds the cells.
    settings : BenchmarkSettings
        Fixes the draw; its number of cells is the one nearest to 3.

    Returns
    -------
    bool
        Whether there is a draw, and so a picture.
    """
    cells = min(settings.cells, key=lambda n: abs(n - 3))
    draw = make_draw(task, cells, 0, settings.seeds[0])
    if draw is None:
        return False
    fitted = method.fit(draw.painted(CELLS_ONLY, 1))
    if fitted is None:
        return False
    other = draw.others[0]
    image, truth = task.images[other], task.masks[other]
    before = fitted.before(image)
    panels = [
        outlined(task.images[draw.image], draw.cells_only, PAINTED),
        outlined(image, np.zeros_like(truth) if before is None else before, FOUND),
        outlined(image, fitted.after(image), FOUND),
        outlined(image, truth, TRUTH),
    ]
    with atomic_file(path, overwrite=True) as file:
        Image.fromarray(strip(panels)).save(file, format="PNG", optimize=True)
    return True


def outlined(
    image: NDArray[np.generic], labels: Labels, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Draw an image with outlines of instances.

    Parameters
    ----------
    image : (Y, X) or (Y, X, C) array
        Shown in gray, or in colour if it has three channels.
    labels : (Y, X) array of int32
        Instances; only positive ones are outlined.
    colour : tuple of 3 int
        Red, green, blue.

    Returns
    -------
    (y, x, 3) array of uint8
        Its longest side is `SIDE`.
    """
    height, width = image.shape[:2]
    zoom = SIDE / max(height, width)
    shape = max(1, round(height * zoom)), max(1, round(width * zoom))
    channels = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    if len(channels) != 3:
        channels = channels[[0, 0, 0]]
    # One range for all channels: colours stay as they are.
    normal = measure_range(channels).apply(channels)
    drawn = np.moveaxis(resize_image(normal, shape), 0, -1)
    picture = np.round(255 * np.clip(drawn, 0, 1)).astype(np.uint8)
    small = resize_labels(np.maximum(labels, 0), shape)
    picture[find_boundaries(small, mode="inner")] = colour
    return picture


def strip(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put pictures side by side on white.

    Returns
    -------
    (Y, X, 3) array of uint8
    """
    height = max(p.shape[0] for p in panels)
    width = sum(p.shape[1] for p in panels) + GAP * (len(panels) - 1)
    sheet = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for panel in panels:
        sheet[: panel.shape[0], left : left + panel.shape[1]] = panel
        left += panel.shape[1] + GAP
    return sheet
