"""Procedural tasks of stained tissue: all nuclei, or those of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data.canvas import numbered
from napari_metaseg.data.tissue import (
    EPITHELIAL,
    IMMUNE,
    STROMAL,
    Staining,
    stain_tissue,
)

if TYPE_CHECKING:
    from napari_metaseg.data.pictures import Picture

ALL_KINDS = (EPITHELIAL, STROMAL, IMMUNE)
FEWEST = 3
"""Nuclei of one kind below which all are wanted."""


def slide_task(
    rng: np.random.Generator, *, n_images: int, size: int, diameter: float = 24.0
) -> list[Picture]:
    """Draw one task of stained tissue and images of it.

    Parameters
    ----------
    rng, n_images, size
        As for `procedural.procedural_task`.
    diameter : float
        Nuclei are as large as those of `tissue`, whatever is asked for.

    Returns
    -------
    list of Picture
        In colours.
    """
    staining = draw_staining(rng)
    wanted = ALL_KINDS if rng.random() < 0.7 else (int(rng.choice(ALL_KINDS)),)
    scenes = [stain_tissue(rng, (size, size), staining) for _ in range(n_images)]
    if min(int(np.isin(kinds, wanted).sum()) for *_, kinds in scenes) < FEWEST:
        wanted = ALL_KINDS
    return [
        (
            (image / np.float32(255)).astype(np.float32),
            numbered(np.where(np.isin(kinds, wanted)[masks], masks, 0)),
        )
        for image, masks, kinds in scenes
    ]


def draw_staining(rng: np.random.Generator) -> Staining:
    """Draw how a slide is stained: more or less of both dyes, in other shades."""
    usual = Staining()

    def around(value: float, spread: float) -> float:
        return value * float(np.exp(rng.normal(0, spread)))

    shade = np.exp(rng.normal(0, 0.25, (2, 3))).astype(np.float32)
    haematoxylin, eosin = usual.haematoxylin * shade[0], usual.eosin * shade[1]
    if rng.random() < 0.25:  # one dye alone, as cresyl violet
        eosin = haematoxylin
    return Staining(
        haematoxylin=haematoxylin,
        eosin=eosin,
        nuclei=around(usual.nuclei, 0.35),
        ground=around(usual.ground, 0.6),
        pink=around(usual.pink, 0.45),
        blur=float(rng.uniform(0.3, 1.3)),
        noise=float(rng.uniform(0.5, 7.0)),
    )
