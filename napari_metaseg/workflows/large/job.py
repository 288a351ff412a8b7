"""Segmenting an image of any size in blocks that are independent of each other.

The network draws tiles (``draw``), instances are found at working scale (``find``) and
numbered (``number``), their labels are written at image scale (``write``), and the
levels of the pyramid follow (``level-1``, ...). Within a stage blocks may run in any
order and in any process; a stage begins once the one before it is complete.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.intensity import Range, measure_range
from napari_metaseg.core.network import STRIDE
from napari_metaseg.core.resample import resize_part, source_window
from napari_metaseg.core.stitch import find_in_block
from napari_metaseg.core.windows import doubled
from napari_metaseg.io.files import replace_folder, write_failures_told
from napari_metaseg.io.images import ORIGIN, Offset
from napari_metaseg.io.large_labels import (
    check_output,
    describe_labels,
    is_zarr,
    write_large_labels,
)

from .folder import JobFolder
from .numbers import Cells, gather, number_cells
from .places import Places

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.core.windows import Window

    from .plan import Plan


class Stage(NamedTuple):
    """A stage of a job.

    Attributes
    ----------
    name : str
        What it does.
    blocks : int
        How many there are.
    """

    name: str
    blocks: int


class LargeJob:
    """One image that is segmented through files.

    Attributes
    ----------
    plan : Plan
        Image, segmenter and rules.
    output : Path
        The result: a folder ending in ``.zarr``, or a file ending in ``.tif``.
    folder : JobFolder
        What has been written, beside the result: its name ends in ``.partial``.
    measured : list of Range
        Intensities of each channel, once it is prepared.
    """

    def __init__(self, plan: Plan, output: Path) -> None:
        self.plan, self.output = plan, output
        self.folder = JobFolder(output.with_name(f"{output.name}.partial"))
        self.measured: list[Range] = []

    def prepare(self, *, overwrite: bool = False) -> None:
        """Measure intensities, and make the folder or check that it is of this job.

        Parameters
        ----------
        overwrite : bool
            Whether a result that is there already is replaced in the end.

        Raises
        ------
        UserError
            If the image does not suit the model, the folder is another job's or cannot
            be written, or the result exists.
        """
        plan, folder = self.plan, self.folder
        check_output(self.output, overwrite=overwrite)
        sample = plan.source.sample()
        self.measured = [measure_range(channel) for channel in sample]
        ranges = plan.segmenter.lens.ranges_for(self.measured)
        low, high = np.array([(r.low, r.high) for r in ranges]).T
        count, shape = plan.source.count, plan.working
        tile, block = (1, 2, plan.tile, plan.tile), (1, plan.block, plan.block)
        with write_failures_told(folder.path):
            folder.open_for(plan.identity(sample))
            # Killed once the labels had left the folder: its marks are of no use.
            if folder.is_done("number", 0) and not folder.has_array("labels/0"):
                folder.forget()
            folder.save_table("ranges", low=low, high=high)
            folder.make_array("maps", (count, 2, *shape), tile, "float16")
            folder.make_array("found", (count, *shape), block, "int64")

    @cached_property
    def stages(self) -> list[Stage]:
        """All stages, in the order in which they have to be completed."""
        plan, count = self.plan, self.plan.source.count
        return [
            Stage("draw", count * len(plan.tiles)),
            Stage("find", count * len(plan.blocks)),
            Stage("number", 1),
            Stage("write", count * len(plan.chunks(0))),
            *(
                Stage(f"level-{level}", count * len(plan.chunks(level)))
                for level in range(1, self._levels)
            ),
        ]

    @property
    def _levels(self) -> int:
        return len(self.plan.levels) if is_zarr(self.output) else 1

    def run(self, stage: str, index: int) -> None:
        """Do one block of a stage, unless it is done.

        Parameters
        ----------
        stage : str
            Its name; all blocks of the stages before it are done.
        index : int
            Which block.

        Raises
        ------
        UserError
            If the image cannot be read, or the folder not be written.
        """
        if self.folder.is_done(stage, index):
            return
        name, _, level = stage.partition("-")
        with write_failures_told(self.folder.path):
            if name == "level":
                self._shrink(int(level), index)
            else:
                getattr(self, f"_{name}")(index)
            self.folder.mark_done(stage, index)

    def finish(
        self,
        *,
        pixel_size: tuple[float, float] | None = None,
        z_step: float | None = None,
        offset: Offset = ORIGIN,
        overwrite: bool = False,
    ) -> None:
        """Give the result its name, once all stages are complete.

        Parameters
        ----------
        pixel_size : tuple of float, optional
            Size of a pixel in µm, (y, x).
        z_step : float, optional
            Distance between planes in µm.
        offset : Offset
            Where the first pixel lies, for OME-Zarr.
        overwrite : bool
            Whether a result that is there already is replaced.

        Raises
        ------
        UserError
            If it exists or cannot be written.
        """
        check_output(self.output, overwrite=overwrite)
        labels, axes = self.folder.path / "labels", self.plan.source.label_axes
        if is_zarr(self.output):
            with write_failures_told(self.folder.path):
                describe_labels(
                    labels,
                    self._levels,
                    axes=axes,
                    pixel_size=pixel_size,
                    z_step=z_step,
                    offset=offset,
                )
            replace_folder(self.output, labels)
        else:
            write_large_labels(
                self.output,
                self.folder.array("labels/0"),
                axes=axes,
                pixel_size=pixel_size,
                z_step=z_step,
                overwrite=overwrite,
            )
        self.folder.remove()

    @cached_property
    def _ranges(self) -> list[Range]:
        table = self.folder.table("ranges")
        pairs = zip(table["low"].tolist(), table["high"].tolist(), strict=True)
        return [Range(low, high) for low, high in pairs]

    def _draw(self, index: int) -> None:
        plan = self.plan
        plane, number = divmod(index, len(plan.tiles))
        tile = plan.tiles[number]
        old, new = plan.drawn_from.shape, plan.working
        values = plan.drawn_from.read(plane, source_window(old, new, tile.read))
        pairs = zip(self._ranges, values, strict=True)
        normal = np.stack([own.apply(channel) for own, channel in pairs])
        image = resize_part(normal, old, new, tile.read)
        network = plan.segmenter.network
        adapted = plan.adapted and plan.segmenter.kept
        # All of it at once: it has been read with its halo.
        side = -(-max(image.shape[-2:]) // STRIDE) * STRIDE
        maps = exhaust(network.draw(image, adapted=adapted, tile=side))
        self._maps[(plane, slice(None), *tile.write)] = maps[(slice(None), *tile.keep)]

    @cached_property
    def _maps(self) -> Any:
        return self.folder.array("maps")

    @cached_property
    def _found(self) -> Any:
        return self.folder.array("found")

    def _find(self, index: int) -> None:
        plan = self.plan
        plane, block = divmod(index, len(plan.blocks))

        def read(window: Window) -> NDArray[np.float16]:
            maps: NDArray[np.float16] = self._maps[(plane, slice(None), *window)]
            return maps

        found = find_in_block(
            read, plan.working, plan.blocks[block], plan.settings, plan.diameter
        )
        self._found[(plane, *plan.blocks[block])] = found.labels
        self.folder.save_table(
            f"cells/{index}", name=found.names, outline=found.outline
        )

    def _number(self, _index: int) -> None:
        plan = self.plan
        tables = []
        for index in range(plan.source.count * len(plan.blocks)):
            table = self.folder.table(f"cells/{index}")
            plane = index // len(plan.blocks)
            tables.append((plane, table["name"], table["outline"]))
        cells = gather(tables)
        out = np.zeros(len(cells.name), bool)
        if plan.settings.clear_border:
            out[self._places.at_border(cells)] = True

        def rows(plane: int, block: int) -> NDArray[np.int64]:
            names = self._found[(plane, *plan.blocks[block])]
            return cells.rows_of(plane, names)

        cells = number_cells(cells, out, plan, rows)
        self.folder.save_table("cells", **cells._asdict())
        dtype = "uint16" if cells.number.max(initial=0) < 2**16 else "uint32"
        planes = plan.source.label_shape[:-2]
        chunks = (*(1 for _ in planes), plan.chunk, plan.chunk)
        for level, shape in enumerate(plan.levels[: self._levels]):
            name = f"labels/{level}"
            size, axes = (*planes, *shape), plan.source.label_axes
            self.folder.make_array(name, size, chunks, dtype, axes)

    @cached_property
    def _places(self) -> Places:
        return Places(self.plan, self._maps, self._found)

    @cached_property
    def _cells(self) -> Cells:
        return Cells(**self.folder.table("cells"))

    def _write(self, index: int) -> None:
        chunks = self.plan.chunks(0)
        plane, chunk = divmod(index, len(chunks))
        rows = self._places.rows(self._cells, plane, chunks[chunk])
        numbers = np.append(self._cells.number, 0)[rows]
        place = (*self.plan.source.place(plane), *chunks[chunk])
        self.folder.array("labels/0")[place] = numbers

    def _shrink(self, level: int, index: int) -> None:
        chunks = self.plan.chunks(level)
        plane, chunk = divmod(index, len(chunks))
        place, window = self.plan.source.place(plane), chunks[chunk]
        fine = (*place, *doubled(window, self.plan.levels[level - 1]))
        # Every second pixel, the first one included: numbers cannot be averaged.
        values = self.folder.array(f"labels/{level - 1}")[fine][::2, ::2]
        self.folder.array(f"labels/{level}")[(*place, *window)] = values
