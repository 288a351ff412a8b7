"""How a figure is drawn: asked for only when a figure is exported."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from .choosers import Chooser
from .form import Form

# Okabe and Ito's, and white; a figure has its own five where none is chosen.
_COLOURS = {
    "Five colours in turn": None,
    "Yellow": (240, 228, 66),
    "Sky blue": (86, 180, 233),
    "Orange": (230, 159, 0),
    "Vermilion": (213, 94, 0),
    "White": (255, 255, 255),
}
_AUTOMATIC = 0


@dataclass(frozen=True, slots=True)
class Looks:
    """How a figure is drawn.

    Attributes
    ----------
    colour : tuple of int or None
        Of the contours, as red, green and blue up to 255; None for several in turn.
    line_width : int or None
        In px; None for one that suits the image.
    scale_bar : bool
        Whether there is one.
    """

    colour: tuple[int, int, int] | None = None
    line_width: int | None = None
    scale_bar: bool = True


class FigureDialog(QDialog):
    """Contours and scale bar of a figure.

    Parameters
    ----------
    window : QWidget
        Parent.
    scaled : bool
        Whether the size of a pixel is known.
    """

    def __init__(self, window: QWidget, *, scaled: bool) -> None:
        super().__init__(window)
        self.setWindowTitle("Figure")
        self.colours = Chooser("Colour of the contours.")
        self.colours.offer(_COLOURS.items())
        self.line_width = QSpinBox()
        self.line_width.setRange(_AUTOMATIC, 99)
        self.line_width.setSpecialValueText("automatic")
        self.line_width.setSuffix(" px")
        self.line_width.setToolTip("Width of the contours, in pixels of the image.")
        self.scale_bar = QCheckBox("Scale bar")
        self.scale_bar.setChecked(scaled)
        self.scale_bar.setEnabled(scaled)
        self.scale_bar.setToolTip(
            "A bar of a round length, with the length above it."
            if scaled
            else "The size of a pixel is not known: give the image layer a scale and "
            "the unit µm."
        )
        choice = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choice.Save | choice.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = Form()
        form.add("Contours", self.colours)
        form.add("Width", self.line_width)
        form.add_wide(self.scale_bar)
        layout = QVBoxLayout(self)
        layout.addWidget(form)
        layout.addWidget(buttons)

    @property
    def looks(self) -> Looks:
        """What is chosen."""
        width = int(self.line_width.value())
        return Looks(
            self.colours.value,
            None if width == _AUTOMATIC else width,
            bool(self.scale_bar.isChecked()),
        )


def ask_looks(window: QWidget, *, scaled: bool) -> Looks | None:
    """Ask how a figure is drawn; None if the person changed their mind."""
    dialog = FigureDialog(window, scaled=scaled)
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    chosen = dialog.looks if dialog.exec() else None
    dialog.deleteLater()
    return chosen
