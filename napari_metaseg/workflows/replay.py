"""Replay a session: adapt again, and compare with what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.linking import keep_linked, link_labels
from napari_metaseg.core.overlay import number
from napari_metaseg.core.settings import DecodeSettings

from .adapt import adapt_steps, load
from .outputs import label_axes
from .session import current_versions, write_model_files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from .adapted import AdaptedModel
    from .results import Progress
    from .session import Labels, Session, SessionImage


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes
    ----------
    model : AdaptedModel
        The model, adapted again.
    labels : tuple of array of int32
        Its instances of each image, with the annotation put in, under the numbers of
        the session.
    different : tuple of int
        Pixels of each image that are other than in the session.
    changes : tuple of str
        What is other here than it was there, one sentence each.
    """

    model: AdaptedModel
    labels: tuple[Labels, ...]
    different: tuple[int, ...]
    changes: tuple[str, ...]


def replay_steps(
    session: Session, images: Sequence[NDArray[Any]], *, device: str | None = None
) -> Generator[Progress, None, Replay]:
    """Do again what a session says, as a generator that can be closed at any yield.

    Everything is computed anew, from the annotation and the initialization; of the
    instances in the session only the numbers are used. On the same type of device, with
    the same versions, the result is the same bit for bit.

    Parameters
    ----------
    session : Session
        From `read_session`.
    images : sequence of array
        Pixels of its images, see `ImageReference.read`.
    device : str, optional
        Device, if not the session's.

    Yields
    ------
    Progress

    Returns
    -------
    Replay

    Raises
    ------
    UserError
        If the device cannot be used here.
    """
    settings = session.settings
    chosen = device or settings.device
    threads = torch.get_num_threads()
    try:
        # Sums are split among threads, and their last bits follow the split.
        torch.set_num_threads(settings.threads)
        with TemporaryDirectory() as folder:
            places = {
                name: write_model_files(files, Path(folder) / name)
                for name, files in session.models.items()
            }
            model = yield from adapt_steps(
                list(images),
                [image.learned for image in session.images],
                axes=[image.reference.axes for image in session.images],
                channel=settings.channel,
                diameter=settings.diameter,
                init=places["initialization"],
                device=chosen,
                seed=settings.seed,
                mirrors=settings.mirrors,
                scales=settings.scales,
                start=load(places["start"]) if "start" in places else None,
                planes=settings.planes,
                part=settings.part,
                # A region is judged as a whole, and where that is worse reverted.
                settings=DecodeSettings(region=settings.decode.region),
                fit_decoding=True,
            )
    finally:
        torch.set_num_threads(threads)
    labels = tuple(
        _shown(model.found(settings.decode, index=k), images[k], image, session)
        for k, image in enumerate(session.images)
    )
    labels = _linked(labels[0], session), *labels[1:]
    different = tuple(
        int(np.count_nonzero(found != image.cells))
        for found, image in zip(labels, session.images, strict=True)
    )
    assert model.report is not None
    return Replay(model, labels, different, _changes(session, model.report.device))


def _shown(
    found: Labels, pixels: NDArray[Any], image: SessionImage, session: Session
) -> Labels:
    """Put the annotation in, and give the numbers of the session."""
    planes = as_planes(
        pixels,
        axes=image.reference.axes,
        channel=session.settings.channel,
        annotated=image.painted.shape,
    )
    parts = (planes.split(labels) for labels in (found, image.painted, image.cells))
    region = session.settings.decode.region
    return planes.join(
        np.stack(
            [
                number(instances, painted, before, region=region).under(painted)
                for instances, painted, before in zip(*parts, strict=True)
            ]
        )
    )


def _linked(shown: Labels, session: Session) -> Labels:
    """Link the cells of the first image; a region is one object as it is."""
    image, settings = session.images[0], session.settings
    if settings.link == "none" or settings.decode.region:
        return shown
    axes = label_axes(image.reference.axes, shown.shape)
    return keep_linked(link_labels(shown, axes, settings.link), image.cells)


def _changes(session: Session, device: str) -> tuple[str, ...]:
    before, now = session.versions, current_versions()
    changes = [
        f"{name} is {now.get(name)} here and was {before.get(name)}."
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if device != session.settings.device:
        changes.append(f"This ran on {device} and that on {session.settings.device}.")
    return tuple(changes)
