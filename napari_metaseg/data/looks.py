"""Drawing how the objects of a class look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_metaseg.data.render import Look
from napari_metaseg.data.textures import KINDS

_LOOKS = {
    "filled": 0.24,
    "dome": 0.14,
    "rim": 0.15,
    "halo": 0.14,
    "relief": 0.09,
    "textured": 0.08,
    "granular": 0.08,
    "hollow": 0.08,
}


def pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw one key of `weights`, each as often as its weight says."""
    values = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=values / values.sum()))


def signed(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a value between `low` and `high` in size, of either sign."""
    return float(rng.uniform(low, high) * rng.choice([-1, 1]))


def strength(look: Look) -> float:
    """How strongly objects of this look stand out, in units of brightness."""
    return max(
        abs(look.body),
        0.7 * abs(look.rim) * (1 - 0.5 * look.patchy_rim),
        0.7 * abs(look.halo),
        0.6 * look.relief,
        0.6 * look.grain,
    )


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a look: one of eight principles, with small things added."""
    kind = pick(rng, _LOOKS)
    grain_kind = str(rng.choice(KINDS))
    scale = float(rng.uniform(0.8, 2.5))
    base = Look(
        body_spread=float(rng.choice([0.05, 0.15, 0.35])),
        grain_kind=grain_kind,
        grain_scale=scale,
        opacity=float(rng.choice([1.0, 1.0, 0.6])),
    )
    if kind == "filled":
        look = replace(base, body=signed(rng, 0.2, 0.6))
    elif kind == "dome":
        look = replace(
            base, body=signed(rng, 0.3, 0.7), dome=float(rng.uniform(0.4, 0.9))
        )
    elif kind == "rim":
        look = replace(
            base,
            body=float(rng.uniform(-0.06, 0.06)),
            rim=signed(rng, 0.3, 0.6),
            rim_width=float(rng.uniform(0.8, 3.0)),
            opacity=float(rng.uniform(0, 1)),
        )
    elif kind == "halo":
        body = signed(rng, 0.08, 0.35)
        look = replace(
            base,
            body=body,
            halo=float(-np.sign(body) * rng.uniform(0.2, 0.5)),
            halo_width=float(rng.uniform(1.2, 5.0)),
        )
    elif kind == "relief":
        look = replace(
            base,
            body=float(rng.uniform(-0.1, 0.1)),
            relief=float(rng.uniform(0.3, 0.7)),
            opacity=0.7,
        )
    elif kind == "textured":
        dense = [name for name in KINDS if name not in ("fine", "spots", "cloud")]
        return replace(
            base,
            body=0.0,
            grain=float(rng.uniform(0.2, 0.4)),
            grain_kind=str(rng.choice(dense)),
            grain_scale=float(rng.uniform(1.2, 2.5)),
            opacity=1.0,
        )
    elif kind == "granular":
        return replace(
            base,
            body=signed(rng, 0.15, 0.35),
            grain=float(rng.uniform(0.12, 0.25)),
            grain_kind=str(rng.choice(["spots", "granular", "network"])),
        )
    else:
        rim = signed(rng, 0.3, 0.6)
        look = replace(
            base,
            body=float(-np.sign(rim) * rng.uniform(0.05, 0.3)),
            rim=rim,
            rim_width=float(rng.uniform(1.5, 4.0)),
        )
    return _embellish(rng, look)


def _embellish(rng: np.random.Generator, look: Look) -> Look:
    """Add the small things: grain, a faint rim, a ramp, a halo."""
    if rng.random() < 0.5:
        look = replace(look, grain=float(rng.uniform(0.03, 0.15)))
    if look.rim == 0 and rng.random() < 0.25:
        look = replace(
            look, rim=signed(rng, 0.1, 0.35), rim_width=float(rng.uniform(0.8, 2))
        )
    if look.rim and rng.random() < 0.2:
        look = replace(look, patchy_rim=float(rng.uniform(0.3, 0.8)))
    if rng.random() < 0.2:
        look = replace(look, tilt=float(rng.uniform(0.05, 0.15)))
    if look.halo == 0 and rng.random() < 0.15:
        look = replace(look, halo=signed(rng, 0.08, 0.2))
    return look


def parted(rng: np.random.Generator, look: Look, gap: int) -> Look:
    """Make sure that touching neighbours can be told apart."""
    if look.relief or look.dome > 0.4 or abs(look.rim) > 0.2:
        return look
    if gap and abs(look.body) > 0.15:
        return look
    sign = -np.sign(look.body) if look.body else rng.choice([-1, 1])
    rim = float(sign * rng.uniform(0.25, 0.5))
    return replace(look, rim=rim, rim_width=float(rng.uniform(0.8, 1.8)))


def subdued(look: Look, limit: float) -> Look:
    """Scale `look` down so that it stands out no more than `limit`."""
    factor = min(limit / max(strength(look), 1e-6), 1.0)
    return replace(
        look,
        body=factor * look.body,
        rim=factor * look.rim,
        halo=factor * look.halo,
        grain=factor * look.grain,
        relief=factor * look.relief,
    )


def with_core(rng: np.random.Generator, look: Look, target_core: bool) -> Look:
    """Give `look` an inner part that shows, and does not drown the rest.

    Where the part is not the object wanted (`target_core` False), the whole object
    must stay visible beside it.
    """
    core = signed(rng, 0.25, 0.6)
    if abs(look.body) > 0.2 and rng.random() < 0.7:
        core = float(-np.sign(look.body) * abs(core))
        if abs(look.body + core) < 0.08 and rng.random() < 0.5:
            core *= 1.5
    if not target_core:
        limit = 2.5 * strength(look)
        core = float(np.clip(core, -limit, limit))
    return replace(
        look,
        core=core,
        core_spread=float(rng.uniform(0.03, 0.25)),
        core_grain=float(rng.choice([0.0, 0.05, 0.12])),
        dome=min(look.dome, 0.4),
        opacity=1.0,
    )
