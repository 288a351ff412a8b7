"""How far the work on each target of each image has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import layers
from .decoding import UNLINKED

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from napari_metaseg.core.painting import Painting
    from napari_metaseg.workflows.adapt import AdaptedModel

    from .decoding import Decoded, Link
    from .desk import Desk
    from .guidance import Line
    from .history import Entry
    from .images import Reading
    from .past import Past
    from .rounds import Round


@dataclass
class Work:
    """How far the work on one target of one image has come.

    Attributes
    ----------
    image : Image
        The image.
    reading : Reading
        How its channels are read, and for which target.
    last : Round or None
        Its last adaptation.
    shown : Decoded or None
        What its cells layer shows, after or before adaptation.
    seen : AdaptedModel or None
        The model, of the last or of an earlier round, that this is decoded from.
    asked : Painting or None
        The annotation that the last run was given.
    rounds : list of Entry
        Its history.
    link : Link
        How its cells are numbered through planes.
    line : Line or None
        What to tell the person as long as this image is chosen; None for the
        next step.
    """

    image: Image
    reading: Reading
    last: Round | None = None
    shown: Decoded | None = None
    seen: AdaptedModel | None = None
    asked: Painting | None = None
    rounds: list[Entry] = field(default_factory=list)
    link: Link = UNLINKED
    line: Line | None = None

    @property
    def seconds(self) -> float | None:
        """How long its last adaptation took; None where there was none."""
        if self.last is None or self.last.model.report is None:
            return None
        return self.last.seconds


@dataclass(frozen=True, slots=True)
class Decoding:
    """What is being decoded, and what is to become of it.

    Attributes
    ----------
    work : Work
        To which it belongs.
    model : AdaptedModel
        Whose output it is.
    earlier : Past or None
        The round that a person went to, if so.
    take : bool
        Whether that round becomes the current result.
    """

    work: Work
    model: AdaptedModel
    earlier: Past | None = None
    take: bool = False


class Works:
    """The work on each target of each image.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    """

    def __init__(self, layer_list: LayerList) -> None:
        self._layers = layer_list
        self._known: dict[tuple[object, str], Work] = {}

    def on(self, image: Image, reading: Reading) -> Work:
        """Return the work on a target of an image; new if that is read otherwise."""
        place = image.unique_id, reading.target.key
        work = self._known.get(place)
        if work is None or work.reading != reading:
            work = self._known[place] = Work(image, reading)
        return work

    def of(self, desk: Desk) -> Work | None:
        """Return the work on what lies on the desk, if anything does."""
        image, reading = desk.image, desk.reading
        if image is None or reading is None:
            return None
        return self.on(image, reading)

    def forget_removed(self) -> None:
        """Let go of the work on images that are no longer in the viewer."""
        held = {image.unique_id for image in layers.image_layers(self._layers)}
        self._known = {k: work for k, work in self._known.items() if k[0] in held}
