"""The runs that this panel knows of: a list in the person's own folder."""

from __future__ import annotations

import json
from pathlib import Path

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file
from napari_metaseg.io.user_folder import user_folder

_MOST = 30


def history_file() -> Path:
    """Return the list of runs."""
    return user_folder("runs") / "recent.json"


def runs_folder() -> Path:
    """Return the folder in which runs are kept unless another is chosen."""
    return user_folder("runs")


def recent_runs(file: Path) -> list[Path]:
    """List the folders of runs that still exist, the latest first.

    Parameters
    ----------
    file : Path
        The list; a missing or damaged one is empty.

    Returns
    -------
    list of Path
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not isinstance(rows, list):
        return []
    folders = [Path(row) for row in rows if isinstance(row, str)]
    return [folder for folder in folders if folder.is_dir()]


def remember_run(file: Path, run: Path) -> None:
    """Put a run at the head of the list.

    Raises
    ------
    UserError
        If the list cannot be written.
    """
    others = [folder for folder in recent_runs(file) if folder != run]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"'{file.parent}' cannot be made; check its permissions."
        ) from error
    rows = [str(folder) for folder in [run, *others][:_MOST]]
    with atomic_file(file, overwrite=True) as stream:
        stream.write(json.dumps(rows, indent=1, ensure_ascii=False).encode())


def free_name(folder: Path, name: str) -> str:
    """Return a name that nothing in a folder has yet: with a number if need be."""
    taken, number = name, 1
    while (folder / taken).exists():
        number += 1
        taken = f"{name}-{number}"
    return taken
