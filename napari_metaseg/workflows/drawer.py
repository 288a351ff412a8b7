"""The network that draws before adaptation, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_metaseg.core.network import Params
    from napari_metaseg.io.bundle import Bundle


@dataclass(frozen=True)
class Drawer:
    """A network that draws before another one adapts.

    Attributes
    ----------
    params : Params
        Its weights.
    card : dict
        Its algorithm, SHA-256 and training, as a card tells them.
    """

    params: Params
    card: dict[str, Any]


def drawer_of(bundle: Bundle) -> Drawer:
    """Return the network with which a bundle draws before adaptation.

    Parameters
    ----------
    bundle : Bundle
        Whose own network that is, unless it holds another and its card tells of it.
    """
    match bundle.card:
        case {
            "training": {"unadapted": {"training": dict(training)} as other} as own
        } if draws_by_another(bundle):
            # Tasks that both were trained on are named once.
            tasks = {"tasks": own.get("tasks", [])}
            known = other | {"training": tasks | training}
            return Drawer(bundle.unadapted, known)
    return Drawer(bundle.unadapted, bundle.card)


def draws_by_another(bundle: Bundle) -> bool:
    """Whether another network draws before adaptation than the one that adapts."""
    return bundle.unadapted is not bundle.params
