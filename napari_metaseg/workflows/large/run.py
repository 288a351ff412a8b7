"""Segmenting an image of any size, from its array to the result on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_metaseg.core.linking import check_link
from napari_metaseg.core.plane_source import ArrayLike, PlaneSource
from napari_metaseg.io.images import ORIGIN, Offset
from napari_metaseg.workflows.results import Progress

from .job import LargeJob
from .plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.segmenter import Segmenter

_WORDS = {
    "draw": "Looking at tile {} of {}",
    "find": "Finding cells in block {} of {}",
    "number": "Numbering the cells",
    "write": "Writing chunk {} of {}",
    "level": "Writing the pyramid, chunk {} of {}",
}
Helpers: TypeAlias = "Callable[[str, Sequence[int]], Iterator[bool]]"
"""Do the blocks of a stage that are left, and tell each time whether one has ended."""

# Rough shares of the time of one block, in the time of one tile of the network.
_COSTS = {"draw": 1.0, "find": 0.5, "number": 1.0, "write": 0.2, "level": 0.02}


def make_job(
    segmenter: Segmenter,
    image: ArrayLike,
    output: str | Path,
    *,
    adapted: bool = True,
    axes: str | None = None,
    channel: int | None = None,
    settings: DecodeSettings | None = None,
    coarser: Sequence[ArrayLike] = (),
    link: str = "none",
) -> LargeJob:
    """Describe the segmentation of an image of any size; nothing is read yet.

    Parameters
    ----------
    segmenter : Segmenter
        What is segmented with.
    image : ArrayLike
        NumPy, memory-mapped, zarr or dask array, or whatever can be sliced.
    output : str or Path
        The result: ``.zarr`` for OME-Zarr, ``.tif`` for tiled TIFF.
    adapted : bool
        False: as it was before adaptation.
    axes : str, optional
        One letter an axis, of T, Z, C, Y, X.
    channel : int, optional
        Channel; by default the one that was adapted to.
    settings : DecodeSettings, optional
        Threshold, splitting and rules.
    coarser : sequence of ArrayLike
        The same image at lower resolutions. The network is shown the coarsest that is
        not coarser than the scale at which it works.
    link : str
        ``"z"``, ``"t"``, ``"zt"``: cells keep their number along these axes.

    Returns
    -------
    LargeJob

    Raises
    ------
    UserError
        If the axes, the channel or the link do not suit the image.
    """
    chosen = segmenter.lens.channel if channel is None else channel
    source, *others = (
        PlaneSource.of(level, axes=axes, channel=chosen) for level in (image, *coarser)
    )
    along = check_link(link, source.label_axes)
    rules = settings or segmenter.settings
    plan = Plan(segmenter, source, tuple(others), rules, adapted, along)
    return LargeJob(plan, Path(output))


def run_job(
    job: LargeJob,
    *,
    pixel_size: tuple[float, float] | None = None,
    z_step: float | None = None,
    offset: Offset = ORIGIN,
    overwrite: bool = False,
    helpers: Helpers | None = None,
) -> Generator[Progress, None, Path]:
    """Do what is left of a job.

    Parameters
    ----------
    job : LargeJob
        From `make_job`. What an earlier run has done is not done again.
    pixel_size : tuple of float, optional
        Size of a pixel in µm, (y, x).
    z_step : float, optional
        Distance between planes in µm.
    offset : Offset
        Where the first pixel lies, for OME-Zarr.
    overwrite : bool
        Whether a result that is there already is replaced.
    helpers : Helpers, optional
        Who does the blocks, as `Shared`; by default this process, one by one.

    Yields
    ------
    Progress
        After each block; closed there, the job can be taken up again.

    Returns
    -------
    Path
        The result.

    Raises
    ------
    UserError
        If the image cannot be used or the result not be written.
    """
    yield Progress("segment", 0, 100, "Measuring the image")
    job.prepare(overwrite=overwrite)
    costs = [_COSTS[name.partition("-")[0]] for name, _ in job.stages]
    whole = sum(c * s.blocks for c, s in zip(costs, job.stages, strict=True))
    done = 0.0
    for cost, (name, count) in zip(costs, job.stages, strict=True):
        words = _WORDS[name.partition("-")[0]]
        ended = 0
        for more in _carry_out(job, name, count, helpers):
            ended += more
            done += more * cost
            message = words.format(ended, count)
            yield Progress("segment", int(100 * done / whole), 100, message)
    job.finish(pixel_size=pixel_size, z_step=z_step, offset=offset, overwrite=overwrite)
    return job.output


def _carry_out(
    job: LargeJob, stage: str, count: int, helpers: Helpers | None
) -> Iterator[int]:
    """Do what is left of a stage; yield how many blocks have ended since."""
    left = [k for k in range(count) if not job.folder.is_done(stage, k)]
    if len(left) < count:
        yield count - len(left)
    if helpers is None or count == 1:
        for index in left:
            job.run(stage, index)
            yield 1
    else:
        yield from helpers(stage, left)
