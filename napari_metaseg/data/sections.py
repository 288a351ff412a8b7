"""Procedural tasks of sections: many kinds of profiles in one image, one of them meant.

In an electron micrograph of a nerve everything is drawn: sheathed and plain profiles,
what lies within them and between them. Nothing but the painted cells tells whether
profiles, sheaths with what they hold, what they hold alone, or organelles are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data.acquisition import exposed
from napari_metaseg.data.canvas import Labels, numbered, tidy
from napari_metaseg.data.geometry import Geometry, measure_geometry
from napari_metaseg.data.pictures import Picture, Scene, photograph
from napari_metaseg.data.profiles import GROUND, PLAIN, SHEATHED, fill_section
from napari_metaseg.data.section_styles import SectionStyle, draw_section
from napari_metaseg.data.textures import Field, smooth_noise, texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHEATH, ORGANELLE = 3, 4
"""Materials beside the three kinds of profiles."""


@dataclass(frozen=True, slots=True)
class Section:
    """What lies in one image, as fields of shape (rows, columns).

    Attributes
    ----------
    geometry : Geometry
        Profiles, those of the ground excepted, with the kind of each as its class.
    sheath : ndarray of bool
        Sheaths.
    depth : ndarray of float32
        Distance of sheathed profiles to the inner edge of their sheaths, px.
    organelles : ndarray of int32
        What lies within profiles.
    """

    geometry: Geometry
    sheath: NDArray[np.bool_]
    depth: Field
    organelles: Labels

    def materials(self) -> Labels:
        """Material of each pixel: a kind of profile, `SHEATH` or `ORGANELLE`."""
        labels, kinds = self.geometry.labels, self.geometry.classes
        materials = np.where(labels > 0, kinds[labels], GROUND).astype(np.int32)
        materials[self.sheath] = SHEATH
        materials[self.organelles > 0] = ORGANELLE
        return materials

    def wanted(self, target: str) -> Labels:
        """Masks of one of `section_styles.TARGETS`."""
        labels = self.geometry.labels
        kind = self.geometry.classes[labels]
        match target:
            case "profiles":
                masks = labels
            case "organelle":
                masks = self.organelles
            case "plain":
                masks = np.where(kind == PLAIN, labels, 0)
            case "fibre":
                masks = np.where(kind == SHEATHED, labels, 0)
            case _:
                masks = np.where((kind == SHEATHED) & ~self.sheath, labels, 0)
        return numbered(tidy(masks))


def section_task(
    rng: np.random.Generator, *, n_images: int, size: int, diameter: float = 24.0
) -> list[Picture]:
    """Draw one task of sections and images of it.

    Parameters
    ----------
    rng, n_images, size, diameter
        As for `procedural.procedural_task`.

    Returns
    -------
    list of Picture
        Gray or coloured.
    """
    style = draw_section(rng, diameter)
    sections = [cut_section(rng, style, size) for _ in range(n_images)]
    scenes = [
        Scene(_paint(rng, style, cut), cut.materials(), cut.wanted(style.target))
        for cut in sections
    ]
    exposure = exposed(rng, style.acquisition, scenes[0].light)
    return photograph(rng, scenes, [exposure] * n_images)


def cut_section(rng: np.random.Generator, style: SectionStyle, size: int) -> Section:
    """Draw what lies in one image.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    style : SectionStyle
        The task.
    size : int
        Side, px.

    Returns
    -------
    Section
    """
    labels, kinds = fill_section(rng, size, style.mosaic)
    labels = np.where(kinds[labels] == GROUND, 0, labels)
    geometry = measure_geometry(labels, kinds)
    # A sheath is as thick as its own profile lets it be, and never vanishes.
    depth = geometry.depth - np.maximum(style.sheath * geometry.deepest[labels], 1.5)
    sheath = (kinds[labels] == SHEATHED) & (labels > 0) & (depth <= 0)
    return Section(geometry, sheath, depth, _organelles(rng, style, geometry, sheath))


def _organelles(
    rng: np.random.Generator,
    style: SectionStyle,
    geometry: Geometry,
    sheath: NDArray[np.bool_],
) -> Labels:
    """Ellipses that lie within profiles and off their sheaths."""
    found = np.zeros_like(geometry.labels)
    if not style.organelles:
        return found
    room = np.where(sheath, 0, geometry.depth)
    area = np.pi / 4 * style.mosaic.diameters[PLAIN] ** 2
    count = int(style.organelles * np.count_nonzero(room) / area)
    spots = np.argwhere(room > 0.5 * style.organelle + 1)
    for number, (row, col) in enumerate(rng.permutation(spots)[:count], start=1):
        radius = style.organelle / 2 * float(np.exp(rng.normal(0, 0.2)))
        stretch, turn = np.sqrt(rng.uniform(1, 2.2)), rng.uniform(0, np.pi)
        reach = int(radius * stretch) + 2
        rows = slice(max(row - reach, 0), row + reach + 1)
        cols = slice(max(col - reach, 0), col + reach + 1)
        own = (geometry.labels[rows, cols] == geometry.labels[row, col]) & ~sheath[
            rows, cols
        ]
        y = np.arange(rows.start, rows.start + own.shape[0])[:, None] - row
        x = np.arange(cols.start, cols.start + own.shape[1])[None, :] - col
        along = (np.cos(turn) * x + np.sin(turn) * y) / (radius * stretch)
        across = (np.cos(turn) * y - np.sin(turn) * x) / (radius / stretch)
        inside = own & (along**2 + across**2 <= 1)
        if not found[rows, cols][inside].any():
            found[rows, cols][inside] = number
    return found


def _paint(rng: np.random.Generator, style: SectionStyle, section: Section) -> Field:
    geometry, materials = section.geometry, section.materials()
    labels, kinds = geometry.labels, geometry.classes
    shape = (labels.shape[0], labels.shape[1])
    canvas = np.zeros(shape, np.float32)
    own = rng.normal(0, 1, len(kinds)).astype(np.float32)[labels]
    own[labels == 0] = 0
    for number, filling in enumerate(style.fillings):
        here = materials == number
        if not here.any():
            continue
        grain = texture(filling.texture, rng, shape, filling.scale, filling.angle)
        drawn = filling.level + filling.spread * own + filling.amount * grain
        canvas[here] = drawn[here]
    level, width = style.membrane
    line = np.exp(-(((geometry.depth - 1) / width) ** 2)) * (labels > 0)
    uneven = 1 + 0.3 * smooth_noise(rng, shape, 6.0)
    canvas += (level * np.clip(uneven, 0.2, 1.5) * line * (materials != SHEATH)).astype(
        np.float32
    )
    if style.cleft:
        lined = (labels > 0) & (kinds[labels] == SHEATHED)
        canvas += style.cleft * lined * np.exp(-np.square(section.depth))
    return canvas.astype(np.float32)
