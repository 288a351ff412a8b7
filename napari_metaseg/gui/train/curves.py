"""Live curves of a run: the meta-loss, and how well adapting works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .watch import Curve

_HEIGHT = 104  # px; both plots and a picture fit in a window of 720
_AS_WIDE_AS_THERE_IS = QSizePolicy.Policy.Ignored
# Okabe and Ito's orange and blue, at a lightness that reads on both themes.
_BEFORE, _AFTER, _GRAY = "#d97a1d", "#2d86c9", "#8c8c8c"


class Plot(QWidget):
    """Two curves over the meta-steps, before (dashed) and after adaptation.

    Parameters
    ----------
    title : str
        What is drawn.
    tip : str
        How to read it.
    share : bool
        Whether the values are shares, of few points: then 0 to 1 is shown, and each
        point is marked.
    """

    def __init__(self, title: str, tip: str, *, share: bool = False) -> None:
        super().__init__()
        self.setToolTip(tip)
        heading = QLabel(
            f"{title}: <span style='color:{_BEFORE}'>- - before</span>, "
            f"<span style='color:{_AFTER}'>— after</span> adapting"
        )
        heading.setToolTip(tip)
        heading.setWordWrap(True)
        self.plot: Any = pyqtgraph.PlotWidget(background=None)
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setSizePolicy(_AS_WIDE_AS_THERE_IS, QSizePolicy.Policy.Fixed)
        # napari's theme would give it a ground of its own, and keep it.
        self.plot.setStyleSheet("background: transparent; border: none;")
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # A plot would swallow the wheel that scrolls the panel.
        self.plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        # Room for the topmost and the last number, which would be cut in half.
        self.plot.getPlotItem().layout.setContentsMargins(0, 7, 10, 0)
        self._marked = share
        if share:
            # A little more, or a point at an end would be cut in half.
            self.plot.setYRange(-0.02, 1.02, padding=0)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(_GRAY)
            axis.setTextPen(_GRAY)
        self.plot.getAxis("left").setWidth(34)
        self.before, self.after = (
            self.plot.plot(
                pen=pyqtgraph.mkPen(QColor(colour), width=2, style=style),
                symbolSize=5,
                symbolPen=None,
                symbolBrush=QColor(colour),
            )
            for colour, style in (
                (_BEFORE, Qt.PenStyle.DashLine),
                (_AFTER, Qt.PenStyle.SolidLine),
            )
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(heading)
        layout.addWidget(self.plot)

    def show_curve(self, curve: Curve) -> None:
        """Draw values over meta-steps; a single one is a point."""
        symbol = "o" if self._marked or len(curve.steps) == 1 else None
        self.before.setData(curve.steps, curve.before, symbol=symbol)
        self.after.setData(curve.steps, curve.after, symbol=symbol)

    @property
    def shown(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps and values of the curve after adaptation."""
        x, y = self.after.getData()
        return (np.zeros(0), np.zeros(0)) if x is None else (x, y)
