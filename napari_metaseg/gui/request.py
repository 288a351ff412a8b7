"""Everything that one adaptation depends on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.settings import DEFAULT_MIRRORS, DEFAULT_SCALES, DecodeSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.core.painting import Painting
    from napari_metaseg.core.placement import Placement
    from napari_metaseg.workflows.adapt import AdaptedModel


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image comes from.

    Attributes
    ----------
    path : Path or None
        Its file; None if it never was one.
    pixel_size : tuple of float or None
        In µm, (y, x).
    z_step : float or None
        Distance between its planes in µm.
    placement : Placement or None
        Where its layer lies.
    """

    path: Path | None = None
    pixel_size: tuple[float, float] | None = None
    z_step: float | None = None
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A snapshot of everything one adaptation depends on.

    Attributes
    ----------
    image : array
        As `axes` says.
    annotation : Painting
        The annotation at the moment of the click.
    axes : str
        A letter for each axis of the image.
    channel : int or None
        Channel used, None for all.
    diameter : float or None
        Size of the cells in px, None to measure the painted ones.
    init, device : str
        Names of the meta-initialization and of the device.
    mirrors : int
        Mirror images that the adapted network looks at.
    scales : int
        Scales at which the cells are learned.
    settings : DecodeSettings
        How the network's output is shown.
    fit_decoding : bool
        Whether splitting and threshold are chosen by what is painted instead.
    previous : array of int32 or None
        Instances of the last round, whose ids are kept.
    others : tuple of (array, Painting)
        Further images of the kind with their annotations: more support.
    left_out : tuple of str
        Names of annotated images that cannot serve.
    start : AdaptedModel or None
        Model to continue from; None for the initialization.
    look_at : tuple of int, slice, slice, or None
        Plane, rows and columns in view.
    held_out : Painting or None
        Cells that serve as a test and are not learned from.
    planes : tuple of int or None
        Which planes are segmented besides those that are painted; None for all.
    part : (int, int, int, int) or None
        Which part of them, see `adapt_steps`; None for all of it.
    origins : tuple of Origin
        Of the image and of the others, in this order.
    """

    image: Any
    annotation: Painting
    axes: str
    channel: int | None
    diameter: float | None
    init: str
    device: str
    mirrors: int = DEFAULT_MIRRORS
    scales: int = DEFAULT_SCALES
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    fit_decoding: bool = False
    previous: NDArray[np.int32] | None = None
    others: tuple[tuple[Any, Painting], ...] = ()
    left_out: tuple[str, ...] = ()
    start: AdaptedModel | None = None
    look_at: tuple[int, slice, slice] | None = None
    held_out: Painting | None = None
    planes: tuple[int, ...] | None = None
    part: tuple[int, int, int, int] | None = None
    origins: tuple[Origin, ...] = (Origin(),)

    @property
    def learned(self) -> NDArray[np.int32]:
        """The annotation without the cells that are held out."""
        drawn = self.annotation.array()
        if self.held_out is not None:
            drawn[self.held_out.array() > 0] = 0
        return drawn

    @property
    def tests(self) -> list[NDArray[np.int32]] | None:
        """The held-out cells of each image, of which only the first has some."""
        if self.held_out is None:
            return None
        none = (np.zeros(drawn.shape, np.int32) for _, drawn in self.others)
        return [self.held_out.array(), *none]
