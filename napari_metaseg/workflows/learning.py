"""What is learned in a round: painted cells are left out in turn, then none is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from napari_metaseg.core.generators import relay
from napari_metaseg.core.inner_loop import Step
from napari_metaseg.core.mixing import adapt_mix
from napari_metaseg.core.recipe import GradientSteps
from napari_metaseg.core.rehearsal import LeftOut, rehearse

from .results import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params, PrototypeUNet
    from napari_metaseg.core.recipe import Recipe
    from napari_metaseg.core.support import Crops

    from .preview import Preview

T = TypeVar("T")


class Learned(NamedTuple):
    """What a round has learned.

    Attributes
    ----------
    step : Step
        Where the inner loop has ended.
    left_out : tuple of LeftOut
        Painted crops as they were drawn while they were left out.
    """

    step: Step
    left_out: tuple[LeftOut, ...]


class Weighed(NamedTuple):
    """What each channel of an image counts.

    Attributes
    ----------
    mix : (C,) tensor or None
        See `adapt_mix`; None for all the same.
    """

    mix: Tensor | None


def weigh(
    module: PrototypeUNet, params: Params, crops: Crops
) -> Generator[Progress, None, Weighed]:
    """Find what each channel counts, see `adapt_mix`."""
    search = adapt_mix(module, params, crops)
    mix = yield from told_of(search, "prepare", 0, "Weighing the channels")
    return Weighed(mix)


def learn(
    recipe: Recipe,
    module: PrototypeUNet,
    params: Params,
    support: Support,
    *,
    rehearsed: Support | None,
    start: Params | None,
    preview: Preview | None,
) -> Generator[Progress, None, Learned]:
    """Follow a recipe, with no more steps than help what is left out.

    Parameters
    ----------
    recipe : Recipe
        How parameters are adapted.
    module, params : PrototypeUNet, Params
        The network, and the initialization.
    support : Support
        What was painted.
    rehearsed : Support or None
        The same, as cells can be left out of it; None where none are.
    start : Params, optional
        Where to begin instead of the initialization.
    preview : Preview, optional
        What is shown meanwhile.

    Yields
    ------
    Progress
        From 25 to 50 per cent.

    Returns
    -------
    Learned
    """
    left_out: tuple[LeftOut, ...] = ()
    if rehearsed is not None:
        search = rehearse(recipe, module, params, rehearsed)
        steps, left_out = yield from told_of(
            search, "adapt", 25, "Leaving cells out in turn"
        )
        if isinstance(recipe, GradientSteps):
            recipe = GradientSteps(recipe.rates, steps)
    last = Step(0, params, None)
    for last in recipe.follow(module, params, support, start):
        loss = None if last.loss is None else float(last.loss)
        shown = "" if loss is None else f", loss {loss:.2f}"
        bar = 25 + round(25 * last.index / max(recipe.total, 1))
        step = f", step {last.index} of {recipe.total}{shown}" if last.index else ""
        message = f"Learning from the painted cells{step}"
        looks = preview is not None and (last.index < 8 or last.index % 4 == 0)
        part = preview.draw(last.params) if preview is not None and looks else None
        yield Progress("adapt", bar, 100, message, loss=loss, part=part)
    return Learned(last, left_out)


def told_of(
    search: Generator[None, None, T], stage: str, bar: int, message: str
) -> Generator[Progress, None, T]:
    """Tell of a search of which nobody knows how far it is."""
    return (yield from relay(search, lambda _: Progress(stage, bar, 100, message)))
