"""What is done to each image of a folder, in whichever process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.linking import LINKS, link_where_possible
from napari_metaseg.io.images import read_image
from napari_metaseg.io.open_images import read_any_image

from .notes import notes_on
from .outputs import check_outputs, label_axes, write_outputs
from .summary import Numbers, summarise

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.core.intensity import Range
    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.io.images import ImageFile

    from .segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class Look:
    """How all images of a folder are looked at.

    Attributes
    ----------
    axes : str or None
        Axes of the images, where their files do not tell or are wrong.
    channel : int or None
        Channel, None for the one that was adapted to.
    settings : DecodeSettings or None
        How the network's output becomes instances; by default as the model says.
    ranges : tuple of Range or None
        Intensities of all images, one range a channel; None: of each its own.
    link : str
        Along which axes cells keep their number, one of `LINKS`; an image without
        such an axis is left as it is, and so is a region.
    """

    axes: str | None = None
    channel: int | None = None
    settings: DecodeSettings | None = None
    ranges: tuple[Range, ...] | None = None
    link: str = "none"


@dataclass(frozen=True, slots=True)
class Order:
    """An image to segment.

    Attributes
    ----------
    path, target : Path
        The image, and its label image.
    look : Look
        How to look at it.
    also : tuple of str
        Formats that are written beside the label image.
    overwrite : bool
        Whether existing results are replaced.
    begun : bool
        Whether what is there may be left of this very order by a run that was stopped:
        it is replaced if its labels are what is found again, and else not.
    """

    path: Path
    target: Path
    look: Look
    also: tuple[str, ...] = ()
    overwrite: bool = False
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an image.

    Attributes
    ----------
    problem : str
        Why there is no result; empty if there is one.
    numbers : dict of str to float
        Its cells, see `summarise`.
    note: str
        What a person would not expect of the result; empty if there is nothing.
    """

    problem: str
    numbers: Numbers
    note: str = ""


def segment_file(segmenter: Segmenter, order: Order) -> Generator[float, None, Outcome]:
    """Segment an image and write its results; trouble with it is told, not raised.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    order : Order
        The image.

    Yields
    ------
    float
        Share done.

    Returns
    -------
    Outcome
    """
    try:
        return (yield from _segment(segmenter, order))
    except UserError as error:
        return Outcome(str(error), {})
    except MemoryError:
        problem = "It does not fit into memory; crop it, or run fewer at a time."
        return Outcome(problem, {})
    except Exception as error:  # one image in a thousand must not end the night
        return Outcome(f"It failed unexpectedly ({error!r}); please report this.", {})


def _segment(segmenter: Segmenter, order: Order) -> Generator[float, None, Outcome]:
    look = order.look
    check_outputs(order.target, order.also, overwrite=order.overwrite or order.begun)
    image = read_any_image(order.path)
    image = replace(image, axes=look.axes or image.axes)
    if look.ranges is not None:
        segmenter = replace(segmenter, lens=segmenter.lens.sharing(look.ranges))
    settings = look.settings or segmenter.settings
    labels = yield from segmenter.segment_steps(
        image.data, axes=image.axes, channel=look.channel, settings=settings
    )
    axes = label_axes(image.axes, labels.shape)
    if not settings.region:
        labels = link_where_possible(labels, axes, look.link)
    notes = _notes(segmenter, image, look, axes)
    outcome = Outcome("", summarise(labels, image), "; ".join(notes))
    ours = order.begun and _is_written(labels, order.target)
    write_outputs(
        order.target,
        labels,
        image,
        image_name=order.path.name,
        also=order.also,
        overwrite=order.overwrite or ours,
    )
    return outcome


def _notes(
    segmenter: Segmenter, image: ImageFile, look: Look, axes: str
) -> Iterator[str]:
    """Tell what a person would not expect of a result."""
    along = LINKS[look.link]
    if along and not set(along) & set(axes):
        yield f"nothing is linked, as it has no axis {' or '.join(along)}"
    channel = segmenter.lens.channel if look.channel is None else look.channel
    planes = as_planes(image.data, axes=image.axes, channel=channel)
    measured = map(measure_range, planes.data.swapaxes(0, 1))
    yield from notes_on(segmenter.lens, measured, image.further)


def _is_written(labels: NDArray[np.int32], target: Path) -> bool:
    """Whether a label image holds nothing else, which is so where there is none."""
    if not target.exists():
        return True
    try:
        return np.array_equal(read_image(target).data.squeeze(), labels.squeeze())
    except UserError:
        return False


def sample_file(
    segmenter: Segmenter, order: tuple[Path, Look, int]
) -> Generator[float, None, NDArray[Any] | None]:
    """Draw pixels of an image, for a range of intensities that many images share.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    order : (Path, Look, int)
        The image, how to look at it, and how many pixels to draw.

    Yields
    ------
    float
        Share done.

    Returns
    -------
    (C, N) array of float64 or None
        None if the image cannot be used.
    """
    yield 0.0
    try:
        return _sample(segmenter, *order)
    except Exception:  # segmenting the image tells what is wrong with it
        return None


def _sample(
    segmenter: Segmenter, path: Path, look: Look, count: int
) -> NDArray[Any] | None:
    image = read_any_image(path)
    channel = segmenter.lens.channel if look.channel is None else look.channel
    planes = as_planes(image.data, axes=look.axes or image.axes, channel=channel)
    channels = planes.data.shape[1]
    if channels != len(segmenter.lens.ranges):
        return None
    flat = planes.data.swapaxes(0, 1).reshape(channels, -1)
    # A stride that divides the width would draw a few columns only.
    places = np.linspace(0, flat.shape[1] - 1, min(count, flat.shape[1])).astype(int)
    return flat[:, places].astype(np.float64)
