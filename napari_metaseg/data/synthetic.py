"""Synthetic data: sample scenes with exact masks, and procedural tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.fluorescence import draw_fluorescence
from napari_metaseg.data.phase_contrast import draw_phase_contrast
from napari_metaseg.data.procedural import procedural_task
from napari_metaseg.data.tissue import draw_tissue

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLES", "Scene", "procedural_task", "sample_scene"]

_Draw = Callable[
    [np.random.Generator, tuple[int, int]], "tuple[NDArray[Any], NDArray[np.int32]]"
]
_SCENES: dict[str, tuple[_Draw, float]] = {
    "phase-contrast": (draw_phase_contrast, 0.65),
    "fluorescence": (draw_fluorescence, 0.4),
    "tissue": (draw_tissue, 0.5),
}
SAMPLES: tuple[str, ...] = tuple(_SCENES)
_SMALLEST, _LARGEST = 64, 4096


@dataclass(frozen=True, slots=True)
class Scene:
    """A sample image and its exact masks.

    Attributes
    ----------
    name : str
        One of `SAMPLES`.
    image : ndarray, shape (rows, columns) or (rows, columns, 3)
        uint8 or uint16; RGB is uint8.
    masks : ndarray of int32, shape (rows, columns)
        0 for background, one id per object.
    pixel_size : float
        Side of a pixel, µm.
    """

    name: str
    image: NDArray[Any]
    masks: NDArray[np.int32]
    pixel_size: float


def sample_scene(
    kind: str, *, size: tuple[int, int] = (512, 512), seed: int = 0
) -> Scene:
    """Draw a sample image.

    Parameters
    ----------
    kind : str
        One of `SAMPLES`.
    size : tuple of int
        Rows and columns, px, each from 64 to 4096.
    seed : int
        The same seed gives the same scene.

    Returns
    -------
    Scene

    Raises
    ------
    UserError
        If `kind` is unknown or `size` is out of range.
    """
    if kind not in _SCENES:
        raise UserError(
            f"There is no sample called {kind!r}; choose one of {', '.join(SAMPLES)}."
        )
    if not all(_SMALLEST <= side <= _LARGEST for side in size):
        raise UserError(
            f"A sample of {size[0]} x {size[1]} px cannot be drawn; choose sides "
            f"from {_SMALLEST} to {_LARGEST} px."
        )
    draw, pixel_size = _SCENES[kind]
    image, masks = draw(np.random.default_rng(seed), size)
    return Scene(kind, image, masks, pixel_size)
