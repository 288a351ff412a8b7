"""Installing the start that a run has ended in, once."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.io.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_metaseg.gui.worker import Tick

INSTALLED = "installed.json"
"""File in the folder of a run: under which name its bundle is installed."""

_LONGEST = 56


class Installed(NamedTuple):
    """The name of an installed bundle, and the hash of its weights."""

    name: str
    sha256: str


def read_installed(folder: Path) -> Installed | None:
    """Tell what of a run is installed; None if nothing is."""
    try:
        known = json.loads((folder / INSTALLED).read_text(encoding="utf-8"))
        return Installed(str(known["name"]), str(known["sha256"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def keep(folder: Path) -> Generator[Tick, None, bool]:
    """Install the bundle of a run, in place of an earlier one of the same run.

    One that was installed and then removed by hand is not installed again.

    Parameters
    ----------
    folder : Path
        Folder of a finished run.

    Returns
    -------
    bool
        Whether anything has changed.
    """
    # Imported late: it loads torch.
    from napari_metaseg.io.bundle import bundled_names
    from napari_metaseg.io.model_folder import read_card
    from napari_metaseg.io.sharing import install_bundle

    yield from ()
    bundle, known = folder / "bundle", read_installed(folder)
    made = str(read_card(bundle, "meta-initialization")["sha256"])
    if known is not None and known.sha256 == made:
        return False
    name = free_start(folder.name, bundled_names()) if known is None else known.name
    install_bundle(bundle, name, overwrite=known is not None)
    with atomic_file(folder / INSTALLED, overwrite=True) as file:
        file.write(json.dumps(Installed(name, made)._asdict()).encode())
    return True


def free_start(wanted: str, taken: list[str]) -> str:
    """Turn a name into one that is allowed and that no bundle has."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted)[:_LONGEST].strip("._-") or "start"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
