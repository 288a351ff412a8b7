"""Asking for files and folders, and showing them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def ask_path(window: QWidget, title: str, start: Path, kinds: str) -> Path | None:
    """Ask for a new file; the dialog asks again before one is replaced.

    Parameters
    ----------
    window : QWidget
        The dialog's parent.
    title : str
        Title of the dialog.
    start : Path
        Name proposed; its suffix is added where the person gives none.
    kinds : str
        Filter, as Qt writes it; the suffix follows the choice among several.

    Returns
    -------
    Path or None
        None if the person changed their mind.
    """
    dialog = QFileDialog(window, title, str(start.parent), kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(start.suffix.lstrip("."))
    dialog.selectFile(start.name)
    dialog.filterSelected.connect(partial(_follow_kind, dialog))
    chosen = dialog.selectedFiles() if dialog.exec() else []
    dialog.deleteLater()
    return Path(chosen[0]) if chosen else None


def _follow_kind(dialog: QFileDialog, kind: str) -> None:
    """Give the name proposed the usual suffix of the kind that was chosen."""
    usual = re.search(r"\*(\.\w+)", kind)
    if usual is not None:
        dialog.setDefaultSuffix(usual[1].lstrip("."))
        dialog.selectFile(Path(dialog.selectedFiles()[0]).with_suffix(usual[1]).name)


def ask_file(
    window: QWidget, title: str, start: Path | None, kinds: str
) -> Path | None:
    """Ask for a file that exists; None if the person changed their mind."""
    begin = "" if start is None else str(start)
    chosen, _ = QFileDialog.getOpenFileName(window, title, begin, kinds)
    return Path(chosen) if chosen else None


def ask_folder(window: QWidget, title: str, start: Path) -> Path | None:
    """Ask for a folder that exists; None if the person changed their mind."""
    chosen = QFileDialog.getExistingDirectory(window, title, str(start))
    return Path(chosen) if chosen else None


def open_file(path: Path) -> None:
    """Open a file or folder with the program that the system has for it."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
