"""Looking at the folder of a run: in a worker, and cheap enough for once a second."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import psutil
from PIL import Image
from scipy.ndimage import uniform_filter1d

from napari_metaseg.workflows.run_state import (
    LOG,
    RunState,
    Validation,
    read_log,
    read_state,
    read_validation,
)

from .keeping import read_installed
from .launch import last_words

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.gui.worker import Tick

MOST_POINTS = 500
"""Points of a curve; there are fewer pixels to draw them on."""

_WINDOWS = 40  # a curve is smoothed over this part of its length
_WIDEST = 600  # px of a picture that is shown in a dock


class Launched(NamedTuple):
    """A process that was started, and what the folder said before it was."""

    pid: int
    before: RunState | None


class Curve(NamedTuple):
    """Values over meta-steps, before and after adaptation."""

    steps: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


class Picture(NamedTuple):
    """Pixels (Y, X, 3) of uint8, and when their file was written (ns)."""

    pixels: NDArray[np.uint8]
    written: int


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A run as it is at one moment.

    Attributes
    ----------
    folder : Path
        Folder of the run.
    state : RunState or None
        What it says of itself; None before its first word.
    loss : Curve
        Meta-loss, smoothed and thinned.
    log_written : int
        When its log was last written (ns).
    scores : tuple of Validation
        All scores so far.
    gallery : mapping of str to Picture
        A picture for each validation task.
    installed : str
        Name under which its bundle can be chosen; empty if it cannot.
    warnings : tuple of str
        What the card of its bundle warns of.
    complaint : str
        Why it failed, or could not even start; empty if it did not.
    """

    folder: Path
    state: RunState | None
    loss: Curve
    log_written: int = 0
    scores: tuple[Validation, ...] = ()
    gallery: Mapping[str, Picture] = field(default_factory=dict)
    installed: str = ""
    warnings: tuple[str, ...] = ()
    complaint: str = ""

    @property
    def validation_tasks(self) -> tuple[str, ...]:
        """Names of the validation tasks that have been scored."""
        return tuple(sorted({score.task for score in self.scores}))

    def score_curve(self, task: str | None = None) -> Curve:
        """Return the scores of a task; None for the mean of all.

        A step at which only some of the tasks have been scored has no mean yet.
        """
        found: dict[int, dict[str, Validation]] = {}
        for score in self.scores:
            if task in (None, score.task):
                found.setdefault(score.step, {})[score.task] = score
        most = max(map(len, found.values()), default=0)
        rows = [
            (
                step,
                np.mean([s.before for s in of_step.values()]),
                np.mean([s.after for s in of_step.values()]),
            )
            for step, of_step in sorted(found.items())
            if len(of_step) == most
        ]
        return Curve(*np.array(rows, float).reshape(-1, 3).T)


def look(
    folder: Path, last: Glimpse | None, launched: Launched | None = None
) -> Generator[Tick, None, Glimpse]:
    """See how a run is.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    last : Glimpse or None
        What was seen of it before; what has not changed is not read again.
    launched : Launched, optional
        The process that was started last.
    """
    yield from ()
    state = read_state(folder)
    silent = state is None or (launched is not None and state == launched.before)
    if silent and launched is not None:
        state = None if psutil.pid_exists(launched.pid) else launched.before
    written = _written(folder / LOG)
    if last is not None and last.log_written == written:
        loss = last.loss
    else:
        loss = thin(_losses(folder))
    installed = read_installed(folder)
    return Glimpse(
        folder,
        state,
        loss,
        written,
        tuple(read_validation(folder)),
        _pictures(folder, {} if last is None else last.gallery),
        "" if installed is None else installed.name,
        _warnings(folder),
        _complaint(folder, state, launched, silent=silent),
    )


def _complaint(
    folder: Path, state: RunState | None, launched: Launched | None, *, silent: bool
) -> str:
    """Return why a process failed, or why it ended before it could say anything."""
    if silent and launched is not None and not psutil.pid_exists(launched.pid):
        return last_words(folder) or "The training process ended without a word."
    if state is None and launched is None:
        return last_words(folder) or "The training process ended before it had begun."
    if state is not None and state.state == "failed":
        return state.message or last_words(folder)
    return ""


def thin(curve: Curve) -> Curve:
    """Smooth a curve, and keep no more points than can be seen."""
    count = len(curve.steps)
    if count == 0:
        return curve
    kept = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round())
    at = kept.astype(int)
    width = 1 + count // _WINDOWS
    before, after = (
        uniform_filter1d(values, width, mode="reflect")[at] for values in curve[1:]
    )
    return Curve(curve.steps[at], before, after)


def _losses(folder: Path) -> Curve:
    rows = [
        (line["step"], line["query_before"], line["query_after"])
        for line in read_log(folder)
        if {"query_before", "query_after"} <= line.keys()
    ]
    return Curve(*np.array(rows, float).reshape(-1, 3).T)


def _pictures(folder: Path, known: Mapping[str, Picture]) -> dict[str, Picture]:
    pictures = {}
    for path in sorted((folder / "gallery").glob("*.png")):
        written = _written(path)
        task = path.stem
        if task in known and known[task].written == written:
            pictures[task] = known[task]
            continue
        try:
            with Image.open(path) as image:
                image.thumbnail((_WIDEST, _WIDEST))
                pictures[task] = Picture(np.array(image.convert("RGB")), written)
        except (OSError, ValueError):
            # Replaced or removed this moment; the next look sees the new one.
            continue
    return pictures


def _warnings(folder: Path) -> tuple[str, ...]:
    path = folder / "bundle" / "card.json"
    if not path.exists():
        return ()
    # Imported late: it loads torch.
    from napari_metaseg.workflows.run_card import card_warnings

    try:
        return tuple(card_warnings(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError):
        return ()


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
