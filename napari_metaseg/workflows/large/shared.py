"""The blocks of one large image, shared among processes or the workers of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from secrets import token_hex
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.stitch import BLOCK
from napari_metaseg.core.tiles import TILE
from napari_metaseg.io.open_images import open_image
from napari_metaseg.workflows.crews import Done, Lost

from .job import LargeJob
from .plan import CHUNK
from .run import make_job

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from napari_metaseg.workflows.crews import Crew
    from napari_metaseg.workflows.segmenter import Segmenter


@dataclass(frozen=True)
class LargeOrder:
    """A job in words that any process understands.

    Attributes
    ----------
    image, output : Path
        The image, and the result; all who work on it see them under these names.
    axes, channel, link
        As in `make_job`.
    tile, block, chunk : int
        As in `Plan`.
    run : str
        Tells runs apart: a process keeps what it knows of a job to the end of one run.
    """

    image: Path
    output: Path
    axes: str | None = None
    channel: int | None = None
    link: str = "none"
    tile: int = TILE
    block: int = BLOCK
    chunk: int = CHUNK
    run: str = ""

    def job(self, segmenter: Segmenter) -> LargeJob:
        """Describe the job for a model; nothing is read yet.

        Raises
        ------
        UserError
            If the image cannot be opened, or is not as the order says.
        """
        image = open_image(self.image)
        made = make_job(
            segmenter,
            image.data,
            self.output,
            axes=self.axes or image.axes,
            channel=self.channel,
            coarser=image.coarser,
            link=self.link,
        )
        plan = replace(made.plan, tile=self.tile, block=self.block, chunk=self.chunk)
        return LargeJob(plan, self.output)


@dataclass(frozen=True, slots=True)
class BlockOrder:
    """One block of a job.

    Attributes
    ----------
    job : LargeOrder
        The job.
    stage, index
        As in `LargeJob.run`.
    """

    job: LargeOrder
    stage: str
    index: int


def do_block(segmenter: Segmenter, order: BlockOrder) -> Generator[float, None, str]:
    """Do one block of a job, unless it is done.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    order : BlockOrder
        Which block.

    Yields
    ------
    float
        Share done.

    Returns
    -------
    str
        Why it cannot be done; empty once it is.
    """
    yield 0.0
    try:
        _job(segmenter, order.job).run(order.stage, order.index)
    except UserError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def _job(segmenter: Segmenter, order: LargeOrder) -> LargeJob:
    return order.job(segmenter)


class Shared:
    """Has the blocks of a job done by others, see `run_job`.

    Parameters
    ----------
    crew : Crew
        Who does the work.
    order : LargeOrder
        The job.
    """

    def __init__(self, crew: Crew, order: LargeOrder) -> None:
        self._crew = crew
        self._order = replace(
            order,
            image=order.image.absolute(),
            output=order.output.absolute(),
            run=token_hex(8),
        )

    def __call__(self, stage: str, left: Sequence[int]) -> Iterator[bool]:
        """Have blocks of a stage done, in any order.

        Yields
        ------
        bool
            Whether one has just ended; now and then False, to be able to stop.

        Raises
        ------
        UserError
            If a block cannot be done.
        """
        orders = [BlockOrder(self._order, stage, index) for index in left]
        for state in self._crew.run(do_block, orders):
            if isinstance(state, Lost):
                raise UserError(
                    "Each worker that began one of the blocks was lost, most likely "
                    "for lack of memory; give workers more of it and run again: what "
                    "is done is kept."
                )
            if isinstance(state, Done) and state.result:
                raise UserError(state.result)
            yield isinstance(state, Done)
