"""Readers for files that are dropped into napari: sessions and models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info, show_warning

from napari_metaseg.core.errors import UserError

from . import layers
from .classes import table
from .images import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_metaseg.workflows.session import Session, SessionImage

    LayerData = tuple[Any, ...]
    Reader = Callable[[str | Sequence[str]], list[LayerData]]

SESSION = "napari_metaseg session"
"""Key of a layer's metadata: the `SessionLayer` that says what it is of a session."""


@dataclass(frozen=True, slots=True)
class SessionLayer:
    """What a layer is of a session.

    Attributes
    ----------
    path : Path
        The file of the session.
    number : int
        Which of its images.
    role : str
        ``"image"``, ``"cells"`` or ``"annotation"``.
    axes : str
        A letter for each axis of the image.
    shape : tuple of int
        Shape of the image.
    channel : int or None
        Channel used, None for all.
    diameter : float or None
        Size of the cells in px, None if it was measured.
    init : str
        Name of the initialization.
    target : str
        What the cells are called.
    sha256 : str
        Hash of the image's pixels.
    file : Path or None
        The image's file; None if it never was one.
    link : str
        Along which axes the cells were linked.
    planes, part
        What of the first image was segmented, see `gui.request.Request`.
    """

    path: Path
    number: int
    role: str
    axes: str
    shape: tuple[int, ...]
    channel: int | None
    diameter: float | None
    init: str
    target: str
    sha256: str
    file: Path | None
    link: str
    planes: tuple[int, ...] | None
    part: tuple[int, int, int, int] | None

    def same_image(self, other: SessionLayer) -> bool:
        """Whether another layer is of the same image of the same session."""
        return (self.path, self.number) == (other.path, other.number)


# What napari takes for a file that was read and holds no layer.
_NO_LAYER: list[LayerData] = [(None,)]


def session_reader(path: str | Sequence[str]) -> Reader:
    """Return the reader of sessions, as napari asks for it."""
    return _read_sessions


def model_reader(path: str | Sequence[str]) -> Reader:
    """Return the reader of models, as napari asks for it."""
    return _read_models


def _read_sessions(path: str | Sequence[str]) -> list[LayerData]:
    return [layer for each in _paths(path) for layer in session_layers(each)]


def _read_models(path: str | Sequence[str]) -> list[LayerData]:
    for each in _paths(path):
        show_info(model_words(each.parent))
    return _NO_LAYER


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(each) for each in path]


def session_layers(path: Path) -> list[LayerData]:
    """Read a session as layers: its images, what was painted, and the cells.

    An image that is not there any more, or holds other pixels, is left out, and a
    warning says so.

    Parameters
    ----------
    path : Path
        The session.

    Returns
    -------
    list of (data, attributes, type)
        The annotations on top. The metadata of each layer has its `SessionLayer` under
        `SESSION`.

    Raises
    ------
    UserError
        If the session is not intact.
    """
    # torch is loaded only now, when there is something to read.
    from napari_metaseg.workflows.session_file import read_session

    found: list[LayerData] = []
    session = read_session(path)
    for number, image in enumerate(session.images):
        name = Path(image.reference.name).stem or path.stem
        known = _known(path, session, number)
        found += _image_layer(image, name, known)
        letters = known.axes.replace("C", "")
        for role, labels in (("cells", image.cells), ("annotation", image.painted)):
            given = layers.attributes(name, cells=role == "cells")
            given |= _placed(image, letters)
            given["metadata"] = {SESSION: replace(known, role=role)}
            if role == "cells" and image.classes:
                given["features"] = table.as_table(image.classes)
            found.append((labels, given, "labels"))
    return found


def _known(path: Path, session: Session, number: int) -> SessionLayer:
    reference, settings = session.images[number].reference, session.settings
    return SessionLayer(
        path,
        number,
        "image",
        reference.axes or "YX".rjust(len(reference.shape), "?"),
        reference.shape,
        settings.channel,
        settings.diameter,
        session.initialization_name,
        settings.target,
        reference.sha256,
        Path(reference.path) if reference.path else None,
        settings.link,
        settings.planes,
        settings.part,
    )


def _image_layer(
    image: SessionImage, name: str, known: SessionLayer
) -> list[LayerData]:
    reference, axes = image.reference, known.axes
    try:
        file = reference.find(known.path)
        pixels = reference.read(file)
    except UserError:
        show_warning(
            f"'{name}' of the session is not where it was, or has changed: unless it "
            "is open here already, open it, and then the session again."
        )
        return []
    rgb = axes.endswith("YXC") and pixels.shape[-1] == 3
    metadata = {SESSION: known, FILE: str(file)}
    given = {"name": name, "rgb": rgb, "metadata": metadata}
    return [(pixels, given | _placed(image, axes[:-1] if rgb else axes), "image")]


def _placed(image: SessionImage, axes: str) -> dict[str, Any]:
    """Return where a layer lies; from a file, µm where it tells of lengths."""
    reference = image.reference
    placed: dict[str, Any] = {}
    if "?" not in axes:
        placed["axis_labels"] = tuple(axes.lower())
    if reference.placement is not None:
        every = reference.axes or axes
        known = reference.placement.of_axes([every.index(a) for a in axes])
        return placed | {
            "scale": known.scale,
            "units": known.units,
            "affine": np.array(known.affine),
        }
    lengths = dict(zip("YX", reference.pixel_size or (), strict=False))
    if reference.z_step is not None:
        lengths["Z"] = reference.z_step
    placed["scale"] = [lengths.get(a, 1.0) for a in axes]
    placed["units"] = tuple("um" if a in lengths else "pixel" for a in axes)
    return placed


def model_words(folder: Path) -> str:
    """Say what a model is and how to use it.

    Parameters
    ----------
    folder : Path
        The folder of its card.

    Raises
    ------
    UserError
        If it is no intact model.
    """
    from napari_metaseg.io.bundle import load_bundle
    from napari_metaseg.io.json_files import read_json
    from napari_metaseg.io.model_folder import CARD
    from napari_metaseg.workflows.loading import load_segmenter

    card = read_json(folder / CARD, "card")
    if isinstance(card, dict) and card.get("kind") == "adapted-model":
        origin = load_segmenter(folder).card.get("initialization", {})
        return (
            f"'{folder.name}' is a model that was adapted from "
            f"'{origin.get('name')}'; segment images of its kind with 'napari-metaseg "
            f"segment {folder} IMAGES --output-dir DIR'."
        )
    name = load_bundle(folder).card.get("name", folder.name)
    return (
        f"'{name}' is an initialization; adapt with it by 'napari-metaseg adapt IMAGE "
        f"--annotation ANNOTATION --init {folder} --output LABELS.tif'."
    )
