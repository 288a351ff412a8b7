"""Tasks that a network was trained on tell nothing of new kinds of image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.workflows.drawer import drawer_of
from napari_metaseg.workflows.run_card import ancestors_tasks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def known_tasks(bundles: Iterable[str], tasks: Collection[str]) -> list[str]:
    """Say which bundles have seen tasks of these names in training.

    Parameters
    ----------
    bundles : iterable of str
        Names or folders of bundles.
    tasks : collection of str
        Names of the tasks that are scored.

    Returns
    -------
    list of str
        A sentence for each bundle that has, or a network that it came from or that
        draws before it adapts.
    """
    sentences = []
    for name in dict.fromkeys(bundles):
        bundle = load_bundle(name)
        trained = ancestors_tasks(bundle.card) | ancestors_tasks(drawer_of(bundle).card)
        if seen := sorted(trained.intersection(tasks)):
            sentences.append(
                f"{name} was trained on tasks named {', '.join(seen)}: scores on them "
                "do not tell of new kinds of image."
            )
    return sentences
