"""What lies on the desk: the chosen image, its annotation, what is painted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING
from weakref import WeakMethod

from qtpy.QtCore import QObject, Signal

from . import layers
from .images import CELLS, annotation_shape, why_not_whole
from .links import Links, after_rest
from .painted import Painted, painted
from .worker import Runner
from .world import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np
    from napari.components import LayerList
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from .choosers import SourceForm
    from .images import Reading, Target
    from .worker import Tick

_REST = 120  # ms without a stroke before the annotation is summed up again
_AT_ONCE = 2048 * 2048  # px; larger annotations are summed up in a thread


class Desk(QObject):
    """Follows the viewer's layers and keeps an annotation layer at hand.

    An image gets its annotation layer when it is first chosen; one that the
    person deletes comes back only when they ask for the next cell.

    Signals
    -------
    image_changed :
        Another image, or another reading of it, is on the desk.
    stroked :
        The person painted, filled or erased something.
    edited :
        The annotation may have changed, by a stroke, by undo or in any other way;
        a short rest afterwards.
    changed :
        Something that the panel shows has changed.
    """

    image_changed = Signal()
    stroked = Signal()
    edited = Signal()
    changed = Signal()

    def __init__(
        self, layer_list: LayerList, source: SourceForm, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._layers = layer_list
        self._source = source
        self._keys: dict[str, Callable[[], None]] = {}
        self._given: set[tuple[object, str, tuple[int, ...]]] = set()
        self._targets: dict[object, Target] = {}
        self._turned = False
        self._left = Event()
        self.painted = Painted()
        self._list_links, self._own_links = Links(), Links()
        self._soon = after_rest(self, 0, self._settle)
        self._rest = after_rest(self, _REST, self._sum_up)
        self._measuring = Runner("Measuring", self)
        self._measuring.returned.connect(self._take)
        self._follow()

    @property
    def image(self) -> Image | None:
        """The chosen image."""
        return self._source.image

    @property
    def reading(self) -> Reading | None:
        """How its axes are read, and for which target; None if they cannot be."""
        reading = self._source.reading
        return None if reading is None else replace(reading, target=self.target)

    @property
    def target(self) -> Target:
        """What is segmented in the chosen image."""
        return CELLS if self.image is None else self._target_of(self.image)

    def choose_target(self, target: Target) -> None:
        """Go over to another target of the chosen image."""
        if self.image is not None:
            before = self.target
            self._targets[self.image.unique_id] = target
            if target != before:
                self._on_image()
            self._soon.start()

    def _target_of(self, image: Image) -> Target:
        return self._targets.get(image.unique_id, CELLS)

    @property
    def annotation(self) -> Labels | None:
        """The layer in which its cells are painted."""
        if self.image is None or self.reading is None:
            return None
        return layers.find_annotation(self._layers, self.image, self.reading)

    def bind(self, keys: dict[str, Callable[[], None]]) -> None:
        """Bind keys to bound methods, on the annotation layers."""
        weak = {key: WeakMethod(action) for key, action in keys.items()}
        self._keys = {key: _calling(m, self._left) for key, m in weak.items()}

    def next_cell(self) -> None:
        """Load the brush with a new cell's label."""
        annotation = self.annotation_at_hand()
        if annotation is not None:
            layers.paint(self._layers, annotation, layers.next_label(annotation))

    def background(self) -> None:
        """Load the brush with background."""
        annotation = self.annotation_at_hand()
        if annotation is not None:
            layers.paint(self._layers, annotation, layers.BACKGROUND)

    def annotation_at_hand(self) -> Labels | None:
        """Return the annotation, made anew if the person has deleted it.

        Of an image that is too large to adapt to there is none.
        """
        if self.image is None or self.reading is None:
            return None
        found = self.annotation
        if found is not None:
            return found
        if why_not_whole(self.image, self.reading):
            return None
        made = layers.make_annotation(self._layers, self.image, self.reading)
        self._watch(made)
        return made

    def holds(self, image: Image) -> bool:
        """Whether an image is still among the viewer's layers."""
        return image in self._layers

    def leave(self) -> None:
        """Stop following, and let the keys do nothing from now on."""
        self._left.set()
        self._soon.stop()
        self._rest.stop()
        self._measuring.drop()
        self._list_links.cut()
        self._own_links.cut()

    def _follow(self) -> None:
        events = self._layers.events
        for event in (events.inserted, events.removed, events.reordered):
            self._list_links.connect(event, self._on_layers)
        self._list_links.connect(events.renamed, self._on_layers)
        active = self._layers.selection.events.active
        self._list_links.connect(active, self._on_active)
        self._source.image_changed.connect(self._on_image)
        self._on_layers()

    def _on_layers(self, _event: object = None) -> None:
        chosen = self.image or self._active_image()
        self._source.offer_images(layers.image_layers(self._layers), chosen)
        self._soon.start()

    def _on_active(self, _event: object = None) -> None:
        """Follow the person to the annotation of another image.

        But not while a choice of theirs waits to be carried out.
        """
        if self._turned:
            return
        active = self._layers.selection.active
        image = layers.annotated_image(self._layers, active)
        if image is None or active is None:
            return
        target = layers.annotated_target(active)
        if image != self.image:
            self._targets[image.unique_id] = target
            self._source.choose_image(image)
        elif target != self.target:
            self.choose_target(target)
        elif (
            self.annotation is not None
            and active.data.shape != self.annotation.data.shape
        ):
            self._source.choose_shape(active.data.shape)

    def _active_image(self) -> Image | None:
        active = self._layers.selection.active
        known = layers.image_layers(self._layers)
        return next((image for image in known if image == active), None)

    def _on_image(self) -> None:
        self._turned = True
        self.image_changed.emit()
        self._soon.start()

    def _settle(self) -> None:
        """Bring everything in line with the layers, once they stopped changing."""
        image, reading = self.image, self.reading
        if image is not None and reading is not None:
            shape = annotation_shape(image, reading)
            place = (image.unique_id, reading.target.key, shape)
            wanted = place not in self._given and not why_not_whole(image, reading)
            if wanted and self.annotation is None:
                layers.make_annotation(self._layers, image, reading)
            self._given.add(place)
        annotation = self.annotation
        if self._turned and annotation is not None:
            self._layers.selection.active = annotation
        self._turned = False
        self._watch(annotation)
        self._sum_up()
        self.changed.emit()

    def _watch(self, annotation: Labels | None) -> None:
        self._own_links.cut()
        if self.image is not None:
            events = self.image.events
            for event in (events.data, events.axis_labels):
                self._own_links.connect(event, self._on_layers)
            for name in PLACE:
                self._own_links.connect(getattr(events, name), self._on_place)
        if annotation is not None:
            events = annotation.events
            self._own_links.connect(events.paint, self._on_paint)
            self._own_links.connect(events.set_data, self._on_data)
            self._own_links.connect(events.selected_label, self._on_label)
            layers.bind_keys(annotation, self._keys)

    def _on_place(self, _event: object) -> None:
        if self.image is not None:
            layers.follow_place(self._layers, self.image)

    def _on_paint(self, _event: object) -> None:
        self.stroked.emit()
        self._rest.start()

    def _on_data(self, _event: object) -> None:
        """See undo and redo, which napari tells only as new data."""
        self._rest.start()

    def _on_label(self, _event: object) -> None:
        self.changed.emit()

    def _sum_up(self) -> None:
        annotation = self.annotation
        self._measuring.drop()
        self.edited.emit()
        if annotation is None:
            self._take(Painted())
        elif annotation.data.size <= _AT_ONCE:
            self._take(painted(annotation.data))
        else:
            self._measuring.start(partial(_measure, annotation.data))

    def _take(self, now: Painted) -> None:
        if now != self.painted:
            self.painted = now
            self.changed.emit()


def _measure(data: NDArray[np.int32]) -> Generator[Tick, None, Painted]:
    yield from ()
    return painted(data)


def _calling(method: WeakMethod[Callable[[], None]], left: Event) -> Callable[[], None]:
    """Call a bound method for as long as its object lives and is in use."""

    def call() -> None:
        action = method()
        if action is not None and not left.is_set():
            action()

    return call
