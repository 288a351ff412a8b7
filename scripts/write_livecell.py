"""Write tasks in the format in which LIVECell is published.

``python scripts/write_livecell.py OUTPUT TASK [TASK ...]`` writes each task folder
(``images``, ``masks``) as a cell line: gray TIFF images named like LIVECell's, and one
COCO file whose run lengths pycocotools makes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image
from pycocotools import mask as coco

if TYPE_CHECKING:
    from numpy.typing import NDArray


def packed(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return area, box and run lengths of an object."""
    runs = coco.encode(np.asfortranarray(mask).astype(np.uint8))
    return {
        "area": int(coco.area(runs)),
        "bbox": coco.toBbox(runs).tolist(),
        "segmentation": {"size": runs["size"], "counts": runs["counts"].decode()},
    }


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--images", type=int, default=20, help="of each task, at most")
    options = parser.parse_args()
    folder = options.output / "images" / "livecell_train_val_images"
    folder.mkdir(parents=True)
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for task in options.tasks:
        files = sorted((task / "images").glob("*.png"))
        order = np.random.default_rng(0).permutation(len(files))
        for k in sorted(order[: options.images].tolist()):
            picture = np.asarray(Image.open(files[k]))
            if picture.ndim == 3:
                picture = picture[..., :3].mean(2).round().astype(np.uint8)
            name = f"{task.name.replace('_', '-')}_Phase_A{k + 1}_1_00d00h00m_1.tif"
            tifffile.imwrite(folder / name, picture)
            number = len(images) + 1
            height, width = picture.shape
            images.append(
                {"id": number, "file_name": name, "height": height, "width": width}
            )
            masks = np.asarray(Image.open(task / "masks" / files[k].name))
            for value in np.unique(masks[masks > 0]):
                about = {"id": len(objects) + 1, "image_id": number, "category_id": 1}
                objects.append(about | {"iscrowd": 0} | packed(masks == value))
    content = {
        "images": images,
        "annotations": objects,
        "categories": [{"id": 1, "name": "cell", "supercategory": "cell"}],
    }
    path = options.output / "annotations" / "livecell_coco_train.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
