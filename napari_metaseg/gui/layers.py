"""The layers of an image: the one place that knows their names and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from napari_metaseg.core.errors import UserError

from . import colours, marks
from .images import Target, annotation_shape, readings
from .protect import protect_cells, unprotected
from .world import lay, same_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import LayerList
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_metaseg.core.edits import Edit
    from napari_metaseg.core.filling import Filling

    from .images import Reading

BACKGROUND = -1
"""Label of a background stroke; see the annotation contract in the docs."""

POINTING = "pick"
"""Mode of a layer whose cells are clicked, see `point_at`."""


def image_layers(layers: LayerList) -> list[Image]:
    """List the images, the topmost first; maps that we made of one are none."""
    shown = (layer for layer in reversed(layers) if isinstance(layer, Image))
    return [layer for layer in shown if marks.mark_of(layer) is None]


def label_layers(layers: LayerList) -> list[Labels]:
    """List the label layers, the topmost first."""
    return [layer for layer in reversed(layers) if isinstance(layer, Labels)]


def find_annotation(layers: LayerList, image: Image, reading: Reading) -> Labels | None:
    """Return the layer in which this image's cells are painted, if there is one."""
    return _labels(marks.find(layers, image, marks.ANNOTATION, reading))


def find_cells(layers: LayerList, image: Image, reading: Reading) -> Labels | None:
    """Return the layer that shows this image's instances, if there is one."""
    return _labels(marks.find(layers, image, marks.CELLS, reading))


def annotated_image(layers: LayerList, layer: Layer | None) -> Image | None:
    """Return the image that an annotation layer belongs to."""
    mark = marks.mark_of(layer)
    if mark is None or mark["role"] != marks.ANNOTATION:
        return None
    images = (image for image in image_layers(layers) if marks.is_of(mark, image))
    return next(images, None)


def annotated_target(layer: Layer) -> Target:
    """Return the target that an annotation layer belongs to."""
    return marks.target_of(marks.mark_of(layer) or {})


def follow_place(layers: LayerList, image: Image) -> None:
    """Lay an image's layers of ours, and what goes with these, where it lies by now."""
    kept = {annotation_shape(image, way): way.kept for way in readings(image)}
    for layer, _ in list(marks.marked(layers, image)):
        axes = kept.get(layer.data.shape)
        if isinstance(layer, Labels) and axes is not None:
            lay(layer, image, axes)
            for other in marks.marked_to(layers, layer):
                lay(other, layer, tuple(range(layer.ndim)))


def make_annotation(layers: LayerList, image: Image, reading: Reading) -> Labels:
    """Add an empty annotation layer on top, ready for the first stroke.

    Parameters
    ----------
    layers : LayerList
        The viewer's layers.
    image : Image
        Image to annotate.
    reading : Reading
        Which of its axes are channels.

    Returns
    -------
    Labels
        int32, placed over the image, in paint mode with label 1; active.
    """
    shape = annotation_shape(image, reading)
    layer = Labels(
        np.zeros(shape, np.int32),
        name=marks.title(image, marks.ANNOTATION, reading.target),
        colormap=colours.of_annotation(BACKGROUND),
        opacity=0.6,
        **same_place(image, reading.kept),
    )
    marks.link(layer, image, marks.ANNOTATION, reading.target)
    protect_cells(layer)
    layer.brush_size = brush_size(shape)
    layers.append(layer)
    paint(layers, layer, 1)
    return layer


