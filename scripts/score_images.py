"""Score the program on image files with known masks, a few cells painted in each.

``python scripts/score_images.py IMAGE MASKS [IMAGE MASKS ...]`` paints three cells of
the masks, adapts, and prints AP@0.5 before and after with the painted cells left out
(in a stack: on all planes but the painted one).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_metaseg import adapt
from napari_metaseg.core.axes import as_planes, guess_axes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.objects import object_diameters
from napari_metaseg.core.settings import DEFAULT_INIT
from napari_metaseg.data.painter import choose_cells
from napari_metaseg.io.annotation import read_annotation
from napari_metaseg.io.images import read_image

Labels = NDArray[np.int32]


def score(image_path: Path, masks_path: Path, cells: int, init: str, seed: int) -> str:
    """Paint, adapt and score one image.

    Returns
    -------
    str
        One row of a Markdown table.
    """
    file, masks = read_image(image_path), read_annotation(masks_path)
    axes = file.axes or guess_axes(file.data.shape, masks.shape)
    planes = as_planes(file.data, axes=axes)
    truth = planes.split(masks)
    first = truth[0]
    rng = np.random.default_rng(seed)
    chosen = choose_cells(first, object_diameters(first), rng, number=cells)
    painted = np.zeros_like(truth)
    painted[0] = np.where(np.isin(first, chosen), first, 0)
    model = adapt(file.data, planes.join(painted), axes=axes, init=init, seed=seed)

    def mean_score(labels: object) -> float:
        found = planes.split(np.asarray(labels))
        if len(truth) > 1:
            pairs = zip(truth[1:], found[1:], strict=True)
            return float(np.mean([average_precision(t, f) for t, f in pairs]))
        # A painted cell is in the labels verbatim; scoring it would flatter.
        truth_left, found_left = (
            np.where(np.isin(a, chosen), 0, a) for a in (first, found[0])
        )
        return average_precision(truth_left, found_left)

    seconds = sum(model.seconds.values())
    before, after = mean_score(model.initial_labels), mean_score(model.labels)
    kept = "" if model.report is None or model.report.kept else " (reverted)"
    return (
        f"| {image_path.name} | {axes} {file.data.shape} | {before:.2f} | "
        f"{after:.2f}{kept} | {seconds:.1f} |"
    )


def main() -> None:
    """Read the arguments and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="IMAGE MASKS")
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--init", default=DEFAULT_INIT)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if len(options.files) % 2:
        parser.error("give an image and its masks in turn")
    print(
        "| image | axes | before | after | seconds |\n| --- | --- | --- | --- | --- |"
    )
    for image, masks in zip(options.files[::2], options.files[1::2], strict=True):
        try:
            print(score(image, masks, options.cells, options.init, options.seed))
        except UserError as error:
            print(f"| {image.name} | {error} | | | |")


if __name__ == "__main__":
    main()
