"""The recipe of the inner loop, as the card of a bundle tells it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import GradientSteps, Proximal, Recipe

if TYPE_CHECKING:
    from pathlib import Path


def recipe_card(recipe: Recipe) -> dict[str, Any]:
    """Describe a recipe as JSON."""
    if isinstance(recipe, GradientSteps):
        return {"steps": recipe.steps, "rates": dict(recipe.rates)}
    return {"adapts": list(recipe.names), "proximal": asdict(recipe.settings)}


def read_recipe(card: dict[str, Any], names: set[str], where: Path) -> Recipe:
    """Check and read the recipe of the inner loop, and the working diameter.

    Raises
    ------
    UserError
        If they are not usable.
    """
    recipe = card.get("recipe")
    diameter = card.get("working_diameter")
    read = _gradient_steps(recipe, names) or _proximal(recipe, names)
    if read is None or not (isinstance(diameter, int | float) and 4 <= diameter <= 256):
        raise UserError(
            f"The card of '{where}' lacks a usable inner-loop recipe; train the bundle "
            "again or choose another."
        )
    return read


def _gradient_steps(recipe: object, names: set[str]) -> GradientSteps | None:
    match recipe:
        case {"steps": int(steps), "rates": dict(rates)} if (
            0 <= steps <= 1000
            and set(rates) <= names
            and (rates or not steps)
            and all(isinstance(r, float) and 0 <= r <= 10 for r in rates.values())
        ):
            return GradientSteps(rates, steps)
    return None


def _proximal(recipe: object, names: set[str]) -> Proximal | None:
    match recipe:
        case {
            "adapts": [_, *_] as adapts,
            "proximal": {
                "strength": float(strength),
                "tolerance": float(tolerance),
                "max_evaluations": int(evaluations),
            },
        } if (
            all(isinstance(k, str) and k in names for k in adapts)
            and all(k.startswith(PrototypeUNet.DECIDING) for k in adapts)
            and 0 < strength <= 1e6
            and 0 < tolerance <= 1e6
            and 1 <= evaluations <= 10_000
        ):
            settings = ProximalSettings(strength, tolerance, evaluations)
            return Proximal(tuple(adapts), settings)
    return None
