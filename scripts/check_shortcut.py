"""Measure what the published shortcut of iMAML is, on the lesions' own network.

``python scripts/check_shortcut.py SETS`` compares meta-gradients on the same tasks of
the first set in a folder: the shortcut (strength 100, one conjugate-gradient step) and
MAML, each with first-order MAML, which is the shortcut without its step; and iMAML,
solved, with MAML. It prints medians of cosines over all parameters, for the random
start and after some steps of supervised training, at several inner rates.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_metaseg.core.attention_unet import AttentionUNet
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.io.sources.lesions import find_lesions
from napari_metaseg.learners.inner import AdamDescent
from napari_metaseg.learners.published import (
    first_order,
    imaml,
    imaml_shortcut,
    joint,
    maml,
)
from napari_metaseg.workflows.protocols.lesions_settings import LesionSettings
from napari_metaseg.workflows.protocols.training import (
    Examples,
    Judge,
    Outer,
    dice_and_entropy,
    initial_params,
    meta_train,
)

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params
    from napari_metaseg.learners.published import MetaGradient, TaskLosses


def cosine(a: MetaGradient, b: MetaGradient) -> float:
    """Return the cosine of the angle between two meta-gradients."""
    x, y = (torch.cat([g.flatten() for g in m.gradients.values()]) for m in (a, b))
    return float(torch.nn.functional.cosine_similarity(x, y, 0))


def compare(
    task: TaskLosses, params: Params, rate: float, settings: LesionSettings
) -> list[float]:
    """Return the three cosines of one task."""
    inner = AdamDescent(rate, settings.inner_steps)
    first, second = first_order(task, params, inner), maml(task, params, inner)
    short = imaml_shortcut(
        task,
        params,
        inner,
        strength=settings.shortcut_strength,
        cg_steps=settings.shortcut_cg,
    )
    problem = ProximalSettings(
        settings.strength, settings.tolerance, settings.evaluations
    )
    solved = imaml(
        task,
        params,
        problem,
        cg_steps=settings.cg_steps,
        cg_tolerance=settings.cg_tolerance,
    )
    return [cosine(short, first), cosine(second, first), cosine(solved, second)]


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4, 1e-3])
    options = parser.parse_args()
    settings = LesionSettings(size=options.size, width=options.width)
    lesions = find_lesions(options.data)[0]
    pairs = [lesions.read(i, options.size) for i in range(len(lesions.pairs))]
    images, masks = (
        torch.from_numpy(np.stack(column).astype(np.float32))
        for column in zip(*pairs, strict=True)
    )
    torch.manual_seed(0)
    judge = Judge(AttentionUNet(3, options.width), dice_and_entropy)
    rng = np.random.default_rng(0)

    def draw() -> TaskLosses:
        order = torch.from_numpy(rng.permutation(len(images)))
        support, query = order[: options.shots], order[options.shots :][: options.shots]
        return judge.task(
            Examples(images[support], masks[support]),
            Examples(images[query], masks[query]),
        )

    start = initial_params(judge.network)
    train = partial(meta_train, start, lambda: [draw()], joint)
    trained = exhaust(train(Outer(3e-3, options.steps))).params
    leaves = {k: p.clone().requires_grad_() for k, p in trained.items()}
    for name, params in ((0, start), (options.steps, leaves)):
        for rate in options.rates:
            found = [
                compare(draw(), params, rate, settings) for _ in range(options.tasks)
            ]
            short, second, solved = np.median(found, 0)
            print(
                f"{name} steps, inner rate {rate:g}: shortcut and first order "
                f"{short:.5f} ({np.min(found, 0)[0]:.5f} at least), MAML and first "
                f"order {second:.3f}, iMAML and MAML {solved:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
