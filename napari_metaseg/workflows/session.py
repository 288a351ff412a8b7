"""A session: what was painted, on which image, with which settings, and the model.

One file holds what it takes to go on later, or to come to the same result elsewhere;
the pixels of the image stay where they are.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.model_folder import CARD, WEIGHTS, read_card

from .image_reference import ImageReference

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.classes import CellClass
    from napari_metaseg.io.images import ImageFile

    from .adapted import AdaptedModel
    from .wanted import Rectangle

    Labels = NDArray[np.int32]
    ModelFiles = dict[str, bytes]


@dataclass(frozen=True)
class SessionImage:
    """One image of a session.

    Attributes
    ----------
    reference : ImageReference
        Which it is; `axes` are those it was adapted to with.
    painted : array of int32
        The annotation.
    learned : array of int32
        The annotation that was adapted to: `painted`, or what it was at that moment.
    cells : array of int32
        Instances as they were shown.
    classes : mapping of int to CellClass
        Class of the cells that have one, by number, one class after the other.
    """

    reference: ImageReference
    painted: Labels = field(repr=False)
    learned: Labels = field(repr=False)
    cells: Labels = field(repr=False)
    classes: Mapping[int, CellClass] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a session's adaptation was run.

    Attributes
    ----------
    channel : int or None
        Channel used, None for all.
    diameter : float or None
        Size of the cells in px, None if it was measured.
    seed : int
        Fixes what is random.
    mirrors : int
        Mirror images that the result is averaged over.
    device : str
        Type of device it ran on: ``"cpu"``, ``"cuda"`` or ``"mps"``.
    threads : int
        Threads of PyTorch, by which sums on a CPU may be split.
    decode : DecodeSettings
        How the network's output was shown.
    target : str
        What the cells are called.
    planes : tuple of int or None
        Which planes of the first image were segmented besides those that are painted;
        None for all.
    part : (int, int, int, int) or None
        Which part of them, see `adapt_steps`; None for all of it.
    link : str
        Along which axes the cells of the first image kept their number, one of
        `LINKS`.
    """

    channel: int | None = None
    diameter: float | None = None
    seed: int = 0
    mirrors: int = 1
    device: str = "cpu"
    threads: int = 1
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    target: str = "cells"
    planes: tuple[int, ...] | None = None
    part: Rectangle | None = None
    link: str = "none"
    scales: int = 1


@dataclass(frozen=True)
class Session:
    """A session, as plain values.

    Attributes
    ----------
    images : tuple of SessionImage
        The images, with what was painted on them.
    settings : SessionSettings
        How they were adapted to.
    models : dict of str to dict of str to bytes
        Files of the models, by name: ``"initialization"``, ``"adapted"`` and, if an
        earlier model was begun with, ``"start"``.
    versions : dict of str to str
        Of what the result may depend on.
    """

    images: tuple[SessionImage, ...]
    settings: SessionSettings
    models: dict[str, ModelFiles] = field(repr=False)
    versions: dict[str, str]

    @property
    def initialization_name(self) -> str:
        """Name of the initialization, as its card tells."""
        return str(json.loads(self.models["initialization"][CARD]).get("name", ""))


def current_versions() -> dict[str, str]:
    """Return the versions of all that a result may depend on."""
    libraries = ("napari-metaseg", "numpy", "scikit-image", "scipy", "torch")
    return {name: version(name) for name in libraries} | {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
    }


def session_image(
    image: ImageFile,
    path: str | Path | None,
    painted: Labels,
    cells: Labels,
    learned: Labels | None = None,
    classes: Mapping[int, CellClass] | None = None,
) -> SessionImage:
    """Describe one image of a session.

    Parameters
    ----------
    image : ImageFile
        Its pixels, with the axes that it was adapted to with.
    path : str or Path or None
        Its file, if it has one.
    painted, cells : array of int32
        The annotation, and the instances as they are shown.
    learned : array of int32, optional
        The annotation that was adapted to, if it was another.
    classes : mapping of int to CellClass, optional
        Class of cells, by number.
    """
    reference = ImageReference.of(image, path)
    learned = painted if learned is None else learned
    return SessionImage(reference, painted, learned, cells, classes or {})


def make_session(
    model: AdaptedModel,
    images: tuple[SessionImage, ...],
    *,
    initialization: Path,
    channel: int | None = None,
    diameter: float | None = None,
    seed: int = 0,
    decode: DecodeSettings | None = None,
    start: AdaptedModel | None = None,
    target: str = "cells",
    planes: tuple[int, ...] | None = None,
    part: Rectangle | None = None,
    link: str = "none",
) -> Session:
    """Gather all that an adaptation depended on.

    Parameters
    ----------
    model : AdaptedModel
        Its result.
    images : tuple of SessionImage
        What it was given, in the same order.
    initialization : Path
        Folder of the meta-initialization.
    channel, diameter, seed, start, planes, part
        As they were given to `adapt_steps`.
    decode : DecodeSettings, optional
        How the cells of the images were decoded; by default as the model says.
    target : str
        What the cells are called.
    link : str
        Along which axes those of the first image were linked.

    Raises
    ------
    UserError
        If the model was loaded from a file, and not adapted now, or came from another
        initialization.
    """
    if model.report is None:
        raise UserError(
            "A saved model does not hold what it was adapted to; adapt before saving a "
            "session."
        )
    made_from = model.segmenter.card.get("initialization", {}).get("sha256")
    if made_from != read_card(initialization, "meta-initialization").get("sha256"):
        raise UserError(
            f"The model was not adapted from '{initialization.name}' as it is now; "
            "adapt again before saving a session."
        )
    models = {
        "initialization": read_model_files(initialization),
        "adapted": _files_of(model),
    }
    if start is not None:
        models["start"] = _files_of(start)
    settings = SessionSettings(
        channel,
        diameter,
        seed,
        model.segmenter.network.mirrors,
        model.report.device,
        torch.get_num_threads(),
        decode or model.segmenter.settings,
        target,
        planes,
        part,
        link,
        model.segmenter.card.get("recipe", {}).get("scales", 1),
    )
    return Session(images, settings, models, current_versions())


def read_model_files(folder: Path) -> ModelFiles:
    """Read the two files of a model, unchecked."""
    try:
        return {name: (folder / name).read_bytes() for name in (CARD, WEIGHTS)}
    except OSError as error:
        raise UserError(
            f"'{folder}' cannot be read; copy the whole folder again."
        ) from error


def write_model_files(files: ModelFiles, folder: Path) -> Path:
    """Write the two files of a model to a new folder, and return it."""
    folder.mkdir()
    for name in (CARD, WEIGHTS):
        (folder / name).write_bytes(files[name])
    return folder


def _files_of(model: AdaptedModel) -> ModelFiles:
    with TemporaryDirectory() as folder:
        model.save(folder)
        return read_model_files(Path(folder))
