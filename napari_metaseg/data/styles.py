"""Drawing the style of one procedural task: what is a target, how all looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_metaseg.data.acquisition import Acquisition
from napari_metaseg.data.layouts import Layout
from napari_metaseg.data.looks import (
    draw_look,
    parted,
    pick,
    signed,
    strength,
    subdued,
    with_core,
)
from napari_metaseg.data.render import Backdrop, Look
from napari_metaseg.data.shapes import ShapeStyle

_FAMILIES = {
    "ellipse": 0.2,
    "blob": 0.2,
    "ragged": 0.1,
    "polygon": 0.08,
    "crescent": 0.04,
    "rod": 0.16,
    "worm": 0.06,
    "star": 0.08,
    "spindle": 0.07,
    "adherent": 0.06,
}
_BACKDROPS = {
    "fine": 0.12,
    "granular": 0.17,
    "blotchy": 0.15,
    "fibres": 0.1,
    "stripes": 0.05,
    "spots": 0.08,
    "network": 0.08,
    "cloud": 0.25,
}
_TUBES = ("rod", "worm", "spindle")


@dataclass(frozen=True, slots=True)
class TaskStyle:
    """Everything that the images of one task share.

    Class 0 is the target; class 1, where there is one, the distractor. `core` is
    the relative size of an inner part (0: none), `even_core` its kind (see
    `render.cut_cores`), `target_core` whether that part is the object wanted.
    """

    shapes: tuple[ShapeStyle, ...]
    looks: tuple[Look, ...]
    shares: tuple[float, ...]
    layout: Layout
    backdrop: Backdrop
    acquisition: Acquisition
    light: float
    core: float = 0.0
    even_core: bool = False
    target_core: bool = False


def draw_style(rng: np.random.Generator, diameter: float) -> TaskStyle:
    """Draw a task.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every choice.
    diameter : float
        Typical diameter of a target object, px.

    Returns
    -------
    TaskStyle
    """
    core, even, target_core = _draw_core(rng)
    whole = (
        diameter / min(core * (1.0 if even else 1.1), 1.0) if target_core else diameter
    )
    layout = _draw_layout(rng)
    shape = _draw_shape(rng, whole)
    if core and not even:
        shape = replace(shape, family=str(rng.choice(["ellipse", "blob", "ragged"])))
    if core and shape.family in ("worm", "star", "crescent"):
        shape = replace(shape, family="blob")
    look = draw_look(rng)
    touching = layout.gap == 0 and layout.kind != "scatter" and rng.random() < 0.7
    if layout.kind == "packed" or touching:
        look = parted(rng, look, layout.gap)
    if core:
        look = with_core(rng, look, target_core)
    shapes: tuple[ShapeStyle, ...] = (shape,)
    looks: tuple[Look, ...] = (look,)
    shares: tuple[float, ...] = (1.0,)
    if rng.random() < 0.6:
        other_shape, other_look = _draw_distractor(rng, shape, look, layout)
        other_look = subdued(other_look, 2.0 * strength(look))
        share = float(rng.uniform(0.35, 0.75))
        shapes, looks = (shape, other_shape), (look, other_look)
        shares = (share, 1 - share)
        layout = replace(layout, fill=min(layout.fill * 1.3, 1.0))
    return TaskStyle(
        shapes=shapes,
        looks=looks,
        shares=shares,
        layout=layout,
        backdrop=_draw_backdrop(rng, look),
        acquisition=_draw_acquisition(rng),
        light=float(rng.uniform(0, 2 * np.pi)),
        core=core,
        even_core=even,
        target_core=target_core,
    )


def _draw_core(rng: np.random.Generator) -> tuple[float, bool, bool]:
    if rng.random() > 0.38:
        return 0.0, False, False
    even = bool(rng.random() < 0.45)
    target = bool(rng.random() < 0.5)
    fraction = rng.uniform(0.5, 0.82) if even else rng.uniform(0.45, 0.75)
    return float(fraction), even, target


def _draw_shape(rng: np.random.Generator, diameter: float) -> ShapeStyle:
    family = pick(rng, _FAMILIES)
    aspect = float(rng.uniform(1.0, 1.9))
    if family in _TUBES:
        aspect = float(rng.uniform(2.0, 5.0))
    return ShapeStyle(
        family=family,
        diameter=diameter,
        spread=float(rng.choice([rng.uniform(0.04, 0.25), rng.uniform(0.1, 0.5)])),
        aspect=aspect,
        bend=float(rng.choice([0.0, 0.3, 0.9]) * rng.uniform(0.5, 1.4)),
        roughness=float(rng.uniform(0.03, 0.2)),
    )


def _draw_distractor(
    rng: np.random.Generator, shape: ShapeStyle, look: Look, layout: Layout
) -> tuple[ShapeStyle, Look]:
    """Draw a second class: of another kind, or the same but for one property."""
    ways = ["bright", "grain", "edge", "look", "look"]
    if layout.kind != "packed":
        ways += ["size", "elongation", "shape", "both", "both", "blurred", "debris"]
    way = str(rng.choice(ways))
    if way == "bright":
        factor = float(rng.choice([rng.uniform(0.25, 0.5), -rng.uniform(0.6, 1.0)]))
        if abs(look.body) < 0.15:
            return shape, replace(look, body=look.body + signed(rng, 0.25, 0.45))
        return shape, replace(look, body=look.body * factor, body_spread=0.1)
    if way == "grain":
        grain = 0.0 if look.grain > 0.12 else float(rng.uniform(0.2, 0.35))
        return shape, replace(look, grain=grain)
    if way == "edge":
        rim = signed(rng, 0.35, 0.6) if abs(look.rim) < 0.15 else -look.rim
        return shape, replace(look, rim=rim)
    if way == "size":
        factor = float(rng.choice([rng.uniform(0.38, 0.58), rng.uniform(1.6, 2.1)]))
        return replace(shape, diameter=shape.diameter * factor, spread=0.12), look
    if way == "elongation":
        return _other_aspect(rng, shape), look
    if way == "shape":
        return _draw_shape(rng, shape.diameter * float(rng.uniform(0.6, 1.3))), look
    if way == "blurred":
        return shape, replace(look, defocus=float(rng.uniform(2.0, 4.0)))
    if way == "debris":
        small = replace(shape, family="ragged", aspect=1.5, spread=0.4)
        small = replace(small, diameter=shape.diameter * 0.35)
        return small, draw_look(rng)
    other = draw_look(rng)
    if way == "look":
        return shape, other
    return _draw_shape(rng, shape.diameter * float(rng.uniform(0.5, 1.8))), other


def _other_aspect(rng: np.random.Generator, shape: ShapeStyle) -> ShapeStyle:
    if shape.family in (*_TUBES, "crescent", "star") or shape.aspect > 1.5:
        return replace(shape, family="ellipse", aspect=1.05)
    family = str(rng.choice(["rod", "ellipse", "spindle"]))
    return replace(shape, family=family, aspect=float(rng.uniform(2.6, 4.0)))


def _draw_layout(rng: np.random.Generator) -> Layout:
    kind = pick(rng, {"scatter": 0.36, "cluster": 0.28, "colony": 0.14, "packed": 0.22})
    align = float(rng.choice([0.0, 0.0, 0.6, 0.95]))
    if kind == "packed":
        whole = rng.random() < 0.65
        return Layout(
            kind,
            fill=1.0 if whole else float(rng.uniform(0.3, 0.65)),
            gap=int(rng.choice([0, 1, 1, 2])),
            align=align,
        )
    if kind == "scatter":
        return Layout(
            kind,
            fill=float(rng.choice([rng.uniform(0.05, 0.2), rng.uniform(0.2, 0.55)])),
            gap=int(rng.integers(0, 4)),
            align=align,
            overlap=float(rng.choice([0.0, 0.0, 0.25])),
        )
    return Layout(
        kind,
        fill=float(rng.uniform(0.12, 0.6)),
        gap=int(rng.choice([0, 0, 0, 1])),
        align=align,
        overlap=float(rng.choice([0.02, 0.06, 0.2])),
        group=int(rng.integers(2, 8)),
    )


def _draw_backdrop(rng: np.random.Generator, look: Look) -> Backdrop:
    clash = look.grain_kind if look.grain > 0.1 else ""
    kinds = {kind: share for kind, share in _BACKDROPS.items() if kind != clash}
    level = rng.random()
    amount = rng.uniform(0.04, 0.22)
    if level < 0.3:
        amount = 0.0
    elif level > 0.87:
        amount = rng.uniform(0.22, 0.4)
    scale = strength(look)
    return Backdrop(
        kind=pick(rng, kinds),
        amount=float(scale * amount),
        scale=float(rng.uniform(0.8, 3.0)),
        second_kind=pick(rng, kinds),
        second_amount=float(scale * rng.choice([0.0, 0.0, 0.08, 0.15])),
        ramp=float(scale * rng.choice([0.0, 0.0, 0.2, 0.5])),
        angle=float(rng.uniform(0, np.pi)),
    )


def _draw_acquisition(rng: np.random.Generator) -> Acquisition:
    return Acquisition(
        blur=float(rng.choice([rng.uniform(0.3, 1.0), rng.uniform(0.8, 1.8)])),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.08)))),
        photons=float(
            np.exp(rng.uniform(np.log(25), np.log(600))) if rng.random() < 0.4 else 0
        ),
        vignette=float(rng.uniform(0.1, 0.5) if rng.random() < 0.3 else 0),
        gamma=float(np.exp(rng.normal(0, 0.25)) if rng.random() < 0.5 else 1),
        invert=bool(rng.random() < 0.3),
        soft_noise=float(rng.uniform(0.4, 0.8) if rng.random() < 0.3 else 0),
    )
