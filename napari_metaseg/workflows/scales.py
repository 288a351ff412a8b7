"""The same cells, learned at other scales, so that several looks can be put to a vote.

The painted cells give one object size, and everything is brought to it; but cells of
one image differ, and what the network draws of a cell a quarter larger or smaller than
it is used to has other errors. So all is learned again at two more scales, and the
cells are taken on which the looks agree (`napari_metaseg.core.votes`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay
from napari_metaseg.core.settings import SCALES, DecodeSettings

from .results import Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import torch

    from napari_metaseg.core.plane_output import PlaneOutput

    from .adapt_run import AdaptRun
    from .adapted import AdaptedModel


def learn_at_other_scales(
    run: AdaptRun, device: torch.device, bar: int
) -> Generator[Progress, None, list[AdaptedModel]]:
    """Run an adaptation again at the other scales that it asks for.

    Parameters
    ----------
    run : AdaptRun
        What is run, with all that it is given, and the object size (px at image scale)
        and what channels count, as the usual scale has found them.
    device : torch.device
        Where.
    bar : int
        Where the progress bar stands (per cent).

    Yields
    ------
    Progress

    Returns
    -------
    list of AdaptedModel
        One a scale, those at which adapting has made things worse among them, but not
        those at which nothing is left of what is painted.
    """
    assert run.diameter is not None
    models = []
    further = SCALES[run.scales]
    starts: list[AdaptedModel | None] = [None] * len(further)
    if run.start is not None and len(run.start.others) == len(further):
        starts = [*run.start.others]
    ends = np.linspace(bar, 100, len(further) + 1)
    for number, (scale, start) in enumerate(zip(further, starts, strict=True)):
        again = replace(
            run,
            diameter=run.diameter / scale,
            scales=1,
            start=start,
            previous=None,
            previews=False,
            # What is kept must not hang on where a slider is.
            settings=DecodeSettings(region=run.settings.region),
            fit_decoding=False,
        )
        at = f"At scale {number + 2} of {run.scales}"
        tell = partial(_told_at, at, *ends[number : number + 2])
        # What the usual scale can do may be too large, or too small, for another.
        with suppress(UserError):
            models.append((yield from relay(again.steps(device, ""), tell)))
    return models


def _told_at(scale: str, start: float, stop: float, told: Progress) -> Progress:
    """Tell it as a part of the whole."""
    bar = round(start + (stop - start) * told.step / told.total)
    return Progress("segment", bar, 100, f"{scale}: {told.message}")


def with_others(
    outputs: list[PlaneOutput], others: Sequence[list[PlaneOutput]]
) -> list[PlaneOutput]:
    """Put what was drawn of planes at other scales beside what was drawn of them.

    Parameters
    ----------
    outputs : list of PlaneOutput
        One a plane.
    others : sequence of (list of PlaneOutput)
        The same at each other scale.
    """
    return [
        replace(output, others=tuple(looks)) if output.drawn else output
        for output, *looks in zip(outputs, *others, strict=True)
    ]
