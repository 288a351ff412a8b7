"""The bundle of a run: its averaged weights with their card."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.recipe import GradientSteps, Recipe
from napari_metaseg.io.bundle import save_bundle
from napari_metaseg.io.files import replace_folder
from napari_metaseg.io.recipes import recipe_card

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.core.network import Params
    from napari_metaseg.learners.meta_gradient import OuterSettings
    from napari_metaseg.learners.meta_train import Progress


def write_bundle(
    folder: Path,
    progress: Progress,
    card: dict[str, Any],
    outer: OuterSettings,
    unadapted: Params | None = None,
) -> Path:
    """Write the averaged weights of a run with their card.

    Parameters
    ----------
    folder : Path
        Folder of the bundle; one that is there is replaced in one go.
    progress : Progress
        State of the run.
    card : dict
        What `make_card` says of the run.
    outer : OuterSettings
        Says by which recipe the initialization is adapted.
    unadapted : Params, optional
        Weights that draw before adaptation; by default the same.

    Returns
    -------
    Path
        ``folder``.
    """
    names = list(progress.state.params)
    average = progress.average
    rates = {
        k: float(r.exp())
        for k, r in zip(progress.state.log_rates, average[len(names) :], strict=True)
    }
    steps = 0 if outer.algorithm == "pooled" else outer.inner_steps
    recipe: Recipe = GradientSteps(rates, steps)
    if outer.proximal is not None:
        recipe = outer.proximal
    full = card | {
        "recipe": recipe_card(recipe),
        "training": card["training"] | {"meta_steps": progress.step},
    }
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    params = dict(zip(names, average, strict=False))
    save_bundle(partial, params, full, unadapted=unadapted)
    replace_folder(folder, partial)
    return folder
