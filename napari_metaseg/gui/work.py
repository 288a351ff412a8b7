"""How far the work on each target of each image has come."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from . import guidance, layers
from .decoding import UNLINKED
from .rounds import Round

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from napari_metaseg.core.painting import Painting
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel

    from .decoding import Decoded, Link
    from .desk import Desk
    from .guidance import Line
    from .history import Entry
    from .images import Reading, Target
    from .past import Past

    _Key = tuple[object, Target, int | None, tuple[int, ...]]


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
    wanted : DecodeSettings or None
        As the sliders stand, if one was moved during the run that is at work.
    rounds : list of Entry
        Its history.
    link : Link
        How its cells are numbered through planes.
    line : Line or None
        What to tell the person as long as this image is chosen; None for the
        next step.
    covered : bool
        Whether its cells layer is that of another reading for the time being.
    """

    image: Image
    reading: Reading
    last: Round | None = None
    shown: Decoded | None = None
    seen: AdaptedModel | None = None
    asked: Painting | None = None
    wanted: DecodeSettings | None = None
    rounds: list[Entry] = field(default_factory=list)
    link: Link = UNLINKED
    line: Line | None = None
    covered: bool = False

    @property
    def in_view(self) -> Seen | None:
        """What is seen of it now; None where nothing is."""
        if self.shown is None or self.seen is None:
            return None
        return Seen(self, self.shown, self.seen, self.line)

    @property
    def seconds(self) -> float | None:
        """How long its last adaptation took; None where there was none."""
        if self.last is None or self.last.model.report is None:
            return None
        return self.last.seconds


class Seen(NamedTuple):
    """What was seen of a work, so that it can be seen again.

    Attributes
    ----------
    work : Work
        To which it belongs.
    decoded : Decoded
        The result.
    model : AdaptedModel
        Whose output it is, of the last or of an earlier round.
    line : Line or None
        What was told of it.
    """

    work: Work
    decoded: Decoded
    model: AdaptedModel
    line: Line | None


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

    def end(self, result: Decoded) -> None:
        """Hold the result where it is the current one, and say what it is."""
        work, earlier = self.work, self.earlier
        if earlier is not None and self.take:
            seconds, init = earlier.seconds, earlier.init
            work.last = Round(
                self.model, result, seconds, init, request=earlier.request
            )
        current = work.last is not None and work.last.model is self.model
        if work.last is not None and current and result.adapted:
            work.last = replace(work.last, decoded=result)
        if earlier is not None:
            work.line = guidance.looked(earlier, result, current=current)
        else:
            work.line = guidance.decoded(result)


class Works:
    """The work on each target of each image, as its channels are read.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    """

    def __init__(self, layer_list: LayerList) -> None:
        self._layers = layer_list
        self._known: dict[_Key, Work] = {}

    def on(self, image: Image, reading: Reading) -> Work:
        """Return the work on a target of an image, the same for the same channels.

        It goes on where axes of planes are called otherwise by now.
        """
        work = self._known.setdefault(_key(image, reading), Work(image, reading))
        work.reading = reading
        return work

    def of(self, desk: Desk) -> Work | None:
        """Return the work on what lies on the desk, if anything does."""
        image, reading = desk.image, desk.reading
        if image is None or reading is None:
            return None
        return self.on(image, reading)

    def turn_to(self, work: Work) -> bool:
        """Let a work have the cells layer; tell whether another had covered it."""
        covered, work.covered = work.covered, False
        for other in self._known.values():
            if other is not work and _share_a_layer(other, work):
                other.covered = True
        return covered

    def shares_cells(self, work: Work) -> bool:
        """Whether the cells layer of a work may hold those of another."""
        others = (w for w in self._known.values() if w is not work)
        return any(_share_a_layer(w, work) for w in others if w.shown is not None)

    def on_image_of(self, work: Work) -> list[Work]:
        """Return a work, and then the others on its image."""
        others = (w for w in self._known.values() if w.image is work.image)
        return [work, *(other for other in others if other is not work)]

    def forget_removed(self) -> None:
        """Let go of the work on images that are no longer in the viewer."""
        held = {image.unique_id for image in layers.image_layers(self._layers)}
        self._known = {k: work for k, work in self._known.items() if k[0] in held}

    def forget_target(self, image: Image, target: Target) -> None:
        """Let go of the work on a target of an image, however that is read."""
        gone = image.unique_id, target
        self._known = {k: work for k, work in self._known.items() if k[:2] != gone}

    def hold(self, work: Work) -> bool:
        """Whether a work is known, and neither its image nor its target is gone."""
        return self._known.get(_key(work.image, work.reading)) is work


def _key(image: Image, reading: Reading) -> _Key:
    return image.unique_id, reading.target, reading.channel, reading.kept


def _share_a_layer(one: Work, other: Work) -> bool:
    """Whether two works are on channels of one image, and for one target."""
    same = one.image is other.image and one.reading.target == other.reading.target
    return same and one.reading.kept == other.reading.kept
