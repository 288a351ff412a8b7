"""The one line that always tells what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from napari_metaseg.core.objects import FIRST
from napari_metaseg.core.words import counted

from .rounds import init_title

if TYPE_CHECKING:
    from napari_metaseg.core.filling import Filling

    from .decoding import Decoded
    from .past import Past
    from .rounds import Round


class Tone(Enum):
    """How a line is meant; the panel colours it accordingly."""

    NEXT = "next"
    DONE = "done"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or two for the person, and how they are meant."""

    text: str
    tone: Tone = Tone.NEXT


CANCELLED = Line("Cancelled; everything is as it was before.")
"""A run was cancelled."""

IMAGE_GONE = Line(
    "The image was removed or resized meanwhile; press Adapt again.", Tone.WARNING
)
"""A run has ended, and there is nowhere to show what it found."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the next step depends on.

    Attributes
    ----------
    image : bool
        Whether an image is chosen.
    readable : bool
        Whether its axes can be read.
    large : bool
        Whether it is too large to adapt to as a whole.
    annotation : bool
        Whether it has an annotation layer.
    cells : int
        Cells painted.
    background : bool
        Whether a background stroke is painted.
    adapt_key : str
        Name of the key that adapts.
    seconds : float or None
        How long the last round took, if there was one.
    """

    image: bool = False
    readable: bool = True
    large: bool = False
    annotation: bool = False
    cells: int = 0
    background: bool = False
    adapt_key: str = "Ctrl+Enter"
    seconds: float | None = None


def next_step(now: Situation) -> Line:
    """Say what to do next.

    Parameters
    ----------
    now : Situation
        What is there.

    Returns
    -------
    Line
    """
    if not now.image:
        return Line("Open an image (File > Open, or drop it here), or a sample.")
    if not now.readable:
        return Line(
            "This image has too many axes; take out one position or one channel.",
            Tone.WARNING,
        )
    if now.large:
        return Line(
            "A big image, or one with channels within a stack: zoom in on a few of its "
            "cells, then press 'Work on the part in view'."
        )
    if not now.annotation:
        return Line("Press Next cell to start an annotation layer.")
    if now.cells == 0 and now.background:
        return Line("Background alone shows no cell: press Next cell and paint one.")
    if now.cells == 0:
        return Line("Paint one whole cell. What stays unpainted counts as unknown.")
    painted = counted(now.cells, "cell")
    if now.seconds is not None:
        took = f" The last round took {now.seconds:.1f} s."
    else:
        took = " Or paint one more: Next cell (N)." if now.cells == 1 else ""
    return Line(f"{painted} painted: press Adapt ({now.adapt_key}).{took}")


def adapted(result: Round) -> Line:
    """Say how an adaptation went and what to do now.

    Parameters
    ----------
    result : Round
        The round that has just ended.

    Returns
    -------
    Line
    """
    found = _found(result.decoded)
    report = result.model.report
    if result.warning:
        return Line(f"{found}. {result.warning}", Tone.WARNING)
    if report is None:
        return Line(f"{found}. Paint what is missing.", Tone.DONE)
    note = f" {_sentence(report.note)}" if report.note else ""
    note += _images(result)
    before, after = report.held_out_iou_before, report.held_out_iou_after
    if before is not None and after is not None:
        note = f" Held-out cells: IoU {before:.2f} before, {after:.2f} now.{note}"
    if not report.kept:
        text = f"Kept the result from before adaptation: {_sentence(report.reason)}"
        return Line(f"{text} {found}; paint another cell.{note}", Tone.WARNING)
    took = f"{result.seconds:.1f} s on {report.device.upper()}"
    text = f"Adapted in {took}: {found}. Paint what is missing.{_elsewhere(result)}"
    return Line(f"{text}{note}", Tone.DONE)


def _elsewhere(result: Round) -> str:
    """Say where further cells pay, once those of one image have told what they can.

    On twelve validation tasks the mean AP@0.5 on other images was 0.565 after three
    cells, 0.549 after ten of one image, and 0.587 after ten of four.
    """
    report = result.model.report
    if report is None or report.n_cells <= FIRST or result.images > 1:
        return ""
    return " Other images gain more from a few cells painted on one of them."


def failed(error: Exception) -> Line:
    """Say that a run has failed."""
    text = f"Adapting failed ({error}); what you painted is untouched."
    return Line(text, Tone.WARNING)


def looked(past: Past, shown: Decoded, *, current: bool) -> Line:
    """Say which round is seen."""
    found = _found(shown)
    if current:
        return Line(f"Round {past.number}, the current result: {found}.", Tone.DONE)
    text = f"Round {past.number}: {found}. 'Go back to this round' makes it current."
    return Line(text)


def compared(results: tuple[Round, ...]) -> Line:
    """Say how a comparison of initializations went."""
    scores = ", ".join(
        f"{init_title(result.init)} {result.model.report.own_iou_after:.2f}"
        for result in results
        if result.model.report is not None
    )
    return Line(f"IoU of your own cells: {scores}. Click a row to see it.", Tone.DONE)


def _found(shown: Decoded) -> str:
    return counted(shown.cells, "region" if shown.settings.region else "cell")


def _images(result: Round) -> str:
    """Say from which images was learned, where that is not a matter of course."""
    text = f" Learned from {result.images} images." if result.images > 1 else ""
    if result.left_out:
        names = ", ".join(f"'{name}'" for name in result.left_out)
        text += f" Left out, because read in another way: {names}."
    return text


def decoded(shown: Decoded) -> Line:
    """Say what the sliders, or the view before adaptation, give.

    Parameters
    ----------
    shown : Decoded
        What is shown, from before or after adaptation.

    Returns
    -------
    Line
    """
    found = _found(shown)
    if shown.adapted:
        return Line(f"{found} with these settings. Paint what is missing.")
    return Line(f"Before adaptation: {found}. Untick to see the adapted result.")


def filled(what: str, filling: Filling) -> Line:
    """Say what was put into the annotation.

    Parameters
    ----------
    what : str
        What was done with the cells, such as ``restored``.
    filling : Filling
        What was put in.

    Returns
    -------
    Line
    """
    left = ""
    if filling.left_out:
        were = "was" if filling.left_out == 1 else "were"
        left = f" {filling.left_out} {were} left out: painted already, or too small."
    if not filling.labels.size:
        return Line(f"Nothing {what}.{left}", Tone.WARNING)
    cells = counted(filling.cells, "cell")
    return Line(f"{cells} {what}.{left} Ctrl+Z takes it back.", Tone.DONE)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
