"""From images and what was painted on them to the support of the inner loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.annotation import (
    Annotated,
    as_annotation,
    check_annotation,
    separate_parts,
)
from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.support import cut_crops

from .adapted import View

if TYPE_CHECKING:
    from napari_metaseg.core.support import Crops

    from .lens import Lens

Array = NDArray[np.generic]
Axes: TypeAlias = str | Sequence[str | None] | None
"""One letter an axis, of all images alike or of each; None where they are guessed."""


def is_single(image: Array | Sequence[Array]) -> bool:
    """Whether this is one image, and not a list of them."""
    return isinstance(image, np.ndarray) or not isinstance(image, Sequence)


def as_views(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    axes: Axes,
    channel: int | None,
) -> list[View]:
    """See images and annotations as planes, after checking them; see `adapt`."""
    single = is_single(image)
    images = [image] if single else list(image)
    annotations = [annotation] if single else list(annotation)
    if not images or len(images) != len(annotations):
        raise UserError(
            f"There are {len(images)} images but {len(annotations)} annotations; "
            "give one annotation for each image."
        )
    if axes is None or isinstance(axes, str):
        axes = [axes] * len(images)
    if len(axes) != len(images):
        raise UserError(
            f"There are {len(images)} images but the axes of {len(axes)}; give those "
            "of each image, or one string for all."
        )
    views = []
    for one, painted, own in zip(images, annotations, axes, strict=True):
        drawn = np.asarray(painted)
        planes = as_planes(
            np.asarray(one), axes=own, channel=channel, annotated=drawn.shape
        )
        views.append(View(planes, as_annotation(drawn, planes.shape)))
    return views


def check_views(views: list[View]) -> Annotated:
    """Check all annotations together: one painted cell on one image is enough."""
    return check_annotation(p for v in views for p in v.planes.split(v.annotation))


def crops_of(views: list[View], lens: Lens) -> Crops:
    """Cut the crops around everything that was painted on the views.

    Raises
    ------
    UserError
        If no painted cell is left at working scale.
    """
    pairs = []
    for view in views:
        measured = lens.on(view.planes)
        for index, painted in enumerate(view.planes.split(view.annotation)):
            if painted.any():
                shape = scaled_shape((painted.shape[0], painted.shape[1]), lens.zoom)
                parts = resize_labels(separate_parts(painted), shape)
                pairs.append((measured.look(view.planes, index), parts))
    if not any((parts > 0).any() for _, parts in pairs):
        raise UserError(
            f"The object size is {lens.diameter:g} px, so large that nothing of the "
            "painted cells is left when they are scaled to it; give a smaller one, or "
            "leave it out."
        )
    return cut_crops(pairs)
