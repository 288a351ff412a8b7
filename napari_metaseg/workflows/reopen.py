"""A session opened again: its model draws its image, and nothing is learned anew."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.generators import relay

from .adapted import AdaptedModel, View
from .loading import load_segmenter
from .results import Progress, Report
from .session import write_model_files
from .wanted import parts_to_draw

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from .session import Session

_WORDS = "Drawing the cells of the session"


def reopen_steps(
    session: Session, image: NDArray[Any], *, device: str = "auto"
) -> Generator[Progress, None, AdaptedModel]:
    """Bring back what an adaptation had returned, as a generator.

    Parameters
    ----------
    session : Session
        From `read_session`.
    image : array
        Pixels of its first image, see `ImageReference.read`.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Yields
    ------
    Progress

    Returns
    -------
    AdaptedModel
        It holds what the network draws of the first image before and after
        adaptation, which can be decoded; on the same type of device with the same
        versions, bit for bit what it was.

    Raises
    ------
    UserError
        If the device cannot be used here, or the image does not suit the model.
    """
    known, settings = session.images[0], session.settings
    model = load_model(session, "adapted")
    planes = as_planes(
        image,
        axes=known.reference.axes,
        channel=settings.channel,
        annotated=known.painted.shape,
    )
    painted = known.painted, known.learned
    only = parts_to_draw(planes, painted, settings.planes, settings.part)
    moved = model.segmenter.to(pick_device(device))
    threads = torch.get_num_threads()
    try:
        # Sums are split among threads, and their last bits follow the split.
        torch.set_num_threads(settings.threads)
        before = yield from relay(
            moved.draw(planes, adapted=False, only=only),
            lambda share: Progress("before", round(50 * share), 100, _WORDS),
        )
        after = yield from relay(
            moved.draw(planes, adapted=True, only=only),
            lambda share: Progress("segment", round(50 + 50 * share), 100, _WORDS),
        )
    finally:
        torch.set_num_threads(threads)
    view = View(planes.without_data(), known.learned, (before, after))
    return AdaptedModel(
        model.segmenter,
        [view],
        report=read_report(model.segmenter.card),
        previous=known.cells,
    )


def load_model(session: Session, name: str) -> AdaptedModel:
    """Load one of a session's models, ``"adapted"`` or ``"start"``."""
    with TemporaryDirectory() as folder:
        place = write_model_files(session.models[name], Path(folder) / name)
        return AdaptedModel(load_segmenter(place))


def read_report(card: Mapping[str, Any]) -> Report | None:
    """Return the report that a card of an adapted model holds; None without one."""
    known: Any = card.get("report")
    match known:
        case {
            "n_cells": int(),
            "n_strokes": int(),
            "diameter": int() | float(),
            "steps": int(),
            "own_iou_before": int() | float(),
            "own_iou_after": int() | float(),
            "kept": bool(),
            "reason": str(),
            "device": str(),
            "note": str(),
            "held_out_iou_before": int() | float() | None,
            "held_out_iou_after": int() | float() | None,
        }:
            return Report(**{name: known[name] for name in Report.__slots__})
    return None
