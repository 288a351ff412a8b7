"""Cell lines as tasks of foreground: crops from the centre of each image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.io.sources.layouts import find_all
from napari_metaseg.io.sources.samples import Known, Sample, read_samples

from .training import Examples

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.sources.found import FoundTask


@dataclass(frozen=True, slots=True)
class CellLine:
    """One task.

    Attributes
    ----------
    name : str
        Of the cell line.
    images : (N, side, side) array of float32
        About 0 to 1; each image is scaled as a whole.
    masks : (N, side, side) array of int32
        Instances, 0 = background; some in each image.
    """

    name: str
    images: NDArray[np.float32] = field(repr=False)
    masks: NDArray[np.int32] = field(repr=False)

    def examples(self, chosen: Sequence[int], device: torch.device) -> Examples:
        """Return images and foreground as tensors."""
        images = torch.from_numpy(self.images[list(chosen)])[:, None]
        masks = torch.from_numpy((self.masks[list(chosen)] > 0).astype(np.float32))
        return Examples(images.to(device), masks.to(device))

    def draw(
        self, shots: int, query: int, seed: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Choose support and query images by chance, which the seed fixes."""
        rng = np.random.default_rng([*seed, crc32(self.name.encode())])
        order = rng.permutation(len(self.images)).tolist()
        return order[:shots], order[shots : shots + query]


def read_cell_lines(
    folders: Sequence[Path], *, side: int, images: int, shots: int
) -> Generator[str, None, list[CellLine]]:
    """Read one task for each cell line.

    Parameters
    ----------
    folders : sequence of Path
        LIVECell, with its COCO files and TIFF images anywhere below; or data in any
        layout that `napari_metaseg.io.sources.layouts` knows.
    side : int
        Of the crops, px.
    images : int
        At most so many images of each line, spread over its list.
    shots : int
        Largest number of support images; a line needs one more.

    Yields
    ------
    str
        What is being read.

    Returns
    -------
    list of CellLine

    Raises
    ------
    UserError
        If there are fewer than two lines with enough images.
    """
    lines = []
    for task in find_all(folders):
        yield f"reading {task.name}"
        found = _read_line(task, side, images)
        if len(found.images) > shots:
            lines.append(found)
        else:
            yield f"{task.name} is left out: it has {len(found.images)} usable images"
    if len(lines) < 2:
        raise UserError(
            f"There are {len(lines)} cell lines with more than {shots} images of at "
            f"least {side} px with cells in the middle; the protocol needs two or more."
        )
    return lines


def _read_line(task: FoundTask, side: int, wanted: int) -> CellLine:
    known = Known()
    images: list[NDArray[np.float32]] = []
    masks: list[NDArray[np.int32]] = []
    for index in _spread(len(task.pairs)):
        if len(images) == wanted:
            break
        for sample in read_samples(task, task.pairs[index], known):
            if isinstance(sample, Sample) and (cut := _crop(sample, side)) is not None:
                images.append(cut[0])
                masks.append(cut[1])
                break
    empty = np.zeros((0, side, side))
    return CellLine(
        task.name,
        np.stack(images) if images else empty.astype(np.float32),
        np.stack(masks) if masks else empty.astype(np.int32),
    )


def _spread(count: int) -> list[int]:
    """Order indices so that any first few of them are from all over."""
    order = np.random.default_rng(0).permutation(count)
    return [int(i) for i in order]


def _crop(
    sample: Sample, side: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]] | None:
    """Cut the middle out of an image; None if it is too small or has no cell there."""
    height, width = sample.masks.shape
    if min(height, width) < side:
        return None
    y, x = (height - side) // 2, (width - side) // 2
    window = (slice(y, y + side), slice(x, x + side))
    masks = sample.masks[window]
    if not masks.any() or masks.all():
        return None
    gray = sample.image if sample.image.ndim == 2 else sample.image.mean(2)
    return measure_range(gray).apply(gray)[window], np.ascontiguousarray(masks)
