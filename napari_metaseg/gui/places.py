"""Where the panel keeps what must outlive it: unsaved annotations and settings."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ELSEWHERE = "NAPARI_METASEG_HOME"
"""Environment variable that names another folder for all of it."""


def data_folder() -> Path:
    """Return the folder of this user; it need not be there yet."""
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere:
        return Path(elsewhere)
    return platformdirs.user_data_path("napari-metaseg", appauthor=False)


def recovery_folder() -> Path:
    """Return the folder of annotations that were painted and not saved yet."""
    return data_folder() / "unsaved"
