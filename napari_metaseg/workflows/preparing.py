"""Before a round learns: images, what is painted on them, and the network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.inner_loop import blank_context
from napari_metaseg.core.network import Params, PrototypeUNet
from napari_metaseg.io.bundle import Bundle, load_bundle

from .held_out import hold_out
from .learning import Weighed, weigh
from .lens import Lens
from .state import State
from .support import as_views, check_views, crops_of, is_single

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_metaseg.core.annotation import Annotated
    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.support import Crops

    from .adapt_run import AdaptRun
    from .adapted import View
    from .results import Progress


class Rehearsed(NamedTuple):
    """What painted cells are left out of in turn.

    Attributes
    ----------
    crops : Crops
        What is around everything that is painted, see `Crops.apart`.
    support, plain : Support
        The crops with their channels weighed, and with all alike.
    """

    crops: Crops
    support: Support
    plain: Support


@dataclass(frozen=True)
class Prepared:
    """What a round learns from, and what it begins with.

    Attributes
    ----------
    views : list of View
        The images that are segmented.
    known : Annotated
        What is painted on them and on the others.
    lens : Lens
        How they are looked at.
    bundle : Bundle
        The meta-initialization.
    module, params : PrototypeUNet, Params
        The network, on the device, and the weights it adapts from.
    initial : State
        What draws before adaptation, and knows nothing of what is painted.
    start : Params or None
        Where the inner loop begins instead of the initialization.
    weighed : Weighed
        What channels count.
    crops : Crops
        What is around everything that is painted.
    support, plain : Support
        The crops with their channels weighed so, and with all alike.
    """

    views: list[View]
    known: Annotated
    lens: Lens
    bundle: Bundle
    module: PrototypeUNet
    params: Params
    initial: State
    start: Params | None
    weighed: Weighed
    crops: Crops
    support: Support
    plain: Support

    @cached_property
    def rehearsed(self) -> Rehearsed:
        """What cells are left out of; made where it is asked for, as it takes time."""
        if (apart := self.crops.apart()) is self.crops:
            return Rehearsed(self.crops, self.support, self.plain)
        return Rehearsed(apart, *_supports(apart, self.weighed))


def prepare(run: AdaptRun, device: torch.device) -> Generator[Progress, None, Prepared]:
    """Check what a run is given, and bring it to a device.

    Parameters
    ----------
    run : AdaptRun
        What is to be done.
    device : torch.device
        Where.

    Yields
    ------
    Progress

    Returns
    -------
    Prepared

    Raises
    ------
    UserError
        If the image, the annotation or the initialization cannot be used.
    """
    bundle = load_bundle(run.init)
    views = as_views(run.image, run.annotation, run.axes, run.channel)
    views = hold_out(views, run.held_out, single=is_single(run.image))
    known = check_views(views)
    lens = _make_lens(views[0].planes, known, bundle, run)
    crops = crops_of(views, lens).to(device)
    module, params = on_device(bundle, device)
    weighed = run.weighed or (yield from weigh(module, params, crops))
    support, plain = _supports(crops, weighed)
    with torch.no_grad():
        unadapted = to_device(bundle.unadapted, device)
        initial = State(unadapted, blank_context(module, unadapted, plain))
    return Prepared(
        views[:1] if run.only_first else views,
        known,
        lens,
        bundle,
        module,
        params,
        initial,
        _start(run, bundle, device),
        weighed,
        crops,
        support,
        plain,
    )


def _supports(crops: Crops, weighed: Weighed) -> tuple[Support, Support]:
    """Return what is learned from with channels weighed, and with all alike."""
    plain = crops.support()
    return (plain if weighed.mix is None else crops.support(weighed.mix)), plain


def _start(run: AdaptRun, bundle: Bundle, device: torch.device) -> Params | None:
    if run.start is None:
        return None
    segmenter = run.start.segmenter
    origin = segmenter.card.get("initialization", {})
    if origin.get("sha256") != bundle.card.get("sha256"):
        raise UserError(
            "The earlier model was adapted from another initialization; adapt "
            "without it, or choose the initialization it came from."
        )
    if not segmenter.kept:
        return None
    return segmenter.network.adapted.to(device).params


def _make_lens(planes: Planes, known: Annotated, bundle: Bundle, run: AdaptRun) -> Lens:
    diameter = known.diameter if run.diameter is None else float(run.diameter)
    if not np.isfinite(diameter) or diameter <= 0:
        raise UserError(
            f"The object size is {diameter}; give it in pixels, above 0, or leave it "
            "out."
        )
    lens = Lens.of(planes, diameter, bundle.diameter, run.channel)
    if all(r.high <= r.low for r in lens.ranges):
        raise UserError(
            "The image is constant, so there is nothing to learn from; choose another "
            "image or channel."
        )
    return lens


def on_device(
    bundle: Bundle, device: torch.device
) -> tuple[PrototypeUNet, dict[str, torch.Tensor]]:
    """Build a bundle's network and copy the weights it adapts from to a device."""
    module = PrototypeUNet(bundle.architecture).to(device)
    return module, to_device(bundle.params, device)


def to_device(params: Params, device: torch.device) -> Params:
    """Copy weights to a device, in the layout that suits it."""
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    return {
        k: v.to(device).to(memory_format=layout) if v.ndim == 4 else v.to(device)
        for k, v in params.items()
    }
