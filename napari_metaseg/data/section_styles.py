"""Drawing the style of one procedural section: what fills it, and what is meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_metaseg.data.acquisition import Acquisition
from napari_metaseg.data.looks import pick
from napari_metaseg.data.profiles import Mosaic
from napari_metaseg.data.textures import KINDS

TARGETS = ("profiles", "plain", "fibre", "lumen", "organelle")
"""What may be wanted: all profiles, those without a sheath, those with it, what a
sheath holds, or what lies within profiles."""

CROWDED = 1.55
"""Diameter at which profiles are set, in parts of what their neighbours leave them."""

_KINDS = {kind: 0.4 if kind == "stripes" else 1.0 for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Filling:
    """What a material looks like.

    `level` is its brightness, `spread` how far that of single profiles differs,
    `texture`, `amount`, `scale` (px) and `angle` (rad) what its texture is.
    """

    level: float
    spread: float
    texture: str
    amount: float
    scale: float
    angle: float


@dataclass(frozen=True, slots=True)
class SectionStyle:
    """Everything that the images of one task share.

    Attributes
    ----------
    mosaic : Mosaic
        How profiles fill the section.
    fillings : tuple of Filling
        Of plain and of sheathed profiles, of the ground, of sheaths and of organelles.
    sheath : float
        Thickness of a sheath, in parts of the greatest depth of its profile.
    membrane : tuple of (float, float)
        Brightness and width (px) of the line around each profile.
    cleft : float
        Brightness of the line within a sheath; 0: none.
    organelles : float
        How many there are in the area of a plain profile.
    organelle : float
        Their diameter, px.
    target : str
        What is wanted, one of `TARGETS`.
    acquisition : Acquisition
        The instrument, but for black and white point.
    """

    mosaic: Mosaic
    fillings: tuple[Filling, Filling, Filling, Filling, Filling]
    sheath: float
    membrane: tuple[float, float]
    cleft: float
    organelles: float
    organelle: float
    target: str
    acquisition: Acquisition


def draw_section(rng: np.random.Generator, diameter: float) -> SectionStyle:
    """Draw a task.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    diameter : float
        Typical diameter of a target object, px, where profiles of 12 to 64 px allow it.

    Returns
    -------
    SectionStyle
    """
    sheathed = rng.random() < 0.65
    organelles = float(rng.uniform(0.3, 2.0)) if rng.random() < 0.6 else 0.0
    wide, thick = float(np.exp(rng.uniform(0, 1.2))), float(rng.uniform(0.12, 0.42))
    part = float(rng.uniform(0.25, 0.5))
    ratios = {"profiles": 1.0, "plain": 1.0}
    if sheathed:
        ratios |= {"fibre": wide, "lumen": wide * (1 - thick)}
    if organelles and rng.random() < 0.5:
        ratios["organelle"] = part
    target = str(rng.choice(sorted(ratios)))
    plain = float(np.clip(CROWDED * diameter / ratios[target], 12.0, 64.0))
    crowded = rng.random() < 0.7
    shares = _shares(rng, sheathed, target)
    dark = bool(rng.random() < 0.75)
    mosaic = Mosaic(
        diameters=(plain, plain * wide, plain * float(np.exp(rng.uniform(-0.3, 1.0)))),
        spread=float(rng.uniform(0.1, 0.55)),
        shares=shares,
        aspect=float(rng.choice([1.3, rng.uniform(1.3, 3.0)])),
        align=float(rng.choice([0.0, 0.0, 0.9])),
        reach=float(rng.uniform(1.5, 2.0) if crowded else rng.uniform(1.0, 1.4)),
        gap=int(rng.integers(0, 4)),
        warp=float(rng.uniform(0.02, 0.16)),
    )
    sign = -1.0 if dark else 1.0
    lumen, ground = float(rng.uniform(-0.2, 0.4)), float(rng.uniform(-0.2, 0.4))
    same = rng.random() < 0.4
    fillings = (
        _filling(rng, lumen),
        _filling(rng, lumen if same else lumen + float(rng.normal(0, 0.15))),
        _filling(rng, ground),
        _filling(rng, lumen + sign * float(rng.uniform(0.35, 0.9)), 0.15),
        _filling(rng, lumen + sign * float(rng.uniform(0.15, 0.6)), 0.4),
    )
    return SectionStyle(
        mosaic=mosaic,
        fillings=fillings,
        sheath=thick,
        membrane=(sign * float(rng.uniform(0.15, 0.8)), float(rng.uniform(0.8, 1.8))),
        cleft=-sign * float(rng.choice([0.0, 0.0, rng.uniform(0.2, 0.6)])),
        organelles=organelles,
        organelle=part * plain,
        target=target,
        acquisition=Acquisition(
            blur=float(rng.uniform(0.3, 1.2)),
            noise=float(np.exp(rng.uniform(np.log(0.005), np.log(0.06)))),
            gamma=float(np.exp(rng.normal(0, 0.25))),
            invert=bool(rng.random() < 0.15),
        ),
    )


def _shares(
    rng: np.random.Generator, sheathed: bool, target: str
) -> tuple[float, float, float]:
    """Share of the area of plain, sheathed and ground profiles."""
    lined = float(rng.uniform(0.15, 0.7)) if sheathed else 0.0
    if target in ("fibre", "lumen"):
        lined = max(lined, 0.35)
    ground = float(rng.choice([0.0, rng.uniform(0.1, 0.5)])) * (1 - lined)
    return 1 - lined - ground, lined, ground


def _filling(rng: np.random.Generator, level: float, amount: float = 1.0) -> Filling:
    return Filling(
        level=level,
        spread=float(rng.uniform(0, 0.12)),
        texture=pick(rng, _KINDS),
        amount=float(rng.uniform(0.02, 0.22)) * amount,
        scale=float(rng.uniform(0.8, 2.5)),
        angle=float(rng.uniform(0, np.pi)),
    )
