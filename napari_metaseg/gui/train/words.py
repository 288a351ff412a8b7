"""What is said of a run, in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.words import counted
from napari_metaseg.gui.guidance import Line, Tone

if TYPE_CHECKING:
    from napari_metaseg.workflows.run_state import RunState

    from .watch import Glimpse

LITTLE = 0.01
"""Gain in AP that is not worth the name."""


def line(glimpse: Glimpse, asked: str | None = None) -> Line:
    """Say how a run stands, and what can be done.

    Parameters
    ----------
    glimpse : Glimpse
        The run.
    asked : str or None
        What it was asked and has not done yet.

    Returns
    -------
    Line
    """
    state = glimpse.state
    if glimpse.complaint:
        return Line(_sentence(glimpse.complaint), Tone.WARNING)
    if state is None:
        return Line("Starting…")
    if state.going and asked is not None:
        doing = "Pausing" if asked == "pause" else "Stopping"
        return Line(f"{doing} after this meta-step…")
    at = f"after {counted(state.step, 'meta-step')}"
    match state.state:
        case "paused":
            return Line(f"Paused {at}. Resume, or stop and keep what it has learned.")
        case "finished":
            where = ""
            if glimpse.installed:
                where = f": choose “{glimpse.installed}” in MetaSeg under Start from"
            return Line(f"Finished {at}{where}.", Tone.DONE)
        case "interrupted":
            text = f"The run was interrupted {at}. Resume goes on from its checkpoint."
            return Line(text, Tone.WARNING)
        case "validating":
            return Line("Looking how well adapting works on the validation tasks…")
        case "running":
            return Line("Training. Go on working in napari, or close it: this goes on.")
        case _:
            return Line("Starting: reading the data…")


def facts(glimpse: Glimpse) -> str:
    """Tell steps, time, memory and device in one line."""
    state = glimpse.state
    if state is None:
        return ""
    parts = [f"Step {state.step}" + (f" of {state.steps}" if state.steps else "")]
    if state.seconds_left is not None and state.going:
        parts.append(f"{duration(state.seconds_left)} left")
    parts.append(f"{duration(state.seconds)} so far")
    if state.going:
        parts.append(f"{state.memory_mb / 1024:.1f} GB")
    return " · ".join([*parts, state.device.upper()])


def progress(state: RunState | None) -> tuple[int, int]:
    """Return how far a run is, and of how much; 0 of 0 if that is not known."""
    if state is None or not state.going:
        return 0, 0
    if state.seconds_left is not None:
        return round(state.seconds), max(1, round(state.seconds + state.seconds_left))
    return (state.step, state.steps) if state.steps else (0, 0)


def outcome(glimpse: Glimpse) -> str:
    """Tell what the latest validation says; warn if adapting does not help."""
    curve = glimpse.score_curve()
    if not len(curve.steps):
        return ""
    before, after = curve.before[-1], curve.after[-1]
    said = (
        f"On the validation tasks: AP@0.5 of {before:.2f} as it is, {after:.2f} "
        "adapted to three cells."
    )
    warnings = glimpse.warnings
    if not warnings and after - before < LITTLE:
        warnings = ("Adapting does not help yet.",)
    return " ".join([said, *(f"⚠ {warning}" for warning in warnings)])


def captions(glimpse: Glimpse) -> dict[str, str]:
    """Name each validation task with its latest scores."""
    latest = {score.task: score for score in glimpse.scores}
    return {
        task: f"{task}: image | before ({s.before:.2f}) | after ({s.after:.2f})"
        for task, s in latest.items()
    }


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(42), duration(150), duration(7300)
    ('42 s', '3 min', '2 h 2 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def place(folder: Path) -> str:
    """Return a folder as people say it: from their home on, if it lies there."""
    home = Path.home()
    return (
        str("~" / folder.relative_to(home))
        if folder.is_relative_to(home)
        else str(folder)
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."
