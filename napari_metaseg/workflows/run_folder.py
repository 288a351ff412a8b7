"""The folder of a meta-training run: settings, log and checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = "checkpoint.safetensors"
SETTINGS = "settings.json"
LOG = "log.jsonl"


def claim(output: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Make the folder of a run, or check that it is the one to resume.

    Parameters
    ----------
    output : Path
        The folder.
    settings : dict
        Everything that fixes the run.
    resume : bool
        Whether the run is there already.

    Raises
    ------
    UserError
        If the folder holds another run, none to resume, or cannot be written.
    """
    wanted = json.loads(json.dumps(settings))
    path = output / SETTINGS
    if resume:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
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
        return
    if path.exists():
        raise UserError(
            f"'{output}' holds a run already; add --resume to go on with it, or choose "
            "another folder."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"The folder '{output}' cannot be written; choose another place."
        ) from error


def trim_log(path: Path, step: int) -> None:
    """Drop the lines of steps that a kill has undone.

    Parameters
    ----------
    path : Path
        Log with one JSON object a line; may be missing.
    step : int
        Last meta-step that the checkpoint holds.
    """
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except ValueError:
            break
    path.write_text("".join(kept), encoding="utf-8")
