"""A text for a paper on how the cells shown came about, on the clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QApplication

from .guidance import Line, Tone

if TYPE_CHECKING:
    from .rounds import Round


def copy_methods(result: Round) -> Line:
    """Put the text on the clipboard and say so.

    Parameters
    ----------
    result : Round
        The round that is shown, with the settings at which it is decoded.

    Returns
    -------
    Line
    """
    # torch is loaded: the round came out of it.
    from napari_metaseg.workflows.methods_text import methods_text

    text = methods_text(result.model.segmenter.card, result.decoded.settings)
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
    words = len(text.split())
    return Line(f"Copied {words} words for your methods; paste them.", Tone.DONE)
