"""What the network drew of a plane, and the instances in it at image scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import expand_labels

from .decode import Decoded, decode
from .enlarge import enlarge
from .instances import off_the_border
from .resample import source_window
from .scaling import resize_image, resize_labels
from .votes import vote
from .windows import grown, whole, within

if TYPE_CHECKING:
    from .settings import DecodeSettings
    from .windows import Shape, Window

Labels = NDArray[np.int32]

SPREAD = 0.16
"""How far from the chosen splitting cells are cut in the further looks that vote."""


@dataclass(frozen=True, slots=True)
class PlaneOutput:
    """What the network drew of one plane.

    Attributes
    ----------
    maps : (2, y, x) array of float16
        Probabilities of foreground and cue at working scale.
    shape : (int, int)
        Shape (Y, X) of the plane at image scale.
    diameter : float
        Working diameter (px at working scale).
    drawn : bool
        Whether the network has looked at it; else it is blank, see `blank`.
    others : tuple of PlaneOutput
        What was drawn of the same plane at other scales; cells are then put to the
        vote, see `napari_metaseg.core.votes`.
    """

    maps: NDArray[np.float16]
    shape: tuple[int, int]
    diameter: float
    drawn: bool = True
    others: tuple[PlaneOutput, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes that the maps take, those at other scales among them."""
        return self.maps.nbytes + sum(other.nbytes for other in self.others)

    @property
    def working(self) -> Shape:
        """Shape of the plane at working scale."""
        return self.maps.shape[1], self.maps.shape[2]

    @classmethod
    def blank(
        cls, working: tuple[int, int], shape: tuple[int, int], diameter: float
    ) -> PlaneOutput:
        """Stand for a plane that was not asked for; it takes no memory.

        Parameters
        ----------
        working : (int, int)
            Shape of its maps, at working scale.
        shape, diameter
            As the attributes.
        """
        maps = np.broadcast_to(np.zeros((), np.float16), (2, *working))
        return cls(maps, shape, diameter, drawn=False)

    def instances(self, settings: DecodeSettings, part: Window | None = None) -> Labels:
        """Decode, bring to image scale, and apply size and border rules.

        Parameters
        ----------
        settings : DecodeSettings
            All of its rules are applied.
        part : Window, optional
            Part of the plane at image scale; by default all of it. What the part does
            not cut is as in the whole.

        Returns
        -------
        (Y, X) array of int32
            Of the shape of the part.
        """
        if not self.drawn:
            blank = np.zeros(self.shape, np.int32)
            return blank if part is None else blank[part]
        if not self.others or settings.region:
            return self._look(settings, part)
        rules = [replace(settings, split=split) for split in _around(settings.split)]
        looks = (self, *self.others)
        return vote([look._look(rule, part) for rule in rules for look in looks])

    def _look(self, settings: DecodeSettings, part: Window | None) -> Labels:
        """Find what there is at this scale alone, see `instances`."""
        if part == whole(self.shape):
            part = None
        working = self.working
        at = whole(working)
        if part is not None:
            at = grown(source_window(working, self.shape, part), 2, working)
        foreground, cue = self.maps[(slice(None), *at)].astype(np.float32)
        smallest = settings.min_size * np.pi / 4 * self.diameter**2
        decoded = decode(foreground, cue, settings, min_area=smallest)
        if part is None:
            labels = _to_image_scale(decoded, foreground, self.shape)
        else:

            def read(window: Window) -> tuple[NDArray[np.float32], Labels]:
                there = within(window, at)
                return foreground[there], decoded.labels[there]

            outline = decoded.outline
            labels = enlarge(read, working, self.shape, part, outline).astype(np.int32)
        if settings.clear_border:
            labels = off_the_border(labels)
        return np.minimum(labels, 1) if settings.region else labels


def _around(split: float) -> list[float]:
    """Return the splitting, and those beside it; none where nothing is to be cut."""
    if split == 0:
        return [split]
    return [split, max(split - SPREAD, 0.01), min(split + SPREAD, 1.0)]


def _to_image_scale(
    decoded: Decoded, foreground: NDArray[np.float32], shape: tuple[int, int]
) -> Labels:
    """Enlarge instances; their outline follows the enlarged probability map."""
    labels, outline = decoded
    if labels.shape == shape:
        return labels
    if shape[0] * shape[1] <= labels.size:
        return resize_labels(labels, shape)
    wide = resize_labels(expand_labels(labels, 1).astype(np.int32), shape)
    inside = resize_image(foreground, shape) > outline[wide]
    return np.where(inside, wide, 0).astype(np.int32)
