"""How a meta-training run stands, told by its folder alone.

Plain reading and asking, without torch: for a panel, a script or a person in another
process, while the run goes on or long after. `run_folder` describes the files.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import psutil

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file

if TYPE_CHECKING:
    from pathlib import Path

LOG = "log.jsonl"
STATE = "state.json"
VALIDATION = "validation.jsonl"
CONTROL = "control"

Request = Literal["pause", "stop"]

GOING = ("starting", "running", "validating")
"""States of a run that has a process."""

SILENCE = 60.0
"""Seconds without a word after which a run of another host counts as interrupted."""

CLOCKS = 5.0
"""Seconds by which a process may seem younger than the state that it wrote."""


@dataclass(frozen=True, slots=True)
class RunState:
    """What ``state.json`` says.

    Attributes
    ----------
    state : str
        ``"starting"``, ``"running"``, ``"validating"``, ``"paused"``, ``"finished"``,
        ``"failed"``; or ``"interrupted"``: its process is gone without a word.
    message : str
        One sentence for a person.
    pid : int
        Its process; the first, if several share it.
    host : str
        Its machine.
    step, steps : int
        Meta-steps done, and to do; 0 to do if only time limits the run.
    seconds : float
        Spent on training and validation so far, over all pieces of the run.
    budget_minutes : float or None
        How long it may take.
    seconds_left : float or None
        Estimate, once there is one.
    memory_mb : float
        Resident memory of its processes on that machine.
    device : str
        Where it computes.
    updated : str
        ISO time of this state.
    """

    state: str
    message: str
    pid: int
    host: str
    step: int
    steps: int
    seconds: float
    budget_minutes: float | None
    seconds_left: float | None
    memory_mb: float
    device: str
    updated: str

    @property
    def going(self) -> bool:
        """Whether a process is at work on it."""
        return self.state in GOING


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores of one validation task at one meta-step.

    Attributes
    ----------
    step : int
        Meta-steps done by then.
    task : str
        The task.
    before, after : float
        AP at IoU 0.5 on other images of the task than the one on which three cells
        are painted: un-adapted, and adapted.
    seconds : float
        How long it took.
    """

    step: int
    task: str
    before: float
    after: float
    seconds: float


def read_state(folder: Path) -> RunState | None:
    """Read how a run stands.

    Parameters
    ----------
    folder : Path
        Folder of the run.

    Returns
    -------
    RunState or None
        None if the folder tells nothing. A run whose process is gone is
        ``"interrupted"``.
    """
    try:
        known = json.loads((folder / STATE).read_text(encoding="utf-8"))
        state = RunState(**{f.name: known[f.name] for f in fields(RunState)})
        if not state.going or _at_work(state, datetime.fromisoformat(state.updated)):
            return state
    except (OSError, ValueError, LookupError, TypeError):
        return None
    gone = "The run was interrupted; resume it from its last checkpoint."
    return replace(state, state="interrupted", message=gone, seconds_left=None)


def _at_work(state: RunState, updated: datetime) -> bool:
    if state.host != platform.node():
        return (datetime.now(UTC) - updated).total_seconds() < SILENCE
    try:
        process = psutil.Process(state.pid)
        # Numbers of processes are used again.
        return bool(
            process.status() != psutil.STATUS_ZOMBIE
            and process.create_time() < updated.timestamp() + CLOCKS
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def read_log(folder: Path, after: int = 0) -> list[dict[str, Any]]:
    """Read the metrics of each meta-step.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    after : int
        Only those of later meta-steps.

    Returns
    -------
    list of dict
        ``step``, losses such as ``query_before`` and ``query_after``, ``seconds``.
    """
    return [line for line in read_lines(folder / LOG) if line["step"] > after]


def read_validation(folder: Path) -> list[Validation]:
    """Read all scores on validation tasks, in the order of their making.

    Parameters
    ----------
    folder : Path
        Folder of the run.

    Returns
    -------
    list of Validation
    """
    names = [f.name for f in fields(Validation)]
    return [
        Validation(**{name: line[name] for name in names})
        for line in read_lines(folder / VALIDATION)
        if set(names) <= set(line)
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line, up to a line that is being written.

    Returns
    -------
    list of dict
        Each has a ``step``; empty if there is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            known = json.loads(line)
        except ValueError:
            break
        if not isinstance(known, dict) or not isinstance(known.get("step"), int):
            break
        lines.append(known)
    return lines


def ask(folder: Path, request: Request) -> None:
    """Ask a run to pause, or to stop and keep what it has learned.

    It obeys after the meta-step, or the validation task, that it is at.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    request : str
        ``"pause"`` or ``"stop"``.

    Raises
    ------
    UserError
        If no process is at work on the run, or its folder cannot be written.
    """
    state = read_state(folder)
    if state is None or not state.going:
        raise UserError(
            f"No process is at work on the run in '{folder}'; resume it, or keep what "
            "it has (in the shell with --resume --keep)."
        )
    with atomic_file(folder / CONTROL, overwrite=True) as file:
        file.write(request.encode())


def asked(folder: Path) -> Request | None:
    """Return what a run is asked to do, if anything."""
    try:
        text = (folder / CONTROL).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
    return next((r for r in get_args(Request) if r == text), None)


def obeyed(folder: Path) -> None:
    """Forget what was asked; a file of that name that asks for nothing stays."""
    if asked(folder) is not None:
        (folder / CONTROL).unlink(missing_ok=True)
