"""How methods with a network look at what was painted: the same way as *Adapt*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.inner_loop import blank_context, fit_context
from napari_metaseg.core.settings import MIRRORS
from napari_metaseg.workflows.adapted import View
from napari_metaseg.workflows.lens import Lens
from napari_metaseg.workflows.network import Network
from napari_metaseg.workflows.segmenter import Segmenter
from napari_metaseg.workflows.state import State
from napari_metaseg.workflows.support import crops_of

from .protocol import image_axes

if TYPE_CHECKING:
    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params, PrototypeUNet
    from napari_metaseg.core.support import Crops
    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.workflows.benchmark.draws import Painted


def make_lens_and_crops(painted: Painted, bundle: Bundle) -> tuple[Lens, Crops]:
    """Return the lens and the crops that `adapt` would use."""
    views = [
        View(as_planes(image, axes=image_axes(image)), annotation)
        for image, (_, annotation) in zip(
            painted.images, painted.annotations, strict=True
        )
    ]
    lens = Lens.of(views[0].planes, painted.diameter, bundle.diameter)
    return lens, crops_of(views, lens)


def make_segmenter(
    module: PrototypeUNet, initial: Params, tuned: Params, support: Support, lens: Lens
) -> Segmenter:
    """Join parameters before and after with what the support tells of the task."""
    with torch.no_grad():
        before = State(initial, blank_context(module, initial, support))
        after = State(tuned, fit_context(module, tuned, support))
    network = Network(module, before, after, mirrors=MIRRORS[-1])
    return Segmenter(network, lens, True, {})
