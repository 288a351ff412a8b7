"""A saved model on a new image, kept so that it can be decoded and corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_metaseg.core.axes import as_planes, check_axes
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.generators import relay

from .adapted import AdaptedModel, View
from .fit_warning import fit_warning
from .results import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray


class Applied(NamedTuple):
    """A model that holds an image which it was not adapted to.

    Attributes
    ----------
    model : AdaptedModel
        The same model with this image: its ``labels``, and `AdaptedModel.relabel`
        for other settings. What it would show before adaptation is not drawn.
    warning : str
        What speaks against the result, see `fit_warning`; may be empty.
    """

    model: AdaptedModel
    warning: str


def apply_steps(
    model: AdaptedModel,
    image: NDArray[np.generic],
    *,
    axes: str | None = None,
    channel: int | None = None,
    device: str = "auto",
) -> Generator[Progress, None, Applied]:
    """Segment another image with a model, and keep the network's output of it.

    Parameters
    ----------
    model : AdaptedModel
        Adapted, or loaded.
    image : array
        (Y, X), (Y, X, C) or as ``axes`` says.
    axes : str, optional
        One letter an axis, of T, Z, C, Y, X.
    channel : int, optional
        Channel; by default the one that was adapted to, if the image has several.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Yields
    ------
    Progress

    Returns
    -------
    Applied

    Raises
    ------
    UserError
        If the image cannot be used, or has another number of channels.
    """
    segmenter = model.segmenter
    axes = check_axes(np.shape(image), axes=axes)
    if channel is None and "C" in axes:
        channel = segmenter.lens.channel
    planes = as_planes(np.asarray(image), axes=axes, channel=channel)
    moved = segmenter.to(pick_device(device))
    drawn = yield from relay(
        moved.draw(planes, adapted=segmenter.kept),
        lambda share: Progress("segment", round(100 * share), 100, "Finding all cells"),
    )
    view = View(planes, np.zeros(planes.shape, np.int32), (drawn, drawn))
    applied = AdaptedModel(segmenter, [view])
    labels = planes.split(applied.relabel(segmenter.settings))
    return Applied(applied, fit_warning(segmenter.lens, planes, drawn, labels))
