"""Values that adaptation hands out: progress, report, settings of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """Instances in a part of one plane.

    Attributes
    ----------
    place : tuple of int and slice
        Where: an index into arrays of the annotation's shape.
    labels : array of int32
        Instances there, of the shape that ``place`` selects.
    own_iou : float or None
        Mean IoU of the cells painted wholly inside; None where there are none.
    """

    place: tuple[int | slice, ...]
    labels: NDArray[np.int32]
    own_iou: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    stage : str
        ``"prepare"``, ``"before"``, ``"adapt"`` or ``"segment"``.
    step, total : int
        Position within the whole run, for one progress bar.
    message : str
        One line for a person.
    loss : float or None
        Support loss, in stage ``"adapt"``.
    preview : array of int32 or None
        Instances so far of the first image, of the shape of its annotation.
    part : Part or None
        Instances so far of a part of it, in stages ``"adapt"`` and ``"segment"``.
    """

    stage: str
    step: int
    total: int
    message: str
    loss: float | None = None
    preview: NDArray[np.int32] | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an adaptation did.

    Attributes
    ----------
    n_cells, n_strokes : int
        Painted cells and background strokes.
    diameter : float
        Object size (px at image scale) that set the working scale.
    steps : int
        Gradient steps of the result.
    own_iou_before, own_iou_after : float
        Mean IoU of each painted cell with the instance that fits it best.
    kept : bool
        Whether the adapted network is kept. If not, the un-adapted result stays.
    reason : str
        Why it was not kept; else empty.
    device : str
        Device of the run.
    note : str
        What else the person should know; may be empty.
    held_out_iou_before, held_out_iou_after : float or None
        The same score of the cells that were held out; None without any.
    """

    n_cells: int
    n_strokes: int
    diameter: float
    steps: int
    own_iou_before: float
    own_iou_after: float
    kept: bool
    reason: str
    device: str
    note: str
    held_out_iou_before: float | None = None
    held_out_iou_after: float | None = None
