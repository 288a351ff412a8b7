"""Sessions as they are written and reopened in the worker."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.classes import find_again
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay
from napari_metaseg.core.overlay import number
from napari_metaseg.core.painting import Painting

from . import decoding, images, rounds
from .request import Origin, Request

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.core.classes import CellClass
    from napari_metaseg.io.images import ImageFile
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress
    from napari_metaseg.workflows.session import Session, SessionImage

    from .images import Reading
    from .readers import SessionLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSave:
    """A snapshot of everything that a session holds.

    Attributes
    ----------
    path : Path
        Where it is written to; that a file may be replaced was confirmed.
    model : AdaptedModel
        The current result.
    request : Request
        What it was asked to do.
    painted : Painting
        The annotation.
    decoded : Decoded
        Its cells, as they were decoded last.
    seen : array of int32
        The cells as they are shown: these, or others that the person looks at.
    current : bool
        Whether the current result is what is shown.
    target : str
        What they are called.
    classes : dict of int to CellClass
        Class of the cells that are shown and have one, by number.
    link : Link
        How they are numbered through planes.
    """

    path: Path
    model: AdaptedModel
    request: Request
    painted: Painting
    decoded: decoding.Decoded
    seen: NDArray[np.int32]
    current: bool
    target: str
    classes: dict[int, CellClass]
    link: decoding.Link = decoding.UNLINKED


def save(job: ToSave) -> Generator[Progress, None, str]:
    """Write a session; return a sentence that says so."""
    from napari_metaseg.io.bundle import find_bundle
    from napari_metaseg.workflows.session import make_session, session_image
    from napari_metaseg.workflows.session_file import save_session

    request, origins = job.request, job.request.origins
    cells = yield from _current_cells(job)
    given = job.painted.array(), cells, request.learned, _classes_of(job, cells)
    image = _image_file(request, request.image, origins[0])
    pictures = [_refer(session_image(image, origins[0].path, *given), origins[0])]
    for (pixels, painting), origin in zip(request.others, origins[1:], strict=True):
        drawn = painting.array()
        cells = yield from _cells_of(job, pixels, drawn)
        image = _image_file(request, pixels, origin)
        made = session_image(image, origin.path, drawn, cells, drawn)
        pictures.append(_refer(made, origin))
    session = make_session(
        job.model,
        tuple(pictures),
        initialization=find_bundle(request.init),
        channel=request.channel,
        diameter=request.diameter,
        decode=job.decoded.settings,
        start=request.start,
        target=job.target,
        planes=request.planes,
        part=request.part,
        link=job.link.name,
    )
    save_session(job.path, session, overwrite=True)
    also = ". It holds the current result, which is not the one shown."
    more = "" if job.current else also
    if any(not picture.reference.path for picture in pictures):
        return (
            f"Saved {job.path} without the image, which no file holds as it is: save "
            f"it too, and open it before the session{more or '.'}"
        )
    return f"Saved {job.path}{more}"


def _current_cells(job: ToSave) -> Generator[Progress, None, NDArray[np.int32]]:
    """Return the cells of the current result, with the annotation as it is now."""
    painted = job.painted.array()
    followed = yield from decoding.follow(job.decoded, painted, job.link)
    return (job.decoded if followed is None else followed.decoded).labels


def _classes_of(job: ToSave, cells: NDArray[np.int32]) -> dict[int, CellClass]:
    """Return the classes of the current cells, which are those of the cells shown."""
    if np.array_equal(job.seen, cells):
        return job.classes
    again = find_again(job.seen, cells, job.classes)
    return {now: job.classes[old] for now, old in again.items()}


def _image_file(request: Request, pixels: Any, origin: Origin) -> ImageFile:
    from napari_metaseg.io.images import ImageFile

    return ImageFile(pixels, request.axes, origin.pixel_size, origin.z_step)


def _refer(made: SessionImage, origin: Origin) -> SessionImage:
    """Refer to an image by its file, unless that holds other pixels."""
    placed = replace(made.reference, placement=origin.placement)
    made = replace(made, reference=placed)
    try:
        if origin.path is not None:
            made.reference.read(origin.path)
    except UserError:
        return replace(made, reference=replace(made.reference, path=""))
    return made


def _cells_of(
    job: ToSave, pixels: Any, drawn: NDArray[np.int32]
) -> Generator[Progress, None, NDArray[np.int32]]:
    """Segment an image that was only learned from, as a replay will do."""
    from napari_metaseg.workflows.results import Progress

    steps = job.model.segmenter.segment_steps(
        np.asarray(pixels),
        axes=job.request.axes,
        channel=job.request.channel,
        settings=job.decoded.settings,
    )
    found = yield from relay(
        steps, lambda share: Progress("segment", round(100 * share), 100, "Saving")
    )
    planes = zip(decoding.as_planes(found), decoding.as_planes(drawn), strict=True)
    region = job.decoded.settings.region
    shown = [
        number(cells, painted, region=region).under(painted)
        for cells, painted in planes
    ]
    return np.stack(shown).reshape(drawn.shape)


def reopen(
    known: SessionLayer, pixels: Any, painting: Painting, device: str
) -> Generator[Progress, None, rounds.Round]:
    """Bring back the result of a session's first image.

    Parameters
    ----------
    known : SessionLayer
        Which session.
    pixels : array
        The image.
    painting : Painting
        What is painted on it now.
    device : str
        Name of the device.
    """
    start, annotation = time.perf_counter(), painting.array()
    rounds.import_torch()
    from napari_metaseg.workflows.reopen import reopen_steps
    from napari_metaseg.workflows.session_file import read_session

    session = read_session(known.path)
    saved = session.images[0]
    model = yield from reopen_steps(session, np.asarray(pixels), device=device)
    decoded = yield from decoding.decode(
        model, session.settings.decode, annotation, saved.cells
    )
    link = session.settings.link
    if link != "none":
        through = decoding.Link(known.axes.replace("C", ""), link)
        followed = yield from decoding.follow(decoded, annotation, through, saved.cells)
        decoded = decoded if followed is None else followed.decoded
    other = int(np.count_nonzero(decoded.labels != saved.cells))
    same_paint = np.array_equal(annotation, saved.painted)
    return rounds.Round(
        model,
        decoded,
        time.perf_counter() - start,
        session.initialization_name,
        warning=_difference(session, other) if other and same_paint else "",
        request=_request(session, known, pixels),
    )


def _difference(session: Session, pixels: int) -> str:
    from napari_metaseg.workflows.session import current_versions

    now, before = current_versions(), session.versions
    changed = [name for name in sorted(before) if before[name] != now.get(name)]
    why = f": {', '.join(changed)} changed since" if changed else ""
    return f"{pixels} pixels differ from the session{why}."


def _request(session: Session, known: SessionLayer, pixels: Any) -> Request | None:
    """Return what the session was asked to do; None if it saw other images, too."""
    from napari_metaseg.workflows.reopen import load_model

    if len(session.images) > 1:
        return None
    saved, settings = session.images[0], session.settings
    started = "start" in session.models
    return Request(
        image=pixels,
        annotation=Painting.of(saved.learned),
        axes=known.axes,
        channel=settings.channel,
        diameter=settings.diameter,
        init=known.init,
        device=settings.device,
        mirrors=settings.mirrors,
        scales=settings.scales,
        settings=settings.decode,
        start=load_model(session, "start") if started else None,
        planes=settings.planes,
        part=settings.part,
        origins=(
            Origin(
                known.file,
                saved.reference.pixel_size,
                saved.reference.z_step,
                saved.reference.placement,
            ),
        ),
    )


def reading_of(image: Image, known: SessionLayer) -> Reading | None:
    """Return the way to read an image that a session names, if there is one."""
    for way in images.readings(image):
        if way.axes == known.axes and way.channel == known.channel:
            return way
    return None


def find_image(
    sha256: str, candidates: Sequence[Any]
) -> Generator[Progress, None, int | None]:
    """Return which image has the pixels of a session's; None if none has."""
    from napari_metaseg.workflows.image_reference import hash_pixels

    yield from ()
    same = (k for k, data in enumerate(candidates) if hash_pixels(data) == sha256)
    return next(same, None)
