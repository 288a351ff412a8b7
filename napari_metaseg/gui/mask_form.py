"""Which existing masks serve as annotation: the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox

from .choosers import Chooser
from .form import Form, beside
from .look import make_button

if TYPE_CHECKING:
    from napari.layers import Labels


class MaskForm(Form):
    """A chooser of label layers, and a button for files."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Chooser("A label layer of the image's size.")
        self.selected_only = QCheckBox("Only the selected cell")
        self.selected_only.setToolTip(
            "Takes only the cell whose number is chosen in the layer's own controls; "
            "pick it there with napari's picker."
        )
        self.selected_only.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.use = make_button(
            "Use this layer",
            "Makes its cells examples, as if you had painted them. "
            "What you have painted stays as it is.",
        )
        self.open = make_button(
            "From a file…",
            "Reads masks from a label image, ImageJ ROIs, GeoJSON or COCO JSON.",
        )
        self.add("Layer", self.layers)
        self.add_wide(self.selected_only)
        self.add_wide(beside(self.use, self.open))

    @property
    def layer(self) -> Labels | None:
        """The chosen layer."""
        layer: Labels | None = self.layers.value
        return layer

    def offer(self, layers: list[Labels], *, possible: bool) -> None:
        """Offer layers, and both buttons where an annotation is possible."""
        self.layers.offer([(layer.name, layer) for layer in layers], self.layer)
        self.layers.setEnabled(bool(layers))
        self.selected_only.setEnabled(bool(layers))
        self.use.setEnabled(bool(layers) and possible)
        self.open.setEnabled(possible)