def brush_size(shape: tuple[int, ...]) -> int:
    """Return a first brush for an image of this shape, in px."""
    return int(np.clip(min(shape[-2:]) // 40, 3, 40))


def paint(layers: LayerList, annotation: Labels, label: int) -> None:
    """Make the annotation active, with its brush loaded with a label."""
    layers.selection.active = annotation
    annotation.selected_label = label
    annotation.mode = "paint"


def point_at(layers: LayerList, annotation: Labels) -> None:
    """Make the annotation active and visible, with a mouse that does not paint.

    napari's picker neither moves the camera nor zooms on a double click, and holding
    the space bar moves the camera, as it does while painting.
    """
    layers.selection.active = annotation
    annotation.visible = True
    annotation.mode = POINTING


def write(annotation: Labels, plane: tuple[int, ...], edit: Edit) -> None:
    """Carry out a correction of one plane, as one step for undo.

    Parameters
    ----------
    annotation : Labels
        The annotation layer.
    plane : tuple of int
        Index of the plane; empty for a single one.
    edit : Edit
        What to write.
    """
    leading = [np.full_like(edit.rows, i) for i in plane]
    with unprotected(annotation):
        annotation.data_setitem((*leading, edit.rows, edit.columns), edit.labels)


def fill(annotation: Labels, filling: Filling) -> None:
    """Put masks into unknown pixels, as one step for undo; what is painted stays.

    Parameters
    ----------
    annotation : Labels
        The annotation layer.
    filling : Filling
        What to put in.
    """
    now = filling.still_unknown(annotation.data)
    annotation.data_setitem(now.pixels, now.labels)
    annotation.selected_label = next_label(annotation)


def next_label(annotation: Labels) -> int:
    """Return the number of the next new cell."""
    return max(int(annotation.data.max()), 0) + 1


def show_cells(
    layers: LayerList, image: Image, reading: Reading, labels: NDArray[np.int32]
) -> Labels:
    """Show instances over an image, in the layer they were shown in before.

    A new layer goes right below the annotation (or right above the image) and
    shows contours. It is not editable: napari's undo would write pixels of an
    earlier result into this one.

    Parameters
    ----------
    layers : LayerList
        The viewer's layers.
    image : Image
        The segmented image.
    reading : Reading
        Which of its axes are channels.
    labels : array of int32
        Instances, of the annotation's shape.

    Returns
    -------
    Labels
    """
    layer = find_cells(layers, image, reading)
    if layer is None:
        layer = _make_cells(layers, image, reading, labels)
    else:
        layer.data = labels
    layer.editable = False
    return layer


def _make_cells(
    layers: LayerList, image: Image, reading: Reading, labels: NDArray[np.int32]
) -> Labels:
    layer = Labels(
        labels,
        name=marks.title(image, marks.CELLS, reading.target),
        colormap=colours.of_cells(),
        opacity=0.9,
        # Until it is complete: napari draws a layer anew for whatever is set of it,
        # and looks for all outlines each time, which is slow in a large image.
        visible=False,
        **same_place(image, reading.kept),
    )
    layer.contour = 2
    marks.link(layer, image, marks.CELLS, reading.target)
    annotation = find_annotation(layers, image, reading)
    place = layers.index(image) + 1 if annotation is None else layers.index(annotation)
    selected = set(layers.selection)
    layers.insert(place, layer)
    layers.selection = selected
    layer.visible = True
    return layer


def update_cells(
    layer: Labels, pixels: tuple[NDArray[np.intp], ...], labels: NDArray[np.int32]
) -> None:
    """Show other instances at some pixels; only what is around them is drawn again.

    Parameters
    ----------
    layer : Labels
        What `show_cells` returned; its array is written to.
    pixels : tuple of array of int
        Where, one array an axis.
    labels : (N,) array of int32
        What is shown there from now on.
    """
    layer.data_setitem(pixels, labels)
    # To napari this was an edit; a layer that cannot be edited forgets its edits.
    layer.editable = True
    layer.editable = False


def hide_cells(layers: LayerList, image: Image, reading: Reading) -> None:
    """Take the instances of an image out of the list."""
    layer = find_cells(layers, image, reading)
    if layer is not None:
        layers.remove(layer)


def shown_cells(layers: LayerList, image: Image, reading: Reading) -> Labels | None:
    """Return the layer whose instances a person sees; None where none are shown.

    Raises
    ------
    UserError
        If their layer is hidden.
    """
    layer = find_cells(layers, image, reading)
    if layer is not None and not layer.visible:
        raise UserError(
            f"The layer '{layer.name}' is hidden; show it to correct its cells."
        )
    return layer


def bind_keys(layer: Labels, keys: dict[str, Callable[[], None]]) -> None:
    """Bind keys on one layer of ours; napari's own bindings stay as they are."""
    for key, action in keys.items():
        layer.bind_key(key, lambda _layer, action=action: action(), overwrite=True)


def attributes(image_name: str, *, cells: bool) -> dict[str, Any]:
    """Return name and looks of cells or of an annotation that a file brings along."""
    if cells:
        looks = {"colormap": colours.of_cells(), "opacity": 0.9}
        return {"name": f"{image_name} {marks.CELLS}", **looks}
    looks = {"colormap": colours.of_annotation(BACKGROUND), "opacity": 0.6}
    return {"name": f"{image_name} {marks.ANNOTATION}", **looks}


def _labels(layer: Layer | None) -> Labels | None:
    return layer if isinstance(layer, Labels) else None
