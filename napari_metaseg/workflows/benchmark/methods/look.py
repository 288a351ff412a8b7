"""How methods with a network look at what was painted: the same way as *Adapt*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_metaseg.core.annotation import separate_parts
from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.inner_loop import blank_context, fit_context
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.network import Params, PrototypeUNet
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.support import make_support
from napari_metaseg.workflows.lens import LARGEST_ZOOM, Lens
from napari_metaseg.workflows.segmenter import Network, Segmenter, State

from .protocol import image_axes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.workflows.benchmark.draws import Painted


def make_lens(image: NDArray[np.generic], diameter: float, bundle: Bundle) -> Lens:
    """Make the lens that brings objects of a diameter to the working scale.

    Parameters
    ----------
    image : (Y, X) or (Y, X, C) array
        Reference for the range of intensities.
    diameter : float
        Object size (px).
    bundle : Bundle
        Its network states the working diameter.
    """
    data = as_planes(image, axes=image_axes(image)).data
    ranges = tuple(measure_range(data[:, c]) for c in range(data.shape[1]))
    least = bundle.diameter / LARGEST_ZOOM
    return Lens(None, ranges, max(diameter, least), bundle.diameter)


def make_lens_and_support(painted: Painted, bundle: Bundle) -> tuple[Lens, Support]:
    """Return the lens and the support crops that `adapt` would use."""
    images = painted.images
    lens = make_lens(images[0], painted.diameter, bundle)
    pairs = []
    for image, (_, annotation) in zip(images, painted.annotations, strict=True):
        shape = scaled_shape((annotation.shape[0], annotation.shape[1]), lens.zoom)
        parts = resize_labels(separate_parts(annotation), shape)
        planes = as_planes(image, axes=image_axes(image))
        pairs.append((lens.look(planes, 0), parts))
    return lens, make_support(pairs)


def make_segmenter(
    module: PrototypeUNet, initial: Params, tuned: Params, support: Support, lens: Lens
) -> Segmenter:
    """Join parameters before and after with what the support tells of the task."""
    with torch.no_grad():
        before = State(initial, blank_context(module, initial, support))
        after = State(tuned, fit_context(module, tuned, support))
    return Segmenter(Network(module, before, after), lens, True, {})


def on_device(bundle: Bundle, device: torch.device) -> tuple[PrototypeUNet, Params]:
    """Build a bundle's network and copy its weights to a device."""
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    params = {
        k: v.to(device).to(memory_format=layout) if v.ndim == 4 else v.to(device)
        for k, v in bundle.params.items()
    }
    return PrototypeUNet(bundle.architecture).to(device), params
