"""Pixels of a found task, plane by plane, as our own layout holds them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.objects import without_objects
from napari_metaseg.core.pixel_hash import pixel_hash
from napari_metaseg.io.images import read_image

from .found import Skipped
from .masks import size_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_metaseg.core.axes import Planes
    from napari_metaseg.io.images import ImageFile

    from .found import FoundTask, Pair

SMALLEST = 16
"""Shortest side (px) of an image that is worth cutting crops from."""

_LARGEST_NUMBER = 65_535


@dataclass(frozen=True, slots=True)
class Sample:
    """One plane.

    Attributes
    ----------
    file : str
        Which image, and which of its planes.
    image : (Y, X) or (Y, X, 3) array
        Its channels: one, or three.
    masks : (Y, X) array of int32
        Instances, 0 = background; at least one.
    channels : int
        How many channels the file has.
    strokes : bool
        Whether the masks came with background strokes, as those of an annotation
        that leaves the rest unknown.
    image_hash, masks_hash : str
        SHA-256 of the pixels, whatever file they are in.
    """

    file: str
    image: NDArray[Any] = field(repr=False)
    masks: NDArray[np.int32] = field(repr=False)
    channels: int
    strokes: bool
    image_hash: str
    masks_hash: str


@dataclass(slots=True)
class Known:
    """Images that have been seen: by their pixels, and with their masks."""

    images: dict[str, dict[str, str]] = field(default_factory=dict)
    pairs: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def reason(self, task: str, sample: Sample) -> str:
        """Tell why a sample is left out as a duplicate; empty if it is none.

        The same image with other masks is a task of its own right: nuclei in one,
        whole cells in the other.
        """
        if (twin := self.images.get(sample.image_hash, {}).get(task)) is not None:
            return f"is the same image as {twin}"
        both = (sample.image_hash, sample.masks_hash)
        if both in self.pairs:
            other, twin = self.pairs[both]
            return f"is the same image, with the same masks, as {twin} of '{other}'"
        return ""

    def add(self, task: str, file: str, image_hash: str, masks_hash: str) -> None:
        """Remember a sample."""
        self.images.setdefault(image_hash, {})[task] = file
        self.pairs.setdefault((image_hash, masks_hash), (task, file))

    def shared(self, task: str, image_hash: str) -> set[str]:
        """Name the other tasks that have this image."""
        return set(self.images.get(image_hash, {})) - {task}


def read_samples(task: FoundTask, pair: Pair, known: Known) -> Iterator[Any]:
    """Read the planes of a pair.

    Parameters
    ----------
    task : FoundTask
        The task it belongs to.
    pair : Pair
        Image and masks.
    known : Known
        What has been seen; samples are added to it.

    Yields
    ------
    Sample or Skipped
        Nothing is raised: one file that is bad does not stop the others.
    """
    try:
        image = _read(pair)
        labels = pair.masks.read(image)
        planes = _matched(image, labels)
        split = planes.split(labels.astype(np.int64, copy=False))
    except UserError as error:
        yield Skipped(_name(pair), str(error))
        return
    empty = 0
    for index, (pixels, masks) in enumerate(zip(planes.data, split, strict=True)):
        name = _name(pair) + (f", plane {index + 1}" if len(split) > 1 else "")
        if len(split) > 1 and not (masks > 0).any():
            empty += 1
            continue
        if why := unfit(masks):
            yield Skipped(name, why)
            continue
        sample = make_sample(name, pixels, masks)
        if why := known.reason(task.name, sample):
            yield Skipped(name, why)
            continue
        known.add(task.name, name, sample.image_hash, sample.masks_hash)
        yield sample
    if empty:
        yield Skipped(_name(pair), f"has {empty} planes without objects")


def _name(pair: Pair) -> str:
    plane = "" if pair.plane is None else f", plane {pair.plane + 1}"
    return f"{pair.image}{plane}"


def _read(pair: Pair) -> ImageFile:
    image = read_image(pair.image)
    if pair.plane is None:
        return image
    if image.data.ndim < 3 or pair.plane >= len(image.data):
        raise UserError(f"has no plane {pair.plane + 1}")
    axes = image.axes and image.axes[1:]
    return replace(image, data=image.data[pair.plane], axes=axes)


def _matched(image: ImageFile, labels: NDArray[Any]) -> Planes:
    axes = image.axes
    # Where both are stacks of one shape, the letters do not matter.
    if axes is None and image.data.shape == labels.shape and labels.ndim > 2:
        axes = "TZPQI"[: labels.ndim - 2] + "YX"
    if axes is None and image.data.ndim == 3 and labels.ndim == 2:
        axes = _where_channels_are(image.data.shape, labels.shape)
    planes = as_planes(image.data, axes=axes, annotated=labels.shape)
    if planes.shape != labels.shape:
        raise UserError(
            f"has masks of {size_words(labels.shape)} but is {size_words(planes.shape)}"
        )
    return planes


def _where_channels_are(shape: tuple[int, ...], plane: tuple[int, ...]) -> str | None:
    return {shape[1:]: "CYX", shape[:2]: "YXC"}.get(plane)


def unfit(masks: NDArray[Any]) -> str:
    """Tell why masks cannot be learned from; empty if they can."""
    if not (masks > 0).any():
        return "has no objects in its masks"
    if min(masks.shape) < SMALLEST:
        return f"is smaller than {SMALLEST} px"
    return without_objects(masks)


def make_sample(name: str, pixels: NDArray[Any], masks: NDArray[Any]) -> Sample:
    """Bring channels (C, Y, X) and masks (Y, X), -1 for strokes, into our layout."""
    strokes = bool((masks < 0).any())
    labels = np.maximum(masks, 0)
    if labels.max() > _LARGEST_NUMBER:
        labels = relabel_sequential(labels)[0]
    labels = np.ascontiguousarray(labels, np.int32)
    image = _look(pixels)
    return Sample(
        name,
        image,
        labels,
        len(pixels),
        strokes,
        pixel_hash(image),
        pixel_hash(_in_order(labels)),
    )


def _in_order(labels: NDArray[Any]) -> NDArray[Any]:
    """Give objects numbers in the order in which they appear."""
    values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    first[values == 0] = -1
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(first)] = np.arange(len(values)) + (values[0] != 0)
    return rank[inverse].reshape(labels.shape)


def _look(pixels: NDArray[Any]) -> NDArray[Any]:
    """Bring channels (C, Y, X) to one, or three at the end."""
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    shown = pixels[:3]
    if all(np.array_equal(shown[0], c) for c in shown[1:]) and len(pixels) <= 3:
        return np.ascontiguousarray(shown[0])
    if len(shown) == 2:
        shown = np.concatenate([shown, np.zeros_like(shown[:1])])
    return np.ascontiguousarray(np.moveaxis(shown, 0, -1))
