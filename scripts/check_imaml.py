"""Measure how close iMAML's meta-gradient comes to the implicit gradient it stands for.

``python scripts/check_imaml.py BUNDLE DATA`` compares, episode by episode, the
meta-gradient at the bundle's settings with that at the optimum of the same inner
problem, solved in 64 bits to a gradient norm of 1e-6, conjugate gradients to 1e-8.
It prints medians of the cosine and the norm ratio over all parameters, and of the
cosine over those alone that the inner problem adapts. It fails where the median over
all parameters is below 0.95, which is not iMAML, or where the optimum of an episode is
not solved as far as said.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

SOLVED, RESIDUAL = 1e-6, 1e-8
"""Gradient norm and relative residual to which the optimum is solved."""

LEAST = 0.95
"""Median cosine of what may be called iMAML."""


class Row(NamedTuple):
    """One episode: how close two meta-gradients are, and how far one was solved."""

    cosine: float
    adapted: float
    ratio: float
    evaluations: float
    norm: float
    residual: float

    @property
    def solved(self) -> bool:
        """Whether the optimum is one."""
        return self.norm <= SOLVED and self.residual <= RESIDUAL


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
) -> Row:
    """Compare the meta-gradient of one episode with that at the optimum."""
    leaves = {k: p.clone().requires_grad_() for k, p in params.items()}
    found = imaml_gradient(network, leaves, episode, recipe)
    exact = {k: p.to(DOUBLE).requires_grad_() for k, p in params.items()}
    tight = Proximal(
        recipe.names, ProximalSettings(recipe.settings.strength, SOLVED, 5000)
    )
    expected = imaml_gradient(
        network, exact, in_double(episode), tight, cg_steps=500, cg_tolerance=RESIDUAL
    )
    a, b = flat(found.gradients), flat(expected.gradients)
    adapted_a, adapted_b = (
        flat({k: g.gradients[k] for k in recipe.names}) for g in (found, expected)
    )
    return Row(
        cosine(a, b),
        cosine(adapted_a, adapted_b),
        float(a.norm() / b.norm()),
        found.metrics["evaluations"],
        expected.metrics["gradient_norm"],
        expected.metrics["cg_residual"],
    )


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
    rows: list[Row] = []
    for index in range(options.episodes):
        drawn = stream.episode(0, index)
        episode = EpisodeTensors(drawn.support, drawn.query.inputs, drawn.query.target)
        row = compare(network, bundle.params, episode, recipe)
        rows.append(row)
        print(
            f"{drawn.name}: cosine {row.cosine:.4f} (adapted {row.adapted:.4f}), norm "
            f"ratio {row.ratio:.3f}, {row.evaluations:.0f} evaluations; optimum to "
            f"{row.norm:.1e}, residual {row.residual:.1e}",
            flush=True,
        )
    median = Row(*np.median(np.array(rows), axis=0))
    unsolved = sum(not row.solved for row in rows)
    print(
        f"median cosine {median.cosine:.4f} (adapted {median.adapted:.4f}), norm ratio "
        f"{median.ratio:.3f}, {median.evaluations:.0f} evaluations; "
        f"{len(rows) - unsolved} of {len(rows)} optima solved; {recipe.settings}"
    )
    if unsolved or median.cosine < LEAST:
        raise SystemExit(1)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
