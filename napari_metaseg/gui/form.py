"""Rows of label and field whose columns line up across the whole panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScrollBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .links import after_rest

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST_WIDTH = 300  # px, before the screen's scaling
_LONGEST_LABEL = "Object size"
_TURNED_BY_WHEEL = (QAbstractSlider, QAbstractSpinBox, QComboBox)

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
        column.setContentsMargins(0, 0, 4, 0)  # apart from the scroll bar
        column.setSpacing(6)  # or Save model would be out of sight at 1280 x 720
        column.addStretch(1)
        self._rows = column
        self._wheel = WheelScrolls(self)
        self._opened: Fold | None = None
        self._soon = after_rest(self, 0, self._reveal)
        for part in parts:
            self.add(part)
        self.setWidget(self._body)

    def add(self, part: QWidget) -> None:
        """Add a widget below all others."""
        self._rows.insertWidget(self._rows.count() - 1, part)
        self._wheel.guard(part)
        if isinstance(part, Fold):
            part.heading.clicked.connect(lambda: self._on_fold(part))

    def minimumSizeHint(self) -> QSize:
        """Return a size at which nothing is cut off at the sides."""
        inner = max(_LEAST_WIDTH, self._body.minimumSizeHint().width())
        bar = self.verticalScrollBar()
        return QSize(inner + (0 if bar is None else bar.sizeHint().width()), 80)

    def sizeHint(self) -> QSize:
        """Return a size that shows everything."""
        return QSize(self.minimumSizeHint().width(), self._body.sizeHint().height())

    def changeEvent(self, event: QEvent | None) -> None:
        """Measure again when the theme changes, and with it the font."""
        super().changeEvent(event)
        self.updateGeometry()

    def _on_fold(self, fold: Fold) -> None:
        self._opened = fold if fold.is_open else None
        self._soon.start()  # once it is laid out

    def _reveal(self) -> None:
        """Bring what was opened into sight; its heading, if not all has room."""
        bar, port, fold = self.verticalScrollBar(), self.viewport(), self._opened
        if bar is not None and port is not None and fold is not None:
            top, beyond = fold.y(), fold.y() + fold.height() - port.height()
            bar.setValue(max(bar.value(), min(top, beyond)))


class WheelScrolls(QObject):
    """Lets the wheel scroll, and never change what it happens to pass over."""

    def guard(self, part: QWidget) -> None:
        """Take the wheel away from every field in a part, and from the part."""
        for field in (part, *part.findChildren(QWidget)):
            if isinstance(field, _TURNED_BY_WHEEL) and not isinstance(
                field, QScrollBar
            ):
                field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass the wheel on to what the field is in."""
        if event is not None and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def caption(text: str) -> QLabel:
    """Make the heading of a group of rows."""
    label = QLabel(text)
    label.setObjectName("caption")
    return label


class Fold(QWidget):
    """A part of the panel that is out of sight until its heading is clicked.

    Unlike superqt's it follows its content's height and the theme's colours.

    Parameters
    ----------
    title : str
        Heading.
    part : QWidget
        What it holds.

    Signals
    -------
    turned :
        It was opened or closed.
    """

    turned = Signal()

    def __init__(self, title: str, part: QWidget) -> None:
        super().__init__()
        self.title = title
        self._part = part
        self.heading = QToolButton()
        self.heading.setObjectName("fold")
        self.heading.setText(title)
        self.heading.setToolTip("Click to show or hide what belongs to it.")
        self.heading.setCheckable(True)
        self.heading.setToolButtonStyle(
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon  # the icon is the arrow
        )
        self.heading.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.heading.toggled.connect(self._turn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.heading)
        layout.addWidget(part)
        self._turn(False)

    @property
    def is_open(self) -> bool:
        """Whether its content is in sight."""
        return bool(self.heading.isChecked())

    def open(self) -> None:
        """Bring the content into sight."""
        self.heading.setChecked(True)

    def _turn(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self._part.setVisible(opened)
        self.turned.emit()


def beside(*widgets: QWidget) -> QWidget:
    """Put widgets of equal width beside each other."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, 1)
    return row


def below(*widgets: QWidget) -> QWidget:
    """Put widgets below each other."""
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return column
