"""Small generated tasks for meta-training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.io import imsave

from napari_metaseg.data.synthetic import procedural_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def draw_tasks(folder: Path, names: Sequence[str], *, images: int = 2) -> None:
    """Draw tasks of a few images of 112 px, in our own layout."""
    for seed, name in enumerate(names):
        for part in ("images", "masks"):
            (folder / name / part).mkdir(parents=True)
        rng = np.random.default_rng(seed)
        pairs = procedural_task(rng, n_images=images, size=112, diameter=20.0)
        for n, (image, masks) in enumerate(pairs):
            gray = np.round(image * 255).astype(np.uint8)
            for part, pixels in (("images", gray), ("masks", masks.astype(np.uint8))):
                path = folder / name / part / f"{n:03}.png"
                imsave(path, pixels, check_contrast=False)
