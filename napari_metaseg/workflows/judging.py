"""Judging a round: how well painted and held-out cells are found, before and after."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from .held_out import cells_of_test
from .results import Report
from .verdict import own_iou, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.annotation import Annotated
    from napari_metaseg.core.plane_output import PlaneOutput

    from .adapted import View
    from .lens import Lens

    Outputs: TypeAlias = Sequence[Sequence[PlaneOutput]]


def own_iou_of(views: Sequence[View], outputs: Outputs, *, region: bool) -> float:
    """Score the painted cells of several images, see `own_iou`.

    Parameters
    ----------
    views : sequence of View
        The images with what is painted on them.
    outputs : sequence of (sequence of PlaneOutput)
        What a network drew of each plane of each.
    region : bool
        Whether one region is wanted.
    """
    painted = [plane for view in views for plane in view.planes.split(view.annotation)]
    return own_iou(_flat(outputs), painted, region=region)


def judge(
    known: Annotated,
    views: Sequence[View],
    before: Outputs,
    after: Outputs,
    iou_before: float,
    steps: int,
    lens: Lens,
    *,
    region: bool,
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
    region : bool
        Whether one region is wanted.

    Returns
    -------
    Report
        Without device and note.
    """
    iou_after = own_iou_of(views, after, region=region)
    painted = [p for v in views for p in v.planes.split(v.annotation)]
    tests = [t for v in views for t in cells_of_test(v)]
    tested = any((t > 0).any() for t in tests)
    old, new = _flat(before), _flat(after)
    tested_iou = partial(own_iou, annotations=tests, region=region)
    reason = verdict(old, new, painted, iou_before, iou_after)
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
        held_out_iou_before=tested_iou(old) if tested else None,
        held_out_iou_after=tested_iou(new) if tested else None,
    )


def _flat(outputs: Outputs) -> list[PlaneOutput]:
    return [output for planes in outputs for output in planes]
