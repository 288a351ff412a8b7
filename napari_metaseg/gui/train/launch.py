"""Starting a run as a process of its own, which needs napari no longer."""

from __future__ import annotations

import json
import re
import shutil
import sys
from typing import TYPE_CHECKING

from qtpy.QtCore import QProcess

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMMAND = "command.json"
"""File in the folder of a run: its arguments, to go on with it."""

OUTPUT = "output.txt"
"""File in the folder of a run: what it wrote on stdout."""

ERRORS = "errors.txt"
"""File in the folder of a run: what it wrote on stderr."""

_TAIL = 8192  # bytes


def write_command(folder: Path, arguments: Sequence[str]) -> None:
    """Keep the arguments of a run in its folder, which is made.

    Raises
    ------
    UserError
        If the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be made; choose another place."
        ) from error
    with atomic_file(folder / COMMAND, overwrite=True) as file:
        file.write(json.dumps(list(arguments), indent=1, ensure_ascii=False).encode())


def read_command(folder: Path) -> list[str] | None:
    """Return the arguments of a run that was started from the panel, else None."""
    try:
        known = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if isinstance(known, list) and all(isinstance(a, str) for a in known):
        return known
    return None


def launch(folder: Path, arguments: Sequence[str]) -> int:
    """Start ``napari-metaseg`` detached: it outlives whoever started it.

    Parameters
    ----------
    folder : Path
        Folder of the run, where it may write what it has to say.
    arguments : sequence of str
        Of the command line.

    Returns
    -------
    int
        Number of the process.

    Raises
    ------
    UserError
        If it could not be started.
    """
    command = [sys.executable, "-m", "napari_metaseg", *arguments]
    # Painting and adapting come first; on Windows there is no such program.
    if polite := shutil.which("nice"):
        command = [polite, "-n", "10", *command]
    process = QProcess()
    process.setProgram(command[0])
    process.setArguments(command[1:])
    process.setStandardOutputFile(str(folder / OUTPUT))
    process.setStandardErrorFile(str(folder / ERRORS))
    started, number = process.startDetached()
    if not started:
        raise UserError(
            f"The training process could not be started ({process.errorString()}); "
            f"is '{sys.executable}' still there?"
        )
    return int(number)


def last_words(folder: Path) -> str:
    """Return the last line that a run wrote on stderr, without the program's name."""
    try:
        with (folder / ERRORS).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return re.sub(r"^napari-metaseg[\w -]*: (error: )?", "", said[-1]) if said else ""
