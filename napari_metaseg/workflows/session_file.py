"""The file of a session: written whole, and checked before anything is used."""

from __future__ import annotations

import io
import math
import operator
from dataclasses import asdict, astuple
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_metaseg.core.annotation import as_annotation
from napari_metaseg.core.classes import CellClass
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.linking import LINKS
from napari_metaseg.core.placement import Placement
from napari_metaseg.core.settings import MIRRORS, SCALES, DecodeSettings
from napari_metaseg.io.archive import read_archive, write_archive
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.io.model_folder import CARD, WEIGHTS

from .image_reference import ImageReference
from .loading import load_segmenter
from .session import Session, SessionImage, SessionSettings, write_model_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session import Labels
    from .wanted import Rectangle

MANIFEST = "session.json"
KIND = "napari-metaseg session"
SCHEMA = 1
MOST_IMAGES = 1000
MOST_THREADS = 4096
MOST_PIXELS = 2**40

_MODELS = ("initialization", "adapted", "start")
_LABELS = ("painted", "learned", "cells")


def save_session(
    path: str | Path, session: Session, *, overwrite: bool = False
) -> Path:
    """Write a session as one file.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.metaseg``; a zip file, whatever it ends in.
    session : Session
        What to write.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    files: dict[str, bytes] = {}
    for k, image in enumerate(session.images):
        for name in _LABELS:
            files[f"{name}-{k}.tif"] = _as_tiff(getattr(image, name))
    for model, contents in session.models.items():
        files |= {f"{model}/{name}": data for name, data in contents.items()}
    manifest = {
        "kind": KIND,
        "schema": SCHEMA,
        "versions": session.versions,
        "settings": asdict(session.settings),
        "images": [
            asdict(image.reference)
            | {"labels": image.painted.shape}
            | {"classes": [[n, *astuple(c)] for n, c in image.classes.items()]}
            for image in session.images
        ],
    }
    path = Path(path)
    write_archive(path, MANIFEST, manifest, files, overwrite=overwrite)
    return path


def read_session(path: str | Path) -> Session:
    """Read and check a session.

    Parameters
    ----------
    path : str or Path
        The file, or a folder into which it was unpacked.

    Returns
    -------
    Session
        Its models are intact; its images may be anywhere.

    Raises
    ------
    UserError
        If anything about it is not as it should be.
    """
    path = Path(path)
    known = {f"{name}-{k}.tif" for name in _LABELS for k in range(MOST_IMAGES)}
    known |= {f"{model}/{name}" for model in _MODELS for name in (CARD, WEIGHTS)}
    manifest, files = read_archive(path, MANIFEST, known, "session")
    if manifest.get("kind") != KIND or manifest.get("schema") != SCHEMA:
        raise UserError(
            f"{path} is no session of this version of napari-metaseg; update the "
            "program or save the session again."
        )
    try:
        session = _from_parts(manifest, files)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} does not hold a whole session; save or copy it again."
        ) from error
    try:
        _check_models(session)
    except UserError as error:
        raise UserError(
            f"{path} holds a model that is not intact; save or copy it again."
        ) from error
    return session


def _from_parts(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Session:
    images = []
    for k, known in enumerate(manifest["images"]):
        shape = _shape(known["labels"])
        painted, learned, cells = (
            _from_tiff(files[f"{name}-{k}.tif"], shape) for name in _LABELS
        )
        classes = dict(map(_class, known["classes"]))
        images.append(SessionImage(_reference(known), painted, learned, cells, classes))
    models = {
        model: {name: files[f"{model}/{name}"] for name in (CARD, WEIGHTS)}
        for model in _MODELS
        if f"{model}/{CARD}" in files or model != "start"
    }
    versions = {str(k): str(v) for k, v in manifest["versions"].items()}
    if not images:
        raise ValueError(manifest)
    return Session(tuple(images), _settings(manifest["settings"]), models, versions)


def _reference(known: Mapping[str, Any]) -> ImageReference:
    match known:
        case {
            "path": str(path),
            "shape": [_, _, *_] as shape,
            "dtype": str(dtype),
            "sha256": str(sha256),
            "axes": str() | None as axes,
            "pixel_size": [float(), float()] | None as size,
            "z_step": float() | None as step,
            "placement": dict() | None as placement,
        }:
            pixel_size = None if size is None else (size[0], size[1])
            return ImageReference(
                path,
                _shape(shape),
                dtype,
                sha256,
                axes,
                pixel_size,
                step,
                None if placement is None else _placement(placement),
            )
    raise ValueError(known)


def _placement(known: Mapping[str, Any]) -> Placement:
    return Placement(
        tuple(map(float, known["scale"])),
        tuple(map(str, known["units"])),
        tuple(tuple(map(float, row)) for row in known["affine"]),
    )


def _class(known: list[Any]) -> tuple[int, CellClass]:
    match known:
        case [int(number), str(name), int() | float() as probability, bool(given)] if (
            number > 0 and 0 <= probability <= 1
        ):
            return number, CellClass(name, float(probability), given)
    raise ValueError(known)


def _settings(known: Mapping[str, Any]) -> SessionSettings:
    # Files of earlier versions do not tell: there was but one.
    match {"scales": 1, **known}:
        case {
            "channel": int() | None as channel,
            "diameter": int() | float() | None as diameter,
            "seed": int(seed),
            "mirrors": int(mirrors),
            "device": "cpu" | "cuda" | "mps" as device,
            "threads": int(threads),
            "decode": dict(decode),
            "target": str(target),
            "planes": list() | None as planes,
            "part": list() | None as part,
            "link": str(link),
            "scales": int(scales),
        } if (
            1 <= threads <= MOST_THREADS
            and mirrors in MIRRORS
            and link in LINKS
            and scales in SCALES
        ):
            chosen = DecodeSettings(**decode)
            return SessionSettings(
                channel,
                diameter,
                seed,
                mirrors,
                device,
                threads,
                chosen,
                target,
                None if planes is None else tuple(map(operator.index, planes)),
                None if part is None else _part(part),
                link,
                scales,
            )
    raise ValueError(known)


def _part(known: list[Any]) -> Rectangle:
    top, bottom, left, right = map(operator.index, known)
    if not (0 <= top < bottom and 0 <= left < right):
        raise ValueError(known)
    return top, bottom, left, right


def _check_models(session: Session) -> None:
    """Refuse models that are not intact, before anything is done with them."""
    with TemporaryDirectory() as folder:
        for name, files in session.models.items():
            place = write_model_files(files, Path(folder) / name)
            if name == "initialization":
                load_bundle(place)
            else:
                load_segmenter(place)


def _shape(known: list[Any]) -> tuple[int, ...]:
    shape = tuple(map(operator.index, known))
    if min(shape) < 1 or math.prod(shape) > MOST_PIXELS:
        raise ValueError(known)
    return shape


def _as_tiff(labels: Labels) -> bytes:
    """Any program can open a TIFF, in ten years too."""
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        labels.astype(np.int32, copy=False),
        bigtiff=labels.nbytes > 2**31,
        compression="zlib",
        photometric="minisblack",
    )
    return file.getvalue()


def _from_tiff(data: bytes, shape: tuple[int, ...]) -> Labels:
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            series = tif.series[0]
            if series.dtype != np.int32 or math.prod(series.shape) != math.prod(shape):
                raise ValueError(shape)
            return as_annotation(series.asarray().reshape(shape), shape)
    except Exception as error:  # decoders raise many types for damaged files
        raise ValueError(shape) from error
