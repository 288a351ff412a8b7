"""The folder of a meta-training run.

Everything about a run is in its folder, and every file is complete whenever it is
looked at: it is written under another name and renamed, or has one line a record, of
which the last may still be incomplete.

``settings.json``
    Everything that fixes the run, a hash of its data, and the versions it was begun
    with. Another run is never written into the folder.
``log.jsonl``
    One line for each meta-step: its losses, ``step`` and ``seconds``.
``checkpoint.safetensors``
    All that is learned, at its ``step``.
``bundle``
    The initialization with its card, once the run has finished.
``state.json``
    How it stands, see `run_state.RunState`; rewritten about once a second, and at every
    change, as long as its process lives.
``validation.jsonl``
    One line for each validation task of each evaluation, see `run_state.Validation`.
``gallery/TASK.png``
    A validation image: as it is, with outlines before and after adaptation to three
    cells of another image. At most 900 px wide.
``control``
    ``pause`` or ``stop``, written by whoever wants that (`run_state.ask`), read after
    each meta-step and validation task, and removed when obeyed. *Pause* writes a
    checkpoint and ends the process; *stop* also writes the bundle. Both exit with 0.
    The same command with ``--resume`` goes on, whether the run was paused or killed.

`run_state` reads them. Nothing in the folder is a lock: a run whose process is gone
may be resumed at once, and from another machine after a minute.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file, settle_folder

from .run_state import obeyed, read_lines, read_state

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = "checkpoint.safetensors"
SETTINGS = "settings.json"
GALLERY = "gallery"
BUNDLE = "bundle"
VALIDATED = ".validated.part"
"""The bundle that is being validated; removed afterwards."""

# What a kill may leave, all of it written by this program.
_UNFINISHED = (
    ".metaseg-*.part",
    f"{GALLERY}/.metaseg-*.part",
    f".{CHECKPOINT}.part",
    f".{BUNDLE}.part",
    VALIDATED,
    f".{VALIDATED}.part",
    f".{VALIDATED}.old",
)


def claim(
    output: Path,
    settings: dict[str, Any],
    *,
    resume: bool,
    data: str = "",
    versions: dict[str, str] | None = None,
) -> None:
    """Make the folder of a run, or check that it is the one to resume.

    What a kill left of files that were being written is cleared away when the run is
    resumed; whatever else is in the folder stays.

    Parameters
    ----------
    output : Path
        The folder.
    settings : dict
        Everything that fixes the run.
    resume : bool
        Whether the run is there already.
    data : str
        Hash of the data, which may not change.
    versions : dict, optional
        Noted beside the settings; others may resume the run.

    Raises
    ------
    UserError
        If the folder holds another run, none to resume, one that a process is at work
        on, or cannot be written.
    """
    wanted = json.loads(json.dumps(settings))
    path = output / SETTINGS
    if resume:
        _check_settings(output, wanted, data)
        state = read_state(output)
        if state is not None and state.going:
            raise UserError(
                f"Process {state.pid} on '{state.host}' is at work on the run in "
                f"'{output}'; pause it first."
            )
    elif path.exists():
        raise UserError(
            f"'{output}' holds a run already; add --resume to go on with it, or choose "
            "another folder."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        obeyed(output)
        if resume:
            _clear(output)
    except OSError as error:
        raise UserError(
            f"The folder '{output}' cannot be written; choose another place."
        ) from error
    if not resume:
        with atomic_file(path) as file:
            full = wanted | {"data_sha256": data, "versions": versions or {}}
            file.write(json.dumps(full, indent=1).encode() + b"\n")


def _clear(output: Path) -> None:
    settle_folder(output / BUNDLE)
    for left in [path for name in _UNFINISHED for path in output.glob(name)]:
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _check_settings(output: Path, wanted: dict[str, Any], data: str) -> None:
    try:
        found = json.loads((output / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{output}' holds no run to resume; start one without --resume."
        ) from error
    changed = sorted(k for k in wanted if found.get(k) != wanted[k])
    if changed:
        raise UserError(
            f"The run in '{output}' was started with other settings "
            f"('{changed[0]}'); resume with the same ones."
        )
    if found.get("data_sha256", data) != data:
        raise UserError(
            f"The images or masks of the run in '{output}' have changed since it was "
            "started; bring them back, or start a new run."
        )


def trim_lines(path: Path, step: int) -> list[dict[str, Any]]:
    """Drop the lines of steps that a kill has undone.

    Parameters
    ----------
    path : Path
        File with one JSON object a line; may be missing.
    step : int
        Last meta-step that the checkpoint holds.

    Returns
    -------
    list of dict
        The lines that stay.
    """
    lines = [line for line in read_lines(path) if line["step"] <= step]
    if path.exists():
        with atomic_file(path, overwrite=True) as file:
            file.writelines(json.dumps(line).encode() + b"\n" for line in lines)
    return lines
