"""Archives: a zip file, or a folder with the same files, listed with their hashes.

Nothing in them is executed or unpacked under a name of its own choice. Size and hash of
each file are checked against the list before anything is used.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError

from .files import atomic_file, check_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

LARGEST = 4 * 2**30
"""Most that an archive may hold (bytes)."""

_LARGEST_LIST = 16 * 2**20
# What zipfile, zlib and json raise about damaged files, and what a list that is none
# does. An encrypted file is a RuntimeError, an unknown compression is not implemented.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_archive(
    path: Path,
    manifest_name: str,
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
    *,
    overwrite: bool = False,
) -> None:
    """Write files and the manifest that lists them as one zip file.

    Parameters
    ----------
    path : Path
        The zip file.
    manifest_name : str
        Name of the manifest in it.
    manifest : dict
        What is known of the files; JSON-ready.
    files : dict of str to bytes
        Contents by name.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    listed = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    text = json.dumps({**manifest, "files": listed}, indent=1, allow_nan=False) + "\n"
    with (
        atomic_file(path, overwrite=overwrite) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        for name, data in {manifest_name: text.encode(), **files}.items():
            # A fixed date: the same session is the same file.
            archive.writestr(zipfile.ZipInfo(name), data)


def read_archive(
    path: Path, manifest_name: str, known: Collection[str], what: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read what `write_archive` wrote, or a folder into which it was unpacked.

    Parameters
    ----------
    path : Path
        Zip file or folder.
    manifest_name : str
        Name of the manifest in it.
    known : collection of str
        Names that its files may have; others are not read.
    what : str
        What it should be, for the message.

    Returns
    -------
    manifest : dict
        Of which nothing but the list of files is checked.
    files : dict of str to bytes
        Contents by name.

    Raises
    ------
    UserError
        If anything is missing, too large or not what the manifest lists.
    """
    if not path.is_dir():
        check_readable(path)
    try:
        if path.is_dir():
            return _collect(
                lambda name, most: _from_folder(path / name, most), manifest_name, known
            )
        with zipfile.ZipFile(path) as archive:
            return _collect(
                lambda name, most: _from_zip(archive, name, most), manifest_name, known
            )
    except _DAMAGE as error:
        raise UserError(
            f"{path} is no {what}, or is damaged; save or copy it again."
        ) from error


def _collect(
    read: Callable[[str, int], bytes], manifest_name: str, known: Collection[str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    manifest = json.loads(read(manifest_name, _LARGEST_LIST))
    files: dict[str, bytes] = {}
    room = LARGEST
    for name, entry in manifest["files"].items():
        size = entry["size"]
        if name not in known or not isinstance(size, int) or not 0 <= size <= room:
            raise ValueError(name)
        data = read(name, size)
        if len(data) != size or hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(name)
        files[name] = data
        room -= size
    return manifest, files


def _from_folder(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most + 1)


def _from_zip(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    # Whatever the archive says of its size, no more than this is unpacked.
    with archive.open(name) as file:
        return file.read(most + 1)
