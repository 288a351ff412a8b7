"""How images of one kind are looked at before the network sees them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import BLANK, Range, measure_range
from napari_metaseg.core.scaling import resize_image, scaled_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.core.axes import Planes

LARGEST_ZOOM = 8.0
"""Images are enlarged at most this much; smaller cells than 3 px cannot be drawn."""

LARGEST_NUMBER = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Lens:
    """How images of this kind are looked at: channel, intensities, scale.

    Attributes
    ----------
    channel : int or None
        Channel to use; None for all.
    ranges : tuple of Range
        Range of each used channel of the image that was adapted to.
    diameter : float
        Object size (px at image scale).
    working_diameter : float
        Object size (px) at working scale.
    shared : bool
        Whether all images are looked at with these ranges, instead of their own.
    """

    channel: int | None
    ranges: tuple[Range, ...]
    diameter: float
    working_diameter: float
    shared: bool = False

    @classmethod
    def of(
        cls,
        planes: Planes,
        diameter: float,
        working_diameter: float,
        channel: int | None = None,
    ) -> Lens:
        """Look at images of a kind as one of them asks for.

        Parameters
        ----------
        planes : Planes
            Reference for the range of intensities of each channel.
        diameter : float
            Object size (px at image scale).
        working_diameter : float
            Object size (px) at working scale.
        channel : int, optional
            Which channel the planes are; None for all.
        """
        count = planes.data.shape[1]
        ranges = tuple(measure_range(planes.data[:, c]) for c in range(count))
        least = working_diameter / LARGEST_ZOOM
        return cls(channel, ranges, max(diameter, least), working_diameter)

    def sharing(self, ranges: Sequence[Range]) -> Lens:
        """Look at all images with the same ranges, for instance of a whole folder.

        Parameters
        ----------
        ranges : sequence of Range
            One a channel. One that is (nearly) blank gives way to the reference.

        Raises
        ------
        UserError
            If the model uses another number of channels.
        """
        self._check_channels(len(ranges))
        pairs = zip(ranges, self.ranges, strict=True)
        common = tuple(own.unless_blank(reference) for own, reference in pairs)
        return replace(self, ranges=common, shared=True)

    def on(self, planes: Planes) -> Lens:
        """Measure an image once, to look at many of its planes.

        Parameters
        ----------
        planes : Planes
            The image.

        Returns
        -------
        Lens
            For this image only.

        Raises
        ------
        UserError
            If the model uses another number of channels.
        """
        return replace(self, ranges=tuple(self._ranges_of(planes)), shared=True)

    def blank_share(self, measured: Iterable[Range]) -> float | None:
        """Tell how little of the usual range an image spans that is taken for blank.

        Parameters
        ----------
        measured : iterable of Range
            Of each channel of the image.

        Returns
        -------
        float or None
            Of the channel that spans the least; None where none is taken for blank.
        """
        if self.shared:
            return None
        widths = [reference.high - reference.low for reference in self.ranges]
        spans = [own.high - own.low for own in measured]
        shares = [s / w for s, w in zip(spans, widths, strict=True) if w > 0]
        return min((share for share in shares if share < BLANK), default=None)

    @property
    def zoom(self) -> float:
        """Factor from image scale to working scale."""
        return self.working_diameter / self.diameter

    def look(self, planes: Planes, index: int) -> NDArray[np.float32]:
        """Normalise one plane and bring it to working scale.

        Parameters
        ----------
        planes : Planes
            The image; its intensities are measured over all of its planes.
        index : int
            Which plane.

        Returns
        -------
        (C, y, x) array of float32
        """
        ranges = self._ranges_of(planes)
        plane = planes.data[index]
        channels = [r.apply(c) for r, c in zip(ranges, plane, strict=True)]
        shape = scaled_shape((plane.shape[-2], plane.shape[-1]), self.zoom)
        return resize_image(np.stack(channels), shape)

    def _ranges_of(self, planes: Planes) -> list[Range]:
        if self.shared:
            self._check_channels(planes.data.shape[1])
            return list(self.ranges)
        channels = planes.data.swapaxes(0, 1)
        return self.ranges_for([measure_range(channel) for channel in channels])

    def ranges_for(self, measured: Sequence[Range]) -> list[Range]:
        """Say by which range each channel of an image is normalised.

        Parameters
        ----------
        measured : sequence of Range
            Of each channel of the image.

        Raises
        ------
        UserError
            If the model uses another number of channels.
        """
        self._check_channels(len(measured))
        if self.shared:
            return list(self.ranges)
        pairs = zip(measured, self.ranges, strict=True)
        return [own.unless_blank(reference) for own, reference in pairs]

    def _check_channels(self, channels: int) -> None:
        if channels != len(self.ranges):
            raise UserError(
                f"The model uses {len(self.ranges)} channel(s) but this image has "
                f"{channels}; choose an image of the same kind, or the channel."
            )

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "channel": self.channel,
            "ranges": [[r.low, r.high] for r in self.ranges],
            "diameter": self.diameter,
            "working_diameter": self.working_diameter,
        }

    @classmethod
    def from_dict(cls, data: object, where: Path) -> Lens:
        """Check and read what `as_dict` wrote.

        Parameters
        ----------
        data : object
            Anything.
        where : Path
            Folder to name in the message.

        Raises
        ------
        UserError
            If it does not describe a lens.
        """
        match data:
            case {
                "channel": int() | None as channel,
                "ranges": [_, *_] as ranges,
                "diameter": int() | float() as diameter,
                "working_diameter": int() | float() as working,
            } if (
                4 <= working <= 256
                and working / LARGEST_ZOOM <= diameter <= LARGEST_NUMBER
                and all(map(_is_range, ranges))
            ):
                pairs = tuple(Range(float(low), float(high)) for low, high in ranges)
                return cls(channel, pairs, float(diameter), float(working))
        raise UserError(
            f"The card of '{where}' does not say how images are looked at; save the "
            "model again."
        )


def _is_range(pair: object) -> bool:
    match pair:
        case [int() | float() as low, int() | float() as high]:
            return -LARGEST_NUMBER <= low <= high <= LARGEST_NUMBER
    return False
