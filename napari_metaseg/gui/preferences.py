"""Settings that outlive the panel, in napari's own store for plugins.

They are declared in the manifest, shown in napari's Preferences and saved by napari
beside its own settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings
from qtpy.QtCore import QObject

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .panel_view import PanelView

_PLUGIN = "napari-metaseg"
_REFUSALS = (AttributeError, TypeError, ValueError, UserError)


def stored() -> Any:
    """Return napari's store of our settings; None where the plugin is not installed."""
    try:
        return get_plugin_settings(_PLUGIN).panel
    except (KeyError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class _Field:
    """A setting: how it is read off the panel, and how it is brought there."""

    read: Callable[[], Any]
    write: Callable[[Any], None]


class Preferences(QObject):
    """Brings the stored settings into the panel, and the panel's into the store.

    Parameters
    ----------
    view : PanelView
        The panel's parts.
    parent : QObject
        Owner.
    """

    def __init__(self, view: PanelView, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._store = stored()
        self._bringing = False
        source, decode, choices = view.source, view.decode, view.choices
        self._fields = {
            "start": _Field(lambda: source.init, source.prefer_init),
            "device": _Field(lambda: source.device, source.prefer_device),
            "folds": _Field(self._open_folds, self._fold),
        }
        boxes = {
            "automatic": choices.automatic,
            "continues": choices.continue_,
            "mirrors": source.mirrors,
            "scales": source.scales,
        }
        for name, box in boxes.items():
            self._fields[name] = _Field(box.isChecked, box.setChecked)
            box.toggled.connect(self.store)
        for name, widget in decode.fields.items():
            self._fields[name] = _Field(widget.get_value, _setter(widget))
        # After the splitting, which unticks it.
        fitted = decode.fitted
        self._fields["fitted"] = _Field(fitted.isChecked, fitted.setChecked)
        fitted.toggled.connect(self.store)
        self._bring_in()
        source.inits.currentIndexChanged.connect(self.store)
        source.devices.currentIndexChanged.connect(self.store)
        decode.changed.connect(self.store)
        view.folded.connect(self.store)
        view.reset.clicked.connect(self.reset)

    def store(self) -> None:
        """Store what the panel shows now, where it differs."""
        if self._store is None or self._bringing:
            return
        for name, field in self._fields.items():
            value = field.read()
            if getattr(self._store, name, value) != value:
                self._set(name, value)

    def reset(self) -> None:
        """Go back to the settings that everybody begins with."""
        self._view.object_size.by_hand.setChecked(False)
        if self._store is not None:
            for name, field in type(self._store).model_fields.items():
                self._set(name, field.default)
            self._bring_in()

    def _bring_in(self) -> None:
        """Show what is stored; what is stale or wrong is passed over."""
        # The panel tells of each part that changes; the others still stand as before.
        self._bringing = True
        for name, field in self._fields.items():
            try:
                field.write(getattr(self._store, name))
            except _REFUSALS:
                continue
        self._bringing = False

    def _set(self, name: str, value: Any) -> None:
        """Store a value, unless the manifest or the disk does not take it."""
        try:
            setattr(self._store, name, value)
        except (*_REFUSALS, OSError):
            return

    def _open_folds(self) -> str:
        return ", ".join(f.title for f in self._view.folds if f.is_open)

    def _fold(self, titles: str) -> None:
        wanted = {title.strip() for title in titles.split(",")}
        for fold in self._view.folds:
            fold.heading.setChecked(fold.title in wanted)


def _setter(widget: Any) -> Callable[[Any], None]:
    """Return what sets a magicgui widget."""

    def write(value: Any) -> None:
        widget.value = value

    return write
