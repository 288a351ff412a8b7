"""The table ``tasks.json``: what is known of tasks beside their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file
from napari_metaseg.io.json_files import read_json, write_items

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TABLE = "tasks.json"


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Read the table of a folder of tasks, or else that of the folder it is in.

    Returns
    -------
    list of dict
        Each with at least a ``task``; empty if there is no table.

    Raises
    ------
    UserError
        If it is damaged.
    """
    for path in (folder / TABLE, folder.parent / TABLE):
        if path.exists():
            rows = read_json(path, "tasks.json")
            if isinstance(rows, list) and all(
                isinstance(r, dict) and isinstance(r.get("task"), str) for r in rows
            ):
                return rows
            raise UserError(
                f"'{path}' is damaged; it should be a list with one object for each "
                "task, which names its 'task'."
            )
    return []


def write_row(folder: Path, row: dict[str, Any]) -> None:
    """Write the row of one task into the table of its folder, whole or not at all.

    Where the folder had none of its own, the rows of its tasks are taken over from
    the table of the folder it is in, which is no longer read then.
    """
    rows = read_rows(folder)
    if not (folder / TABLE).exists():
        rows = [r for r in rows if (folder / str(r["task"])).is_dir()]
    write_rows(folder, [r for r in rows if r["task"] != row["task"]] + [row])


def write_rows(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the table of a folder."""
    with atomic_file(folder / TABLE, overwrite=True) as file:
        ordered: list[dict[str, Any]] = sorted(rows, key=_task)
        write_items(file, ordered)
        file.write(b"\n")


def _task(row: dict[str, Any]) -> str:
    return str(row["task"])
