"""A file that rows are appended to, one JSON object a line, and that can be resumed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSION = 1


class Journal:
    """Rows that are on disk as soon as they are appended.

    Parameters
    ----------
    path : Path or None
        The file, made if it is missing. Without one, rows are only kept in memory.
    settings : dict
        What all rows have in common; JSON-ready. They are the first line.
    kind : str
        What the rows are: ``"benchmark"`` or ``"folder"``.
    retired : tuple of str
        Settings that rows had in common once. A file that has them is gone on with.

    Attributes
    ----------
    settings : dict
        Those of the first line, which may hold retired ones.
    rows : list of dict
        All rows, those of earlier runs first.

    Raises
    ------
    UserError
        If the file is of another kind, was written with other settings, is damaged
        before its last line, or cannot be written.
    """

    def __init__(
        self,
        path: Path | None,
        settings: dict[str, Any],
        kind: str = "benchmark",
        retired: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.settings = settings
        self.rows: list[dict[str, Any]] = []
        named = f"napari-metaseg {kind}"
        header = {"kind": named, "version": VERSION, "settings": settings}
        if path is None:
            return
        data = _read(path)
        complete = data.rfind(b"\n") + 1
        if complete:
            lines = _parse(data[:complete], path)
            if any(lines[0].get(k) != header[k] for k in ("kind", "version")):
                raise _other_kind(path, kind)
            found = lines[0].get("settings")
            self.settings = found if isinstance(found, dict) else {}
            _check_settings(self.settings, settings, retired, path)
            self.rows = lines[1:]
        elif not _line(header).startswith(data):
            raise _other_kind(path, kind)
        # Only now that the file is known to be ours.
        if complete < len(data):
            self._change(lambda file: file.truncate(complete), "r+b")
        if not complete:
            self._write(header)

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; it is on disk before this returns."""
        self.rows.append(row)
        self._write(row)

    def _write(self, line: dict[str, Any]) -> None:
        # One call for the whole line, so that a kill can break only the last.
        self._change(lambda file: file.write(_line(line)), "ab")

    def _change(self, change: Callable[[BinaryIO], object], mode: str) -> None:
        if self.path is None:
            return
        try:
            with self.path.open(mode) as file:
                change(file)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(
                f"'{self.path}' cannot be written; choose another place for the rows."
            ) from error


def _line(row: dict[str, Any]) -> bytes:
    return (json.dumps(row, allow_nan=False) + "\n").encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise UserError(
            f"'{path}' cannot be read; choose another place for the rows."
        ) from error


def _parse(data: bytes, path: Path) -> list[dict[str, Any]]:
    parsed = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            parsed.append(_as_dict(json.loads(line)))
        except ValueError as error:
            raise UserError(
                f"Line {number} of '{path}' is damaged; choose another file, or remove "
                "that line."
            ) from error
    return parsed


def _as_dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _other_kind(path: Path, kind: str) -> UserError:
    return UserError(f"'{path}' is no {kind} of this version; choose another file.")


def _check_settings(
    found: dict[str, Any], wanted: dict[str, Any], retired: tuple[str, ...], path: Path
) -> None:
    own = json.loads(json.dumps(wanted))
    for name in {**own, **found}:
        if name not in retired and own.get(name) != found.get(name):
            raise UserError(
                f"'{path}' was started with '{name}' = {found.get(name)}, not "
                f"{own.get(name)}; choose another file or the same settings."
            )
