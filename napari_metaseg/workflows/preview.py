"""A look at one part, while the rest is still to be adapted to or to be found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from napari_metaseg.core.evidence import draw_evidence, network_input
from napari_metaseg.core.inner_loop import context_of, run, run_on_support
from napari_metaseg.core.instances import keep_numbers
from napari_metaseg.core.network import STRIDE, PrototypeUNet
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.support import pad_to

from .drawing import window_at
from .results import Part
from .verdict import cells_found, mean_iou

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.network import Params, Seen
    from napari_metaseg.core.settings import DecodeSettings

    from .adapted import View
    from .lens import Lens
    from .segmenter import Labels

PlaneWindow: TypeAlias = tuple[int, slice, slice]
"""Plane, rows and columns at image scale."""

SIDE = 192
"""Largest side (px at working scale) of what is looked at: eight cells."""

IN_VIEW = 1024
"""Largest side (px at working scale) of what is found first in a large image."""

HALO = 40
"""Context (px at working scale) around it: half the receptive field, because a preview
may differ a little from the result along its edges."""


class Frame:
    """A part of an image in which cells are shown before all of them are found.

    Parameters
    ----------
    lens : Lens
        How the image is looked at.
    view : View
        The image and its annotation.
    window : PlaneWindow
        Which part, see `choose_window`.
    settings : DecodeSettings
        How what is drawn becomes instances.
    """

    def __init__(
        self, lens: Lens, view: View, window: PlaneWindow, settings: DecodeSettings
    ) -> None:
        self.decode_by(settings)
        self._window = plane, rows, columns = window
        data = view.planes.data
        working = scaled_shape((data.shape[-2], data.shape[-1]), lens.zoom)
        self.plane = plane
        self.part = window_at((rows, columns), lens.zoom, working)
        """Where it lies at working scale."""
        self._diameter = lens.working_diameter
        self._place = view.planes.place(plane, rows, columns)
        self._turned = view.planes.order[-2] > view.planes.order[-1]
        painted = view.planes.split(view.annotation)[plane]
        self._painted = _whole_inside(painted, rows, columns)
        self._shown = np.zeros_like(self._painted)

    def decode_by(self, settings: DecodeSettings) -> None:
        """Decode in another way from now on."""
        self._region = settings.region
        # Where the part ends is no border, and a region's pieces count one by one.
        split = 0.0 if settings.region else settings.split
        self._rules = replace(settings, clear_border=False, region=False, split=split)

    def follow(self, shown: Labels) -> None:
        """Take note of what is shown of all planes; matching cells keep their numbers.

        Parameters
        ----------
        shown : (P, Y, X) array of int32
            Instances.
        """
        self._shown = shown[self._window].copy()

    def show(
        self, maps: NDArray[np.float16], drawn: NDArray[np.bool_] | None = None
    ) -> Part:
        """Show what a network has drawn of it.

        Parameters
        ----------
        maps : (2, y, x) array of float16
            Foreground and cue, of the shape of `part`.
        drawn : (y, x) array of bool, optional
            Where it has drawn so far, elsewhere stays what was shown; by default all.
        """
        shape = self._painted.shape[0], self._painted.shape[1]
        found = PlaneOutput(maps, shape, self._diameter).instances(self._rules)
        complete = drawn is None or drawn.all()
        scores = cells_found(found, self._painted) if complete else []
        if self._region:
            found = np.minimum(found, 1)
        else:
            found = keep_numbers(found, self._shown, np.zeros_like(found))
        if drawn is not None:
            found = np.where(resize_labels(drawn, shape), found, self._shown)
        self._shown = found
        labels = found.T if self._turned else found
        own = mean_iou(scores) if scores else None
        return Part(self._place, labels.copy(), own)


class Preview:
    """Draws one part of an image with the parameters of the moment.

    Where only deciding layers move, what the layers before them see is computed once,
    and each look costs a fraction of the first.

    Parameters
    ----------
    module : PrototypeUNet
        Structure of the network.
    support : Support
        What was painted, on the device to use.
    lens : Lens
        How the image is looked at.
    view : View
        The image and its annotation.
    frame : Frame
        What to look at.
    moving : iterable of str
        Names of the tensors that the inner loop changes.
    """

    def __init__(
        self,
        module: PrototypeUNet,
        support: Support,
        lens: Lens,
        view: View,
        frame: Frame,
        moving: Iterable[str],
    ) -> None:
        image = lens.look(view.planes, frame.plane)
        read = tuple(
            slice(max(0, part.start - HALO) // STRIDE * STRIDE, part.stop + HALO)
            for part in frame.part
        )
        self._keep = tuple(
            slice(i.start - r.start, i.stop - r.start)
            for i, r in zip(frame.part, read, strict=True)
        )
        crop = pad_to(image[(slice(None), *read)], STRIDE, STRIDE, "edge")
        batch = torch.from_numpy(np.ascontiguousarray(crop))[None]
        batch = batch.to(support.inputs.device)
        with torch.no_grad():
            known = draw_evidence(support.evidence, batch)
            self._inputs = network_input(batch, known, support.mix)
        self._module, self._support, self._frame = module, support, frame
        self._constant = all(k.startswith(PrototypeUNet.DECIDING) for k in moving)
        self._seen: tuple[Seen | None, Seen | None] = None, None

    def draw(self, params: Params) -> Part:
        """Draw the part with these parameters."""
        support, module = self._support, self._module
        with torch.no_grad():
            learned = run_on_support(module, params, support, self._seen[0])
            context = context_of(learned, support)
            drawn = run(module, params, self._inputs, context, self._seen[1])
            maps = torch.sigmoid(drawn.logits[0]).cpu().numpy()
        if self._constant:
            self._seen = learned.seen, drawn.seen
        return self._frame.show(maps[(slice(None), *self._keep)].astype(np.float16))


def choose_window(
    view: View, lens: Lens, look_at: PlaneWindow | None, most: int = SIDE
) -> PlaneWindow:
    """Choose what to look at: what was asked for, or as much of it as is cheap.

    Parameters
    ----------
    view : View
        The image and its annotation.
    lens : Lens
        How the image is looked at.
    look_at : PlaneWindow or None
        What the person sees; None for wherever a cell is painted.
    most : int
        Largest side (px at working scale).

    Returns
    -------
    PlaneWindow
        At most `most` px a side at working scale, around the first cell that is painted
        in what was asked for, else in its middle.
    """
    painted = view.planes.split(view.annotation)
    if look_at is None:
        planes = np.flatnonzero((painted > 0).any((1, 2)))
        look_at = int(planes[0]) if len(planes) else 0, slice(None), slice(None)
    plane = min(max(look_at[0], 0), len(painted) - 1)
    lengths = painted.shape[1:]
    asked = [_within(p, n) for p, n in zip(look_at[1:], lengths, strict=True)]
    cells = painted[plane][tuple(asked)]
    numbers = cells[cells > 0]
    place = np.argwhere(cells == numbers[0]) if len(numbers) else None
    side = max(1, int(most / lens.zoom))
    parts = []
    for axis, part in enumerate(asked):
        length = part.stop - part.start
        centre = length / 2
        if place is not None:
            centre = (place[:, axis].min() + place[:, axis].max() + 1) / 2
        start = int(np.clip(centre - side / 2, 0, max(0, length - side)))
        start += part.start
        parts.append(slice(start, min(start + side, part.stop)))
    return plane, parts[0], parts[1]


def _within(part: slice, length: int) -> slice:
    """Bound a slice; one that holds nothing becomes everything."""
    start, stop, _ = part.indices(length)
    return slice(start, stop) if stop > start else slice(0, length)


def _whole_inside(
    painted: NDArray[np.int32], rows: slice, columns: slice
) -> NDArray[np.int32]:
    """Cut a window out, without the cells that its edges cut."""
    window = painted[rows, columns]
    cut = [k for k in np.unique(window[window > 0]) if _spills(painted, window, k)]
    return np.where(np.isin(window, cut), 0, window).astype(np.int32)


def _spills(painted: NDArray[np.int32], window: NDArray[np.int32], k: int) -> bool:
    return bool((painted == k).sum() > (window == k).sum())
