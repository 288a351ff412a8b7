"""Bundles as one file, and those that a person has added to the built-in ones.

The file is a plain zip of a bundle's card and weights, and nothing else is read from
one. Nothing in it is ever executed.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError

from .bundle import LARGEST_BUNDLED, builtin_names, find_bundle, load_bundle
from .files import atomic_file, replace_folder
from .model_folder import CARD, WEIGHTS
from .user_folder import user_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIZES = {CARD: 2**20, WEIGHTS: LARGEST_BUNDLED + 2**20}
"""Largest size (bytes) of each member, unpacked."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}(?<![ .])")


def export_bundle(name: str | Path, file: Path, *, overwrite: bool = False) -> Path:
    """Write a bundle as one file.

    Parameters
    ----------
    name : str or Path
        Name or folder of the bundle.
    file : Path
        Zip file to write.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        ``file``.

    Raises
    ------
    UserError
        If the bundle is damaged, or the file cannot be written.
    """
    folder = load_bundle(name).path
    with (
        atomic_file(file, overwrite=overwrite) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for member in SIZES:
            # Without a date, so that the same bundle is the same file.
            archive.writestr(
                zipfile.ZipInfo(member),
                (folder / member).read_bytes(),
                zipfile.ZIP_DEFLATED,
            )
    return file


def import_bundle(
    file: Path, name: str | None = None, *, overwrite: bool = False
) -> str:
    """Add a bundle to the person's own ones.

    Parameters
    ----------
    file : Path
        Zip file that `export_bundle` wrote, or the folder of a bundle.
    name : str, optional
        What to call it; by default as the file is called.
    overwrite : bool
        Whether an own bundle of that name is replaced.

    Returns
    -------
    str
        Its name, for ``init`` and `find_bundle`.

    Raises
    ------
    UserError
        If anything about the file is not as it should be, or the name is taken.
    """
    called = file.stem if name is None else name
    if file.is_dir():
        install_bundle(file, called, overwrite=overwrite)
    else:
        _install(_members(file), called, overwrite=overwrite)
    return called


def install_bundle(path: str | Path, name: str, *, overwrite: bool = False) -> Path:
    """Add a bundle, as that of a finished run, to the person's own ones.

    Parameters
    ----------
    path : str or Path
        Folder of the bundle.
    name : str
        What to call it.
    overwrite : bool
        Whether an own bundle of that name is replaced.

    Returns
    -------
    Path
        Where it is now.

    Raises
    ------
    UserError
        If it is damaged, or the name is taken or cannot be used.
    """
    folder = find_bundle(path)
    try:
        members = {member: (folder / member).read_bytes() for member in SIZES}
    except OSError as error:
        raise UserError(
            f"The bundle '{folder}' cannot be read; copy the whole folder again."
        ) from error
    return _install(members, name, overwrite=overwrite)


def _install(members: Mapping[str, bytes], name: str, *, overwrite: bool) -> Path:
    folder = user_folder("models")
    _check_name(name)
    if (folder / name).exists() and not overwrite:
        raise UserError(
            f"There is an initialization '{name}' already; choose another name or "
            "allow overwriting it (in the shell --overwrite)."
        )
    partial = folder / f".{name}.part"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for member, content in members.items():
            (partial / member).write_bytes(content)
        # The card knows it by the name under which it is found.
        card = load_bundle(partial).card | {"name": name}
        text = json.dumps(card, indent=1) + "\n"
        (partial / CARD).write_text(text, encoding="utf-8")
        replace_folder(folder / name, partial)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be written; free some space or check its "
            "permissions."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / name


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"'{name}' cannot name an initialization; use up to 64 letters, digits, "
            "spaces, dots, - and _, a letter or digit first."
        )
    if name.casefold() in {known.casefold() for known in builtin_names()}:
        raise UserError(
            f"'{name}' is an initialization that comes with the program; choose "
            "another name."
        )


def _members(file: Path) -> dict[str, bytes]:
    """Read card and weights of a zip file, and refuse one with anything else."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
            if sorted(m.filename for m in found) != sorted(SIZES):
                raise UserError(
                    f"'{file}' is no bundle: it should hold a {CARD} and a {WEIGHTS}, "
                    "and nothing else; export it again."
                )
            members = {}
            for member in found:
                limit = SIZES[member.filename]
                with archive.open(member) as stream:
                    # What the archive says of its sizes is not trusted.
                    members[member.filename] = stream.read(limit + 1)
                if len(members[member.filename]) > limit:
                    raise UserError(
                        f"'{member.filename}' in '{file}' is too large for a bundle of "
                        "this program; export it again."
                    )
    except FileNotFoundError as error:
        raise UserError(
            f"There is no file '{file}'; check its name and folder."
        ) from error
    except (
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UserError(
            f"'{file}' is no zip file, or is damaged; copy or export it again."
        ) from error
    return members
