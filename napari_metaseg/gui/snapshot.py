"""A snapshot of the panel and the viewer: what one adaptation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.painting import Painting
from napari_metaseg.core.settings import DEFAULT_MIRRORS, DEFAULT_SCALES, SCALES

from . import images, layers, world
from .camera import visible_plane
from .held_out import held_out_cells
from .large_form import Scope
from .request import Request
from .rounds import init_title

if TYPE_CHECKING:
    from napari.components import LayerList, ViewerModel
    from napari.layers import Image, Labels

    from .images import Reading
    from .panel_view import PanelView
    from .request import Origin
    from .work import Work


@dataclass(frozen=True, slots=True)
class Companions:
    """The other images on which cells are painted.

    Attributes
    ----------
    pairs : tuple of (array, Painting)
        Pixels and annotation of those that are read in the same way.
    left_out : tuple of str
        Names of those that cannot be.
    origins : tuple of Origin
        Where the images of the pairs come from.
    """

    pairs: tuple[tuple[Any, Painting], ...]
    left_out: tuple[str, ...]
    origins: tuple[Origin, ...]


def take(
    viewer: ViewerModel, work: Work, annotation: Labels, view: PanelView
) -> Request:
    """Copy everything that one adaptation depends on.

    Parameters
    ----------
    viewer : ViewerModel
        Its layers hold further support, and it shows a part.
    work : Work
        The work on the chosen image.
    annotation : Labels
        What is painted on it.
    view : PanelView
        What is chosen in the panel.

    Returns
    -------
    Request
    """
    source, last = view.source, work.last
    others = companions(viewer.layers, work.image, work.reading)
    planes, part = _wanted(viewer, annotation, view.large.scope.value)
    tests = held_out_cells(viewer.layers, work.image, work.reading)
    continues = view.choices.continues and not why_no_start(work, source.init)
    return Request(
        image=images.pixels(work.image),
        annotation=Painting.of(annotation.data),
        axes=work.reading.axes,
        channel=work.reading.channel,
        diameter=view.object_size.chosen,
        init=source.init,
        device=source.device,
        mirrors=DEFAULT_MIRRORS if source.mirrors.isChecked() else 1,
        scales=max(SCALES) if source.scales.isChecked() else DEFAULT_SCALES,
        settings=view.decode.settings,
        fit_decoding=view.decode.fitted.isChecked(),
        previous=None if last is None else last.decoded.labels,
        others=others.pairs,
        left_out=others.left_out,
        start=last.model if continues and last is not None else None,
        look_at=visible_part(viewer, annotation),
        held_out=None if tests is None else Painting.of(tests),
        planes=planes,
        part=part,
        origins=(world.origin(work.image, work.reading.axes), *others.origins),
    )


def _wanted(
    viewer: ViewerModel, annotation: Labels, scope: Scope | None
) -> tuple[tuple[int, ...] | None, tuple[int, int, int, int] | None]:
    """Return which planes are to be segmented, and which part of them."""
    seen = visible_part(viewer, annotation) if scope is Scope.VIEW else None
    sizes, planes = annotation.data.shape[:-2], None
    if sizes and (scope is Scope.PLANE or seen is not None):
        index = visible_plane(viewer, annotation)
        planes = (int(np.ravel_multi_index(index, sizes)),)
    if seen is None:
        return planes, None
    _, rows, columns = seen
    return planes, (rows.start, rows.stop, columns.start, columns.stop)


def take_each(
    viewer: ViewerModel, work: Work, annotation: Labels, view: PanelView
) -> list[Request]:
    """Ask for one adaptation from each initialization; see `take`."""
    request = take(viewer, work, annotation, view)
    return [replace(request, start=None, init=i) for i in view.source.inits.values]


def why_no_start(work: Work | None, init: str) -> str:
    """Say why the current model is no start for the next round; empty if it is one."""
    if work is None or work.last is None:
        return "There is no model yet: adapt once first."
    if not work.last.init:
        return "This model was opened; adapt once first."
    if work.last.init != init:
        title = init_title(work.last.init)
        return f"The current model comes from {title}; choose that under 'Start from'."
    report = work.last.model.report
    if report is not None and not report.kept:
        return "The current result is the one from before adaptation."
    return ""


def companions(layer_list: LayerList, image: Image, reading: Reading) -> Companions:
    """Find the other images with painted cells, and those that can serve as support.

    Parameters
    ----------
    layer_list : LayerList
        The viewer's layers.
    image : Image
        The chosen image.
    reading : Reading
        How its axes and channels are read.

    Returns
    -------
    Companions
    """
    painted: dict[Image, list[Labels]] = {}
    for layer in layer_list:
        other = layers.annotated_image(layer_list, layer)
        if other is None or other is image or layer.data.max(initial=0) <= 0:
            continue
        # Each image has targets of its own; a name says that they are the same thing.
        if layers.annotated_target(layer).name == reading.target.name:
            painted.setdefault(other, []).append(layer)
    pairs, left_out, origins = [], [], []
    for other, known in painted.items():
        fitting = [a for a in known if _fits(other, a, image, reading)]
        if fitting:
            drawn = fitting[0].data
            own = replace(reading, target=layers.annotated_target(fitting[0]))
            tests = held_out_cells(layer_list, other, own)
            if tests is not None:
                drawn = np.where(tests > 0, 0, drawn)
            pairs.append((images.pixels(other), Painting.of(drawn)))
            origins.append(world.origin(other, reading.axes))
        else:
            left_out.append(other.name)
    return Companions(tuple(pairs), tuple(left_out), tuple(origins))


def _fits(other: Image, annotation: Labels, image: Image, reading: Reading) -> bool:
    """Whether another image can be read as the chosen one is."""
    ways = [(way.axes, way.channel) for way in images.readings(other)]
    if (reading.axes, reading.channel) not in ways:
        return False
    if annotation.data.shape != images.annotation_shape(other, reading):
        return False
    if images.why_not_whole(other, reading):
        return False
    return images.channel_count(other, reading) == images.channel_count(image, reading)


def visible_part(
    viewer: ViewerModel, annotation: Labels
) -> tuple[int, slice, slice] | None:
    """Return the plane, the rows and the columns in view; None where there are none."""
    dims = viewer.dims
    if sorted(dims.displayed) != [dims.ndim - 2, dims.ndim - 1]:
        return None
    low, high = annotation.corner_pixels[:, -2:].astype(int)
    if (high <= low).any():
        return None
    index, sizes = visible_plane(viewer, annotation), annotation.data.shape[:-2]
    plane = int(np.ravel_multi_index(index, sizes)) if sizes else 0
    rows, columns = (slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    return plane, rows, columns
