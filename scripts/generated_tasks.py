"""Draw a sheet of what meta-training generates.

``python scripts/generated_tasks.py docs/images/generated_tasks.png`` draws one image of
each of some tasks, a kind of scene to each row, with the outlines of what is wanted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.io import imsave
from skimage.segmentation import find_boundaries

from napari_metaseg.data.stream import SCENES, Draw

SIDE, COLUMNS = 112, 8
GOLD = (1.0, 0.8, 0.0)


def tile(draw: Draw, seed: int) -> np.ndarray:
    """Draw an image with outlines, (SIDE, SIDE, 3) of uint8."""
    ((image, masks),) = draw(np.random.default_rng(seed), n_images=1, size=SIDE)
    low, high = np.percentile(image, [0.5, 99.5])
    shown = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    if shown.ndim == 2:
        shown = np.repeat(shown[..., None], 3, -1)
    shown[find_boundaries(masks, mode="inner")] = GOLD
    return np.asarray(255 * shown, np.uint8)


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + COLUMNS)
    rows = [np.concatenate([tile(draw, n) for n in seeds], 1) for draw in SCENES]
    imsave(options.picture, np.concatenate(rows), check_contrast=False)


if __name__ == "__main__":
    main()
