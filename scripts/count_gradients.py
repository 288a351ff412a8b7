"""Count what bundles have cost to train, in gradients of an episode.

``python scripts/count_gradients.py maml imaml pooled`` adds up, from its card, what a
bundle and all that it was trained on from have had: each gradient of a support or of a
query counts 1, a Hessian-vector product 2. So one may see whether a control has had as
much as what it is compared with.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPLICIT = 14
"""Evaluations of iMAML's inner problem and its conjugate gradients, the median of 20
episodes (``scripts/check_imaml.py``); each run logs its own."""


def of_episode(algorithm: str, steps: int) -> int:
    """Return the gradients of one episode, its query before any step among them."""
    match algorithm:
        case "pooled":
            return 1
        case "fomaml":
            return steps + 2
        case "maml":
            return steps + 2 * steps + 2
        case "reptile":
            return 2 * steps + 1
        case "imaml":
            return IMPLICIT + 2
    raise UserError(f"There is no algorithm '{algorithm}' to count.")


def runs_of(card: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield algorithm and gradients of a run and of those before it, the last first."""
    training: dict[str, Any] | None = card["training"]
    while training is not None:
        settings, steps = training["settings"], training["meta_steps"]
        outer = settings["outer"]
        each = of_episode(outer["algorithm"], outer["inner_steps"])
        yield outer["algorithm"], steps * settings["train"]["tasks_per_step"] * each
        parent = training["parent"]
        training = None if parent is None else parent["training"]


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    for name in parser.parse_args().bundles:
        runs = list(runs_of(load_bundle(name).card))
        told = ", ".join(f"{algorithm} {count:,}" for algorithm, count in runs)
        print(f"{name}: {sum(count for _, count in runs):,} ({told})")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
