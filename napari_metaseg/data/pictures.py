"""Pictures of drawn scenes, as one instrument and one staining take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.data.acquisition import acquire
from napari_metaseg.data.stains import perhaps_stained

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.data.acquisition import Acquisition
    from napari_metaseg.data.canvas import Labels
    from napari_metaseg.data.textures import Field

Picture = tuple["NDArray[np.float32]", "NDArray[np.int32]"]
"""An image, shape (rows, columns) or (rows, columns, 3), within [0, 1]; and its masks,
shape (rows, columns), 0 for background and distractors, else one id per target."""


class Scene(NamedTuple):
    """One image of a procedural task before it is taken.

    Attributes
    ----------
    light : ndarray of float32, shape (rows, columns)
        Ideal picture.
    materials : ndarray of int32, shape (rows, columns)
        What each pixel shows, below `stains.MATERIALS`.
    masks : ndarray of int32, shape (rows, columns)
        One id per target object.
    """

    light: Field
    materials: Labels
    masks: Labels


def photograph(
    rng: np.random.Generator,
    scenes: Sequence[Scene],
    instruments: Iterable[Acquisition],
) -> list[Picture]:
    """Take pictures of the scenes of a task; a share of tasks is in colours.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    scenes : sequence of Scene
        Scenes of one task.
    instruments : iterable of Acquisition
        The instrument, as it is set for each of them.

    Returns
    -------
    list of Picture
    """
    taken = [
        acquire(rng, scene.light, instrument)
        for scene, instrument in zip(scenes, instruments, strict=True)
    ]
    shown = perhaps_stained(rng, taken, [scene.materials for scene in scenes])
    return [(image, scene.masks) for image, scene in zip(shown, scenes, strict=True)]
