"""Stacks, movies and big images: what Adapt shows of them, and all of one as a file."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from .choosers import Chooser
from .form import Form
from .look import Bar, make_button

if TYPE_CHECKING:
    from napari.layers import Image

_LINKS = {"none": "no", "z": "through Z", "t": "through T", "zt": "through Z and T"}


class Scope(Enum):
    """What of an image Adapt segments, besides what is painted."""

    ALL = "all"
    PLANE = "plane"
    VIEW = "view"

    @classmethod
    def of(
        cls, planes: tuple[int, ...] | None, part: tuple[int, int, int, int] | None
    ) -> Scope:
        """Return the choice that led to these planes and this part, see `Request`."""
        if part is not None:
            return cls.VIEW
        return cls.ALL if planes is None else cls.PLANE


class LargeForm(Form):
    """Which planes, which image, and how its cells are numbered."""

    def __init__(self) -> None:
        super().__init__()
        self.scope = Chooser(
            "What Adapt segments. All that is painted is learned from and segmented "
            "in either case; less is sooner done."
        )
        self.images = Chooser("The image that is segmented to a file.")
        self.links = Chooser(
            "Whether a cell keeps its number from plane to plane: the same body "
            "through Z, the same cell through T."
        )
        self.start = make_button(
            "Segment to file…",
            "Segments all of an image of any size with the current model, block by "
            "block, into an OME-Zarr, and shows it. What was begun before under the "
            "same name goes on where it was. Press again to cancel.",
        )
        self.bar = Bar()
        self.bar.setRange(0, 100)
        self.add("Segment", self.scope)
        self.add("Image", self.images)
        self.add("Link cells", self.links)
        self.add_wide(self.start)
        self.add_wide(self.bar)
        # Where something is not offered, it is still wished for; offers are silent.
        self._scope, self._link = Scope.ALL, "none"
        self.scope.currentIndexChanged.connect(self._on_scope)
        self.links.currentIndexChanged.connect(self._on_link)
        self.offer_scope(stack=False)
        self.offer_links("")
        self.show_running(False, False, possible=False)

    def offer(self, images: list[Image]) -> None:
        """Offer images to segment to a file; the chosen one stays."""
        chosen = self.images.value
        self.images.offer([(image.name, image) for image in images], chosen)
        self.images.setEnabled(bool(images))

    def offer_scope(self, *, stack: bool) -> None:
        """Offer what of an image can be segmented, and choose what is wished for."""
        choices = [("everything", Scope.ALL), ("what is in view", Scope.VIEW)]
        if stack:
            choices.insert(1, ("this plane", Scope.PLANE))
        self.scope.offer(choices, self._scope)

    def offer_links(self, axes: str) -> None:
        """Offer how cells of such axes can be linked, and choose what is wished for."""
        names = [n for n in _LINKS if n == "none" or set(n.upper()) <= set(axes)]
        self.links.offer([(_LINKS[name], name) for name in names], self._link)
        self.links.setEnabled(len(names) > 1)

    def show_running(self, running: bool, stopping: bool, *, possible: bool) -> None:
        """Turn the button into Cancel while an image is at work."""
        cancel = "Cancelling…" if stopping else "Cancel"
        self.start.setText(cancel if running else "Segment to file…")
        self.start.setEnabled(not stopping if running else possible)
        self.bar.setVisible(running)

    def _on_scope(self) -> None:
        self._scope = self.scope.value

    def _on_link(self) -> None:
        self._link = self.links.value
