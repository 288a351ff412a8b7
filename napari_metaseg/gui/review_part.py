"""How the review looks: its buttons and check boxes, and nothing they do."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from . import side_layers
from .tool_row import ToolButton


class ReviewPart(QWidget):
    """Walks through doubtful cells, and shows what the network is unsure of."""

    def __init__(self) -> None:
        super().__init__()
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setToolTip("Cells that are neither annotated nor looked at yet.")
        self.previous = ToolButton("Previous", ",", "Goes back to the cell before.")
        self.next = ToolButton(
            "Next doubtful",
            ".",
            "Moves to the cell of which the network is least sure. "
            "A accepts it, R rejects it.",
        )
        self.suggest = ToolButton(
            "Suggest next cell",
            "U",
            "Moves to where one more annotation is likely to help most.",
        )
        self.hold_out = ToolButton(
            "Hold out as test",
            "H",
            "Keeps the painted cell under the mouse, or of the brush's label, from "
            "being learned from, so that it tells how well such cells are found. "
            "Press again to take it back.",
        )
        self.maps = {
            side_layers.UNCERTAINTY: QCheckBox("Show uncertainty"),
            side_layers.PROBABILITY: QCheckBox("Show probability"),
        }
        self.maps[side_layers.UNCERTAINTY].setToolTip(
            "Shows as a layer where the network is undecided: bright is uncertain."
        )
        self.maps[side_layers.PROBABILITY].setToolTip(
            "Shows as a layer how likely each pixel belongs to a cell."
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.count, 0, 0, 1, 2)
        grid.addWidget(self.previous, 1, 0)
        grid.addWidget(self.next, 1, 1)
        grid.addWidget(self.suggest, 2, 0, 1, 2)
        grid.addWidget(self.hold_out, 3, 0, 1, 2)
        for column, box in enumerate(self.maps.values()):
            grid.addWidget(box, 4, column)

    @property
    def buttons(self) -> tuple[ToolButton, ...]:
        """All that have keys."""
        return self.next, self.previous, self.suggest, self.hold_out

    def show_state(self, text: str, *, painted: bool, result: bool, back: bool) -> None:
        """Show how far the review is, and what can be pressed.

        Parameters
        ----------
        text : str
            How many cells are left.
        painted : bool
            Whether any cell is painted.
        result : bool
            Whether there is a result to review.
        back : bool
            Whether there is a cell to go back to.
        """
        self.count.setText(text)
        self.hold_out.setEnabled(painted)
        self.previous.setEnabled(result and back)
        for widget in (self.next, self.suggest, *self.maps.values()):
            widget.setEnabled(result)
