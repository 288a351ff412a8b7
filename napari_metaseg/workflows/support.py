"""From images and what was painted on them to the support of the inner loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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


def is_single(image: Array | Sequence[Array]) -> bool:
    """Whether this is one image, and not a list of them."""
    return isinstance(image, np.ndarray) or not isinstance(image, Sequence)


def as_views(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    axes: str | None,
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
    views = []
    for one, painted in zip(images, annotations, strict=True):
        drawn = np.asarray(painted)
        planes = as_planes(
            np.asarray(one), axes=axes, channel=channel, annotated=drawn.shape
        )
        views.append(View(planes, as_annotation(drawn, planes.shape)))
    return views


def check_views(views: list[View]) -> Annotated:
    """Check all annotations together: one painted cell on one image is enough."""
    painted = [v.planes.split(v.annotation) for v in views]
    stack = [plane for planes in painted for plane in planes if plane.any()]
    if len({p.shape for p in stack}) <= 1:
        return check_annotation(np.stack(stack) if stack else painted[0])
    shape = tuple(np.max([p.shape for p in stack], axis=0))
    padded = [
        np.pad(p, [(0, n - m) for n, m in zip(shape, p.shape, strict=True)])
        for p in stack
    ]
    return check_annotation(np.stack(padded))


def crops_of(views: list[View], lens: Lens) -> Crops:
    """Cut the crops around everything that was painted on the views."""
    pairs = []
    for view in views:
        for index, painted in enumerate(view.planes.split(view.annotation)):
            if painted.any():
                shape = scaled_shape((painted.shape[0], painted.shape[1]), lens.zoom)
                parts = resize_labels(separate_parts(painted), shape)
                pairs.append((lens.look(view.planes, index), parts))
    return cut_crops(pairs)
