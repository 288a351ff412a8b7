"""Segment a generated image of any size: time and memory that it takes.

``python scripts/big_image.py SIDE`` writes a square uint16 TIFF, adapts to three cells
like those in it, and segments the file, all within ``--folder``. Call it twice: the
second time image and model are there, and the figures are those of segmenting alone.
After a kill it goes on where it was.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile
import torch
from skimage.transform import rescale

from napari_metaseg import adapt, load
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.core.settings import MIRRORS
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.io.open_images import open_image
from napari_metaseg.workflows.large.run import make_job, run_job

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENES = 4
SCENE = 512


def scenes(diameter: float) -> list[tuple[NDArray[np.uint16], NDArray[np.int32]]]:
    """Draw a few fields of cells of a size, to be laid side by side."""
    fields = []
    for seed in range(SCENES):
        scene = sample_scene("fluorescence", size=(SCENE, SCENE), seed=seed)
        zoom = diameter / np.median(list(object_diameters(scene.masks).values()))
        image = rescale(scene.image.astype(np.float64), zoom, order=1)
        masks = rescale(scene.masks, zoom, order=0, preserve_range=True)
        fields.append((image.astype(np.uint16), masks.astype(np.int32)))
    return fields


def write_image(path: Path, side: int, diameter: float) -> None:
    """Write a TIFF file of fields in random order and orientation."""
    tiles = [image for image, _ in scenes(diameter)]
    height, width = np.min([tile.shape for tile in tiles], axis=0)
    rng = np.random.default_rng(0)
    partial = path.with_suffix(".part")
    image = tifffile.memmap(partial, shape=(side, side), dtype=np.uint16, bigtiff=True)
    for y in range(0, side, height):
        for x in range(0, side, width):
            tile = tiles[rng.integers(SCENES)][:height, :width]
            tile = tile[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
            image[y : y + height, x : x + width] = tile[: side - y, : side - x]
        image.flush()
    partial.rename(path)


def make_model(path: Path, diameter: float, mirrors: int) -> None:
    """Adapt to three cells of one field."""
    image, masks = scenes(diameter)[0]
    rng = np.random.default_rng(0)
    chosen = choose_cells(masks, object_diameters(masks), rng, number=3)
    painted = np.where(np.isin(masks, chosen), masks, 0)
    adapt(image, painted, mirrors=mirrors).save(path)


def main() -> None:
    """Read the arguments, segment, and print a row of a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", type=int, help="of the image, in px")
    parser.add_argument("--diameter", type=float, default=60.0, help="of cells, in px")
    parser.add_argument("--mirrors", type=int, default=4, choices=MIRRORS)
    parser.add_argument("--folder", type=Path, default=Path("big-image"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(exist_ok=True)
    kind = f"{options.diameter:g}-{options.mirrors}"
    path = options.folder / f"{options.side}-{options.diameter:g}.tif"
    output = options.folder / f"{options.side}-{kind}.zarr"
    model = options.folder / f"model-{kind}"
    if not path.exists():
        write_image(path, options.side, options.diameter)
    if not model.exists():
        make_model(model, options.diameter, options.mirrors)
    start, used = time.perf_counter(), time.process_time()
    job = make_job(load(model).segmenter, open_image(path).data, output)
    for state in run_job(job, overwrite=True):
        print(f"{state.step} %  {state.message}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds, used = time.perf_counter() - start, time.process_time() - used
    print(f"| {options.side} px | {peak:.2f} GB | {seconds:.0f} s | {used:.0f} s |")


if __name__ == "__main__":
    main()
