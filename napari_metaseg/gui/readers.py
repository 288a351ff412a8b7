"""Readers for files that are dropped into napari: sessions and models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning

from napari_metaseg.core.errors import UserError

from . import layers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_metaseg.workflows.session import SessionImage

    LayerData = tuple[Any, ...]
    Reader = Callable[[str | Sequence[str]], list[LayerData]]

SESSION = "napari_metaseg session"
"""Key of a layer's metadata: the file of its session, and which of its images it is."""

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
        The annotations on top. The metadata of each layer has the session's path and
        the number of the image under `SESSION`.

    Raises
    ------
    UserError
        If the session is not intact.
    """
    # torch is loaded only now, when there is something to read.
    from napari_metaseg.workflows.session_file import read_session

    found: list[LayerData] = []
    for number, image in enumerate(read_session(path).images):
        name = Path(image.reference.name).stem or path.stem
        metadata = {SESSION: {"path": str(path), "image": number}}
        found += _image_layer(path, image, name, metadata)
        for labels, cells in ((image.cells, True), (image.painted, False)):
            given = layers.attributes(name, cells=cells) | {"metadata": metadata}
            given["scale"] = _scale(image, "YX".rjust(labels.ndim))
            found.append((labels, given, "labels"))
    return found


def _image_layer(
    path: Path, image: SessionImage, name: str, metadata: dict[str, Any]
) -> list[LayerData]:
    reference = image.reference
    try:
        pixels = reference.read(reference.find(path))
    except UserError as error:
        show_warning(f"{error} What was painted on it is shown all the same.")
        return []
    axes = reference.axes or "YX".rjust(pixels.ndim)
    rgb = axes.endswith("YXC") and pixels.shape[-1] == 3
    shown = axes[:-1] if rgb else axes
    given = {
        "name": name,
        "rgb": rgb,
        "scale": _scale(image, shown),
        "metadata": metadata,
    }
    return [(pixels, given, "image")]


def _scale(image: SessionImage, axes: str) -> list[float]:
    y, x = image.reference.pixel_size or (1.0, 1.0)
    return [{"Y": y, "X": x}.get(letter, 1.0) for letter in axes]


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
    from napari_metaseg.workflows.segmenter import load_segmenter

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
