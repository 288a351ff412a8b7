"""A small curve of how a round went: loss and own-cell IoU, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from .course import Point

# Okabe and Ito's blue and orange, told apart by their lines as well.
_OWN, _LOSS = "#2d86c9", "#d97a1d"
_HEIGHT = 96  # px


class Curve(QWidget):
    """Draws points; pyqtgraph is imported when they are first in sight."""

    def __init__(self) -> None:
        super().__init__()
        self._points: tuple[Point, ...] = ()
        self._plot: Any = None
        self._lines: tuple[Any, ...] = ()
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.legend)
        self.setToolTip(
            "Step by step: the IoU of your own cells in the previewed part, and the "
            "loss on what is painted, as a share of its largest."
        )
        self.show_points(())

    @property
    def points(self) -> tuple[Point, ...]:
        """What is drawn."""
        return self._points

    def show_points(self, points: Sequence[Point]) -> None:
        """Draw the course of a round."""
        self._points = tuple(points)
        own = [p.own_iou for p in points if p.own_iou is not None]
        loss = [p.loss for p in points if p.loss is not None]
        parts = [_caption("●", _OWN, "own IoU", own)]
        parts += [_caption("■", _LOSS, "loss", loss)]
        self.legend.setText("&nbsp;&nbsp; ".join(parts))
        if self.isVisible():
            self._draw()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw what came while this was out of sight."""
        super().showEvent(event)
        self._draw()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        themed = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
        if event is not None and event.type() in themed and self._plot is not None:
            self._colour_axes()

    def _draw(self) -> None:
        if self._plot is None:
            self._make()
        own = [(k, p.own_iou) for k, p in enumerate(self._points)]
        # A loss belongs to the parameters before its step.
        loss = [(k - 1, p.loss) for k, p in enumerate(self._points)]
        largest = max((abs(v) for _, v in loss if v is not None), default=1.0) or 1.0
        shares = [(k, None if v is None else v / largest) for k, v in loss]
        for line, pairs in zip(self._lines, (own, shares), strict=True):
            known = [(k, v) for k, v in pairs if v is not None]
            line.setData([k for k, _ in known], [v for _, v in known])
        self._plot.setXRange(0, max(len(self._points) - 1, 1), padding=0.05)

    def _make(self) -> None:
        import pyqtgraph

        plot = pyqtgraph.PlotWidget(background=None)
        plot.setStyleSheet("background: transparent; border: none;")
        plot.viewport().setAutoFillBackground(False)
        plot.setFixedHeight(_HEIGHT)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setMouseEnabled(False, False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setYRange(0, 1, padding=0.08)
        plot.getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")], []])
        plot.getAxis("left").setWidth(28)
        plot.getAxis("bottom").setTickSpacing(major=1, minor=1)
        dashed = pyqtgraph.mkPen(_LOSS, width=2, style=Qt.PenStyle.DashLine)
        self._lines = (
            plot.plot(pen=pyqtgraph.mkPen(_OWN, width=2), symbol="o", symbolSize=6),
            plot.plot(pen=dashed, symbol="s", symbolSize=5),
        )
        for line, colour in zip(self._lines, (_OWN, _LOSS), strict=True):
            line.setSymbolBrush(colour)
            line.setSymbolPen(None)
        self._plot = plot
        self._column.insertWidget(0, plot)
        self._colour_axes()

    def _colour_axes(self) -> None:
        colour = self.legend.palette().windowText().color()
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)
        self._plot.resetCachedContent()


def _caption(mark: str, colour: str, name: str, values: list[float]) -> str:
    course = ""
    if values:
        course = f" {values[0]:.2f}"
        course += f" → {values[-1]:.2f}" if len(values) > 1 else ""
    return f'<span style="color:{colour}">{mark}</span> {name}{course}'
