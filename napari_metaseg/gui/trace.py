"""The rectangle or the line that a drag draws on the canvas, while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from napari.utils.events import Event

_HALO = QPen(QColor(0, 0, 0, 160), 4)
_INK = QPen(QColor("white"), 2, Qt.PenStyle.DashLine)


class Trace(QWidget):
    """Lies over the canvas and lets the mouse through.

    It is a widget and no layer: nothing is added to the person's list.

    Parameters
    ----------
    canvas : QWidget
        What it lies over.
    box : bool
        Whether it shows a rectangle; else a line.
    """

    def __init__(self, canvas: QWidget, *, box: bool) -> None:
        super().__init__(canvas)
        self._box = box
        self._points: list[QPointF] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(canvas.rect())
        self.show()

    def follow(self, event: Event) -> None:
        """Go on to where the mouse is."""
        self._points.append(QPointF(float(event.pos[0]), float(event.pos[1])))
        self.update()

    def vanish(self) -> None:
        """Leave the canvas."""
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what was dragged so far, so that it shows on any image."""
        if self._points:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, not self._box)
            for pen in (_HALO, _INK):
                painter.setPen(pen)
                if self._box:
                    painter.drawRect(QRectF(self._points[0], self._points[-1]))
                else:
                    painter.drawPolyline(QPolygonF(self._points))
            painter.end()


def trace_over(event: Event, *, box: bool) -> Trace | None:
    """Start a trace on the canvas that was pressed; None without a window."""
    if event.native is None:
        return None
    canvas = QApplication.widgetAt(event.native.globalPosition().toPoint())
    if canvas is None:
        return None
    trace = Trace(canvas, box=box)
    trace.follow(event)
    return trace
