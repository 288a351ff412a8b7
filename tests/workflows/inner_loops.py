"""A bundle's weights with another inner loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.io.bundle import load_bundle, save_bundle
from napari_metaseg.io.recipes import recipe_card

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.core.recipe import Recipe

TOLERANCE, STRENGTH = 1e-3, 2.0
"""Of the proximal problem of the fixture ``imaml``."""


def with_recipe(bundle: str, folder: Path, recipe: Recipe) -> str:
    known = load_bundle(bundle)
    card = known.card | {"recipe": recipe_card(recipe)}
    save_bundle(folder, known.params, card)
    return str(folder)
