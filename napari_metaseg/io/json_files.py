"""JSON files: written in pieces, read with care."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from napari_metaseg.core.errors import UserError

from .files import check_readable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LARGEST = 2**31


def write_items(file: BinaryIO, items: Iterable[object]) -> None:
    """Write a JSON array, one item a line, without holding all of it in memory."""
    file.write(b"[")
    for k, item in enumerate(items):
        file.write(b",\n" if k else b"\n")
        file.write(encode(item))
    file.write(b"\n]")


def encode(item: object) -> bytes:
    """Return a value as compact JSON."""
    text = json.dumps(item, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it should be, for the message.

    Returns
    -------
    object
        Its value, of which nothing is known yet.

    Raises
    ------
    UserError
        If it is missing, larger than 2 GiB or no valid JSON.
    """
    check_readable(path)
    if path.stat().st_size > _LARGEST:
        raise UserError(f"{path} is larger than 2 GiB; split it.")
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(
            f"{path} is no {what} file, or is damaged; export it again."
        ) from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
