"""Rows of label and field whose columns line up across the whole panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST_WIDTH = 300  # px, before the screen's scaling
_SCROLL_BAR = 12  # px
_LONGEST_LABEL = "Object size"

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class Form(QWidget):
    """Fields with their labels, one a row."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setVerticalSpacing(6)
        self._rows.setHorizontalSpacing(4)
        self._rows.setFieldGrowthPolicy(
            QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow
        )

    def add(self, label: str, field: QWidget) -> None:
        """Add a row."""
        text = QLabel(label)
        width = text.fontMetrics().horizontalAdvance(_LONGEST_LABEL)
        text.setMinimumWidth(width + 12)
        text.setAlignment(LEFT)
        text.setToolTip(field.toolTip())
        self._rows.addRow(text, field)

    def add_wide(self, field: QWidget) -> None:
        """Add a row without a label."""
        self._rows.addRow(field)


class Column(QScrollArea):
    """Widgets below each other: scrolls up and down, never sideways."""

    def __init__(self, parts: Iterable[QWidget]) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        # A click beside a button must not take the keys away from the canvas.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(self._body)

    def minimumSizeHint(self) -> QSize:
        """Return a size at which nothing is cut off at the sides."""
        inner = max(_LEAST_WIDTH, self._body.minimumSizeHint().width())
        return QSize(inner + _SCROLL_BAR, 80)

    def sizeHint(self) -> QSize:
        """Return a size that shows everything."""
        return QSize(self.minimumSizeHint().width(), self._body.sizeHint().height())

    def changeEvent(self, event: QEvent | None) -> None:
        """Measure again when the theme changes, and with it the font."""
        super().changeEvent(event)
        self.updateGeometry()


def caption(text: str) -> QLabel:
    """Make the heading of a group of rows."""
    label = QLabel(text)
    label.setObjectName("caption")
    return label


def beside(*widgets: QWidget) -> QWidget:
    """Put widgets of equal width beside each other."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, 1)
    return row
