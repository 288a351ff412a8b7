"""Judging a round: how well painted and held-out cells are found, before and after."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from .held_out import cells_of_test
from .results import Report
from .verdict import ANY_SIZE, own_iou, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.annotation import Annotated
    from napari_metaseg.core.plane_output import PlaneOutput
    from napari_metaseg.core.settings import DecodeSettings

    from .adapted import View
    from .lens import Lens

    Outputs: TypeAlias = Sequence[Sequence[PlaneOutput]]


def own_iou_of(views: Sequence[View], outputs: Outputs, rules: DecodeSettings) -> float:
    """Score the painted cells of several images, see `own_iou`.

    Parameters
    ----------
    views : sequence of View
        The images with what is painted on them.
    outputs : sequence of (sequence of PlaneOutput)
        What a network drew of each plane of each.
    rules : DecodeSettings
        How the output becomes instances.
    """
    return own_iou(*zip(*beside(views, outputs), strict=True), rules=rules)


def beside(
    views: Sequence[View], outputs: Outputs
) -> list[tuple[PlaneOutput, NDArray[np.int32]]]:
    """Put each plane of several images beside what is painted on it."""
    painted = [plane for view in views for plane in view.planes.split(view.annotation)]
    return list(zip(_flat(outputs), painted, strict=True))


def judge(
    known: Annotated,
    views: Sequence[View],
    before: Outputs,
    after: Outputs,
    iou_before: float,
    steps: int,
    lens: Lens,
    settings: DecodeSettings,
) -> Report:
    """Report on a round.

    Parameters
    ----------
    known : Annotated
        What was painted.
    views : sequence of View
        The images.
    before, after : sequence of (sequence of PlaneOutput)
        What the network drew of them before and after adaptation.
    iou_before : float
        Own-cell score before, see `own_iou_of`.
    steps : int
        Gradient steps.
    lens : Lens
        How the images were looked at.
    settings : DecodeSettings
        How the result is decoded. Painted cells are judged as it is usually done or,
        where that is better, so: what was drawn counts, and not where a slider is.
        Held-out cells are judged as the result is shown.

    Returns
    -------
    Report
        Without device and note.
    """
    usual = replace(ANY_SIZE, region=settings.region)
    cut = replace(settings, min_size=0.0, clear_border=False)
    tests = [t for v in views for t in cells_of_test(v)]
    tested = any((t > 0).any() for t in tests)
    new, painted = zip(*beside(views, after), strict=True)
    old = _flat(before)
    iou_after = max(own_iou(new, painted, rules=r) for r in {usual, cut})
    reason = verdict(old, new, painted, iou_before, iou_after)
    held_out = partial(own_iou, annotations=tests, equal=True)
    return Report(
        n_cells=known.n_cells,
        n_strokes=known.n_strokes,
        diameter=lens.diameter,
        steps=0 if reason else steps,
        own_iou_before=iou_before,
        own_iou_after=iou_after,
        kept=not reason,
        reason=reason,
        device="",
        note="",
        held_out_iou_before=held_out(old, rules=usual) if tested else None,
        held_out_iou_after=held_out(new, rules=cut) if tested else None,
    )


def _flat(outputs: Outputs) -> list[PlaneOutput]:
    return [output for planes in outputs for output in planes]
