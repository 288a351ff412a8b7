"""A texture from elsewhere, laid over the images of an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .textures import KINDS, Field, texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = 256
"""Side (px) of what is drawn; larger images are covered by it and its mirror images,
which is many times as fast and seamless."""


@dataclass(frozen=True, slots=True)
class ForeignTexture:
    """A texture of one kind, drawn anew for each image.

    Attributes
    ----------
    kind : str
        One of `textures.KINDS`.
    scale : float
        Grain size (px at working scale).
    angle : float
        Direction of fibres and stripes (radians).
    amount : float
        Standard deviation, signed, of what is added to an intensity in [0, 1], or of
        the factor.
    multiplied : bool
        Whether intensities are multiplied: it then lies on what is bright, be these
        the objects or the ground. Otherwise it lies on both alike.
    """

    kind: str
    scale: float
    angle: float
    amount: float
    multiplied: bool

    def lay_over(
        self, image: NDArray[np.floating], rng: np.random.Generator
    ) -> NDArray[np.floating]:
        """Blend it into an image.

        Parameters
        ----------
        image : (Y, X) array of float
            Normalised image.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        (Y, X) array of float
        """
        field = self.amount * self._field(image.shape, rng)
        return image * np.maximum(1 + field, 0) if self.multiplied else image + field

    def _field(self, shape: tuple[int, ...], rng: np.random.Generator) -> Field:
        tile = min(shape[0], TILE), min(shape[1], TILE)
        drawn = texture(self.kind, rng, tile, self.scale, self.angle)
        ends = [(0, n - side) for n, side in zip(shape, tile, strict=True)]
        return np.pad(drawn, ends, mode="symmetric")


def draw_texture(rng: np.random.Generator) -> ForeignTexture:
    """Draw a texture that is seen, and does not drown what it lies over."""
    multiplied = bool(rng.random() < 0.5)
    amount = rng.uniform(0.1, 0.35) if multiplied else rng.uniform(0.03, 0.1)
    return ForeignTexture(
        kind=str(rng.choice(KINDS)),
        scale=float(rng.uniform(0.8, 3.0)),
        angle=float(rng.uniform(0, np.pi)),
        amount=float(amount * rng.choice([-1, 1])),
        multiplied=multiplied,
    )
