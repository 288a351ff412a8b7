"""Opening and replacing files, with failures told in one sentence."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def check_readable(path: Path) -> None:
    """Check that `path` is a file with something in it.

    Raises
    ------
    UserError
        If it is missing, a folder, empty, or may not be read.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder; name one image file in it.")
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty (0 bytes); copy or export it again.")
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"There is no file {path}; check its name and folder."
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened ({_reason(error)}); check its permissions."
        ) from error


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a new file that takes the name `path` only once it is complete.

    It is written under a temporary name in the same folder and renamed at the
    end, so that a failure or a cancellation leaves neither a partial file nor
    a damaged old one.

    Parameters
    ----------
    path : Path
        Final name.
    overwrite : bool
        Whether an existing file of that name is replaced.

    Yields
    ------
    BinaryIO
        The open temporary file.

    Raises
    ------
    UserError
        If the file exists, or the folder is missing, read-only or full.
    """
    check_target(path, overwrite=overwrite)
    partial = path.with_name(f".metaseg-{secrets.token_hex(6)}.part")
    with write_failures_told(path):
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def replace_folder(path: Path, complete: Path) -> None:
    """Give a complete folder its name, in place of one that may be there.

    Parameters
    ----------
    path : Path
        Final name.
    complete : Path
        The folder, beside it.

    Raises
    ------
    UserError
        If that is not allowed.
    """
    with write_failures_told(path):
        settle_folder(path)
        try:
            if path.exists():
                path.rename(_old(path))
            complete.rename(path)
        finally:
            with suppress(OSError):
                settle_folder(path)


def settle_folder(path: Path) -> None:
    """Bring a folder back whose replacement ended between its two renames.

    Of one that was replaced, what is left is deleted.

    Parameters
    ----------
    path : Path
        As for `replace_folder`.
    """
    old = _old(path)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        old.rename(path)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def check_target(path: Path, *, overwrite: bool) -> None:
    """Check that a file of this name may be written.

    Raises
    ------
    UserError
        If the file exists or its folder does not.
    """
    with write_failures_told(path):
        if not path.parent.is_dir():
            raise UserError(
                f"The folder {path.parent} does not exist; create it or choose another."
            )
        if path.is_dir():
            raise UserError(f"{path} is a folder; choose the name of a file.")
        if path.exists() and not overwrite:
            raise UserError(
                f"{path} exists already; choose another name or allow overwriting "
                "it (in the shell --overwrite)."
            )


@contextmanager
def write_failures_told(path: Path) -> Iterator[None]:
    """Tell in one sentence why a file or folder cannot be written.

    Raises
    ------
    UserError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(write_problem(path, error)) from error


def write_problem(path: Path, error: OSError) -> str:
    """Say in one sentence why a file cannot be written."""
    if error.errno in _FULL:
        return (
            f"There is no room left to write {path}; free some space or choose "
            "another folder."
        )
    if error.errno in _FORBIDDEN:
        return f"{path} may not be written; choose another folder or name."
    return f"{path} cannot be written ({_reason(error)}); choose another folder."


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
