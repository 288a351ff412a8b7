"""Measure how close iMAML's meta-gradient comes to the implicit gradient it stands for.

``python scripts/check_imaml.py BUNDLE DATA`` compares, episode by episode, the
meta-gradient at the bundle's settings with that at the optimum of the same inner
problem, solved in 64 bits to a gradient norm of 1e-6, conjugate gradients to 1e-8.
It prints medians of the cosine and the norm ratio over all parameters, and of the
cosine over those alone that the inner problem adapts; below 0.95 it is not iMAML.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.inner_loop import Support
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.core.recipe import Proximal, adapted_names
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.data.stream import EpisodeStream
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.learners.episode import EpisodeTensors
from napari_metaseg.learners.imaml import imaml_gradient

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_metaseg.core.network import Params

DOUBLE = torch.float64


def in_double(episode: EpisodeTensors) -> EpisodeTensors:
    """Return an episode in 64 bits."""
    support = Support(
        episode.support.inputs.to(DOUBLE),
        type(episode.support.target)(*(t.to(DOUBLE) for t in episode.support.target)),
        episode.support.evidence,
    )
    target = episode.query_target
    return EpisodeTensors(
        support,
        episode.query_inputs.to(DOUBLE),
        type(target)(*(t.to(DOUBLE) for t in target)),
    )


def flat(gradients: Params) -> Tensor:
    """Join gradients to one vector."""
    return torch.cat([g.detach().to(DOUBLE).flatten() for g in gradients.values()])


def cosine(a: Tensor, b: Tensor) -> float:
    """Return the cosine of the angle between two gradients."""
    return float(a.dot(b) / (a.norm() * b.norm()))


def compare(
    network: nn.Module, params: Params, episode: EpisodeTensors, recipe: Proximal
) -> tuple[float, float, float, float]:
    """Return both cosines, norm ratio and evaluations of one episode."""
    leaves = {k: p.clone().requires_grad_() for k, p in params.items()}
    found = imaml_gradient(network, leaves, episode, recipe)
    exact = {k: p.to(DOUBLE).requires_grad_() for k, p in params.items()}
    tight = Proximal(
        recipe.names, ProximalSettings(recipe.settings.strength, 1e-6, 5000)
    )
    expected = imaml_gradient(
        network, exact, in_double(episode), tight, cg_steps=500, cg_tolerance=1e-8
    )
    a, b = flat(found.gradients), flat(expected.gradients)
    adapted_a, adapted_b = (
        flat({k: g.gradients[k] for k in recipe.names}) for g in (found, expected)
    )
    ratio = float(a.norm() / b.norm())
    evaluations = found.metrics["evaluations"]
    return cosine(a, b), cosine(adapted_a, adapted_b), ratio, evaluations


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("data", type=Path)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--strength", type=float, help="other than the bundle's")
    parser.add_argument("--tolerance", type=float)
    parser.add_argument("--max-evaluations", type=int)
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    recipe = bundle.recipe
    if not isinstance(recipe, Proximal):
        recipe = Proximal(
            adapted_names(bundle.params, "conditioning"),
            ProximalSettings(2.0, 0.03, 60),
        )
    given = recipe.settings
    recipe = Proximal(
        recipe.names,
        ProximalSettings(
            options.strength or given.strength,
            options.tolerance or given.tolerance,
            options.max_evaluations or given.max_evaluations,
        ),
    )
    network = PrototypeUNet(bundle.architecture)
    stream = EpisodeStream(read_tasks(options.data), options.seed)
    rows = []
    for index in range(options.episodes):
        drawn = stream.episode(0, index)
        episode = EpisodeTensors(drawn.support, drawn.query.inputs, drawn.query.target)
        rows.append(compare(network, bundle.params, episode, recipe))
        whole, adapted, ratio, evaluations = rows[-1]
        print(
            f"{drawn.name}: cosine {whole:.4f} (adapted {adapted:.4f}), norm ratio "
            f"{ratio:.3f}, {evaluations:.0f} evaluations",
            flush=True,
        )
    whole, adapted, ratio, evaluations = np.median(np.array(rows), axis=0)
    print(
        f"median cosine {whole:.4f} (adapted {adapted:.4f}), norm ratio {ratio:.3f}, "
        f"{evaluations:.0f} evaluations; {recipe.settings}"
    )


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
