"""The folder in which the program keeps what a person has made with it."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

VARIABLE = "NAPARI_METASEG_HOME"
"""Names the folder, in place of the system's usual one."""


def user_folder(part: str) -> Path:
    """Return the folder of one kind of thing; it need not exist.

    Parameters
    ----------
    part : str
        ``"models"``, ``"tasks"``, ``"runs"`` or ``"unsaved"``.
    """
    home = os.environ.get(VARIABLE)
    base = Path(home) if home else user_data_path("napari-metaseg", appauthor=False)
    return base / part
