"""What runs in the worker: generators that know neither widgets nor layers.

torch is imported here, inside the functions, so that opening the panel stays
instant and the window never waits for it.
"""

from __future__ import annotations

import gc
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay

from .course import Course
from .decoding import decode

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_metaseg.core.devices import DeviceInfo
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress

    from .course import Point
    from .decoding import Decoded
    from .request import Request

_NO_TORCH = (
    "torch could not be loaded after napari's window toolkit; close napari, start it "
    "again with 'python -m napari_metaseg.gui.demo', which loads torch first, and if "
    "that fails too, install the current Microsoft Visual C++ runtime."
)


@dataclass(frozen=True, slots=True)
class Initialization:
    """A bundled starting point: its name, its title and what its card says."""

    name: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be chosen, known once torch is loaded."""

    initializations: tuple[Initialization, ...]
    devices: tuple[DeviceInfo, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """An adaptation that has ended.

    Attributes
    ----------
    model : AdaptedModel
        The adapted model with its stored network output.
    decoded : Decoded
        Its instances at the latest settings.
    seconds : float
        From the click to the result.
    init : str
        Name of the initialization.
    images : int
        On how many images something was painted.
    left_out : tuple of str
        Names of annotated images that could not serve.
    continued : bool
        Whether it began with the model of an earlier round.
    course : tuple of Point
        How it went, step by step.
    warning : str
        What speaks against the result; may be empty.
    request : Request or None
        What it was asked to do; None if it was not adapted here.
    """

    model: AdaptedModel
    decoded: Decoded
    seconds: float
    init: str = ""
    images: int = 1
    left_out: tuple[str, ...] = ()
    continued: bool = False
    course: tuple[Point, ...] = ()
    warning: str = ""
    request: Request | None = None


def prepare() -> Generator[Progress, None, Ready]:
    """Import torch and the engine, and look up what can be chosen."""
    import_torch()
    import pyqtgraph  # noqa: F401  # here, because the window would wait for it

    import napari_metaseg.workflows.adapt  # noqa: F401
    from napari_metaseg.core.devices import available_devices
    from napari_metaseg.io.bundle import COMPARED, bundled_names

    yield from ()
    # All that was imported makes Python look through every object soon, for 0.2 s:
    # better now than in the middle of a stroke.
    gc.collect()
    known = (name for name in bundled_names() if name not in COMPARED)
    names = tuple(map(_initialization, known))
    return Ready(names, tuple(available_devices()))


def adapt(request: Request) -> Generator[Progress, None, Round]:
    """Adapt to a snapshot and decode the result as the settings say."""
    start = time.perf_counter()
    import_torch()
    from napari_metaseg.workflows.adapt import adapt_steps

    drawn = request.annotation.array()
    pairs = [(request.image, drawn)]
    pairs += [(image, painting.array()) for image, painting in request.others]
    course = Course()
    steps = adapt_steps(
        [image for image, _ in pairs],
        [annotation for _, annotation in pairs],
        axes=request.axes,
        channel=request.channel,
        diameter=request.diameter,
        init=request.init,
        device=request.device,
        mirrors=request.mirrors,
        scales=request.scales,
        previous=request.previous,
        start=request.start,
        only_first=True,
        look_at=request.look_at,
        held_out=request.tests,
        planes=request.planes,
        part=request.part,
        settings=request.settings,
        fit_decoding=request.fit_decoding,
    )
    model = yield from relay(steps, course.note)
    settings = model.segmenter.settings
    decoded = yield from decode(model, settings, drawn, request.previous)
    return Round(
        model,
        decoded,
        time.perf_counter() - start,
        request.init,
        images=1 + len(request.others),
        left_out=request.left_out,
        continued=request.start is not None,
        course=tuple(course.points),
        request=replace(request, previous=None),
    )


def with_moved(result: Round, wanted: DecodeSettings | None) -> DecodeSettings:
    """Return the settings of a round, with what was moved since it was asked for.

    The others stay as adapting chose them.
    """
    settings, request = result.decoded.settings, result.request
    if wanted is None or request is None:
        return settings
    now, then = asdict(wanted), asdict(request.settings)
    return replace(settings, **{k: v for k, v in now.items() if v != then[k]})


def decode_again(
    result: Round, settings: DecodeSettings
) -> Generator[Progress, None, Round]:
    """Decode a round by other settings than those it was asked for."""
    shown = result.decoded
    decoded = yield from decode(result.model, settings, shown.annotation, shown.labels)
    return replace(result, decoded=decoded)


def save_model(
    path: Path, model: AdaptedModel, settings: DecodeSettings
) -> Generator[Progress, None, Path]:
    """Save the adapted model, with how it is decoded, in a new folder."""
    yield from ()
    model.save(path, settings=settings)
    return path


def import_torch() -> None:
    """Import torch; on Windows that may fail once Qt is loaded."""
    try:
        import torch  # noqa: F401
    except OSError as error:
        raise UserError(_NO_TORCH) from error


def _initialization(name: str) -> Initialization:
    from napari_metaseg.io.bundle import find_bundle
    from napari_metaseg.io.model_folder import read_card, recipe_words
    from napari_metaseg.workflows.run_card import card_warnings

    card = read_card(find_bundle(name), "meta-initialization")
    said = [f"Trained by {card['algorithm']}; {recipe_words(card)}."]
    match card.get("metrics"):
        case {"validation": {"mean_before": float(low), "mean_after": float(high)}}:
            said.append(
                "On its validation tasks: AP@0.5 of "
                f"{low:.2f} as it is, {high:.2f} adapted to three cells."
            )
    summary = " ".join([*said, *card_warnings(card)])
    return Initialization(name, init_title(name), summary)


def init_title(name: str) -> str:
    """Return how an initialization is called in the panel."""
    return {"maml": "MAML", "imaml": "iMAML", "reptile": "Reptile"}.get(name, name)
