"""The form of `DecodeSettings`: a magicgui widget for each of its fields."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_metaseg.core.settings import DecodeSettings

from .form import Form
from .links import after_rest

_PAUSE = 80  # ms without a change before the settings are passed on
_LABELS = {"threshold": "Threshold", "split": "Splitting", "min_size": "Smallest"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "threshold": {
        "min": 0.05,
        "max": 0.95,
        "tooltip": "How sure a cell must be. Lower: more cells.",
    },
    "split": {
        "min": 0.0,
        "max": 1.0,
        "tooltip": "How readily touching cells are cut apart. 0 merges, 1 splits most.",
    },
    "min_size": {
        "min": 0.0,
        "max": 1.0,
        "tooltip": "Cells with less than this part of a painted cell's area are "
        "left out.",
    },
    "clear_border": {
        "text": "Leave out cells at the border",
        "tooltip": "Leaves out the cells that the edge of the image cuts off.",
    },
    "region": {
        "text": "One region instead of cells",
        "tooltip": "For a lesion, a tissue, a gap: all that is found is one object, "
        "and nothing is cut apart.",
    },
}


_FITTED = (
    "Each Adapt chooses the splitting with which the painted cells are found best and, "
    "where strokes lie on false cells, the threshold at which these are gone. Moving "
    "one of the two sliders ends this."
)


class DecodeForm(Form):
    """Sliders for how the network's output becomes cells.

    Attributes
    ----------
    fields : dict of str to Widget
        By the names of the settings.
    fitted : QCheckBox
        Whether each adaptation chooses splitting and threshold.

    Signals
    -------
    changed : object
        The new `DecodeSettings`, once the slider has rested for a moment.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        settings = DecodeSettings()
        self.fields = {
            field.name: _widget(field.name, getattr(settings, field.name))
            for field in fields(settings)
        }
        self.fitted = QCheckBox("auto")
        self.fitted.setToolTip(_FITTED)
        self.fitted.setChecked(True)
        self._pause = after_rest(self, _PAUSE, self._pass_on)
        for name, widget in self.fields.items():
            widget.changed.connect(self._wait)
            if name == "split":
                self.add(_LABELS[name], _in_a_row(widget.native, self.fitted))
            elif name in _LABELS:
                self.add(_LABELS[name], widget.native)
            else:
                self.add_wide(widget.native)
        for name in ("threshold", "split"):
            self.fields[name].changed.connect(self._end_fitting)

    @property
    def settings(self) -> DecodeSettings:
        """The settings as the sliders stand."""
        return DecodeSettings(**{k: widget.value for k, widget in self.fields.items()})

    def show_settings(self, settings: DecodeSettings) -> None:
        """Bring the sliders in line with what is shown, and pass nothing on."""
        self._pause.stop()
        for name, widget in self.fields.items():
            with widget.changed.blocked():
                widget.value = getattr(settings, name)
        self._match()

    def _wait(self) -> None:
        self._match()
        self._pause.start()

    def _end_fitting(self) -> None:
        """Keep what a person has chosen."""
        self.fitted.setChecked(False)

    def _match(self) -> None:
        """Grey out the splitting: a region is not cut."""
        cut = not self.fields["region"].value
        self.fields["split"].enabled = cut
        self.fitted.setEnabled(cut)

    def _pass_on(self) -> None:
        self.changed.emit(self.settings)


def _in_a_row(slider: QWidget, box: QWidget) -> QWidget:
    both = QWidget()
    both.setToolTip(slider.toolTip())
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(slider, 1)
    row.addWidget(box)
    return both


def _widget(name: str, value: float | bool) -> Any:
    options = _OPTIONS[name]
    if not isinstance(value, bool):
        options = options | {"widget_type": "FloatSlider", "step": 0.01}
    widget = create_widget(value, type(value), name=name, options=options)
    # magicgui tells it on the slider alone, and not on the number beside it.
    widget.native.setToolTip(options["tooltip"])
    return widget
