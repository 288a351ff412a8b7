"""Adapt: from an image and a few painted cells to instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.core.settings import (
    DEFAULT_INIT,
    DEFAULT_MIRRORS,
    DEFAULT_SCALES,
    MIRRORS,
    SCALES,
    DecodeSettings,
)

from .adapt_run import AdaptRun
from .adapted import AdaptedModel, load
from .results import Progress, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence
    from pathlib import Path

    from .preview import PlaneWindow
    from .segmenter import Labels
    from .support import Axes
    from .wanted import Rectangle

__all__ = ["AdaptedModel", "Progress", "Report", "adapt", "adapt_steps", "load"]

Array = NDArray[np.generic]


def adapt(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    *,
    axes: Axes = None,
    channel: int | None = None,
    diameter: float | None = None,
    init: str | Path = DEFAULT_INIT,
    device: str = "auto",
    seed: int = 0,
    mirrors: int = DEFAULT_MIRRORS,
    scales: int = DEFAULT_SCALES,
    start: AdaptedModel | None = None,
    held_out: Array | Sequence[Array] | None = None,
    settings: DecodeSettings | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> AdaptedModel:
    """Learn a kind of cell from a few painted ones and find them all.

    Parameters
    ----------
    image : array or list of arrays
        (Y, X), (Y, X, C) or as ``axes`` says; any real type.
    annotation : array or list of arrays
        Of the image's shape without its channel axis: 0 = not annotated
        (unknown), k > 0 = one whole cell, -1 = background stroke.
    axes : str or list of str, optional
        One letter an axis, of T, Z, C, Y, X; a list has those of each image.
    channel : int, optional
        Channel to use; by default all of them.
    diameter : float, optional
        Object size (px), instead of that of the painted cells.
    init : str or Path
        Name of a bundled meta-initialization, or the folder of another.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    seed : int
        Fixes what is random.
    mirrors : int
        1, 2 or 4: how many mirror images of an image the adapted network looks at, to
        average what it draws. They take as many times as long. On twelve validation
        tasks, two draws of three cells each, the mean AP@0.5 was 0.501, 0.512 and
        0.517 (half a turn, then both reflections; six images gave 0.518).
    scales : int
        1 or 3: at how many scales the cells are learned. With three, cells are taken
        on which most looks agree (`napari_metaseg.core.votes`); it takes some three
        times as long. On twelve validation tasks, five draws of three cells each, the
        mean AP@0.5 was 0.557 and 0.572.
    start : AdaptedModel, optional
        Model of an earlier round, from the same initialization, whose parameters the
        inner loop begins with. Gradient steps (MAML, Reptile) go on from there;
        iMAML's problem has the same solution wherever it begins, and reaches it in
        fewer evaluations. By default every round begins with the initialization.
    held_out : array or list of arrays, optional
        Of the annotation's shape: k > 0 = one whole cell that serves as a test. It is
        never learned from, whether it is among the annotation or not, and the report
        tells how well such cells are found.
    settings : DecodeSettings, optional
        How what the network draws becomes instances, here and in other images; with
        ``region=True`` everything found is one object. By default the usual way, but
        for the splitting of touching cells, which is chosen by how well painted cells
        are found (`napari_metaseg.workflows.splitting`), and for the threshold where
        something is found on strokes (`napari_metaseg.workflows.threshold`).
    progress : callable, optional
        Called with a `Progress` now and then.

    Returns
    -------
    AdaptedModel

    Raises
    ------
    UserError
        If the image, the annotation or the initialization cannot be used.
    """
    steps = adapt_steps(
        image,
        annotation,
        axes=axes,
        channel=channel,
        diameter=diameter,
        init=init,
        device=device,
        seed=seed,
        mirrors=mirrors,
        scales=scales,
        start=start,
        previews=False,
        held_out=held_out,
        settings=settings,
    )
    return relay_to(steps, progress or (lambda _: None))


def adapt_steps(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    *,
    axes: Axes = None,
    channel: int | None = None,
    diameter: float | None = None,
    init: str | Path = DEFAULT_INIT,
    device: str = "auto",
    seed: int = 0,
    mirrors: int = DEFAULT_MIRRORS,
    scales: int = DEFAULT_SCALES,
    start: AdaptedModel | None = None,
    held_out: Array | Sequence[Array] | None = None,
    previous: Labels | None = None,
    only_first: bool = False,
    previews: bool = True,
    look_at: PlaneWindow | None = None,
    planes: Collection[int] | None = None,
    part: Rectangle | None = None,
    settings: DecodeSettings | None = None,
    fit_decoding: bool | None = None,
) -> Generator[Progress, None, AdaptedModel]:
    """Do what `adapt` does, as a generator that can be closed at any yield.

    Parameters
    ----------
    image, annotation, axes, channel, diameter, init, device, seed, mirrors, \
scales, start, held_out, settings
        As in `adapt`.
    previous : array of int32, optional
        Labels of the last round of the first image, whose numbers are kept.
    only_first : bool
        Segment and judge the first image only; the others are support and no more.
    previews : bool
        Draw a part of the first image now and then while the inner loop runs; the
        result is the same, bit for bit.
    look_at : (int, slice, slice), optional
        Plane, rows and columns of that part, which is narrowed down where it is
        large; by default the neighbourhood of the first painted cell.
    planes : collection of int, optional
        Which planes of the first image are segmented, along with those on which
        something is painted; by default all.
    part : (int, int, int, int), optional
        First row, row after the last, first column and column after the last (px) of
        what is segmented of these planes, along with what is painted; by default all.
        Something of what lies around it is segmented too.
    fit_decoding : bool, optional
        Whether splitting and threshold are chosen by what is painted, whatever
        ``settings`` says of them; by default where there are no settings.

    Yields
    ------
    Progress

    Returns
    -------
    AdaptedModel
    """
    if mirrors not in MIRRORS:
        raise UserError(f"There are {mirrors} mirror images; choose 1, 2 or 4.")
    if scales not in SCALES:
        raise UserError(f"There are {scales} scales; choose 1 or 3.")
    if not -(2**63) <= seed < 2**63:
        raise UserError(f"The seed is {seed}; choose a number of fewer than 19 digits.")
    chosen = pick_device(device)
    run = AdaptRun(
        image=image,
        annotation=annotation,
        axes=axes,
        channel=channel,
        diameter=diameter,
        init=init,
        seed=seed,
        mirrors=mirrors,
        # All of a region is one object: there is nothing to vote on.
        scales=1 if settings is not None and settings.region else scales,
        start=start,
        previous=previous,
        only_first=only_first,
        previews=previews,
        look_at=look_at,
        held_out=held_out,
        planes=planes,
        part=part,
        settings=settings or DecodeSettings(),
        fit_decoding=settings is None if fit_decoding is None else fit_decoding,
    )
    try:
        return (yield from run.steps(chosen, ""))
    except RuntimeError as error:
        cause = _limit(error)
        if chosen.type == "cpu" or not cause:
            raise
    note = f"{chosen.type.upper()} {cause}; this ran on the CPU instead."
    return (yield from run.steps(torch.device("cpu"), note))


def _limit(error: RuntimeError) -> str:
    """Say what a device could not do; empty for any other failure."""
    if isinstance(error, NotImplementedError):
        return "lacks an operation"
    # Libraries below PyTorch report a lack of memory in their own words.
    words = ("out of memory", "ALLOC_FAILED")
    if isinstance(error, torch.OutOfMemoryError) or any(w in str(error) for w in words):
        return "ran out of memory"
    return ""
