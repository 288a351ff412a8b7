"""Images of lesions, in files that Pillow, tifffile and OpenCV-like exports write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.sources.lesions import find_lesions

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (48, 64)


def picture(seed: int = 0) -> np.ndarray:
    """Draw a smooth picture, which JPEG keeps."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([3 * y + seed, 3 * x, 90 + 0 * x], -1).astype(np.uint8)


def lesion(seed: int = 0) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[10 + seed : 30, 20:50] = True
    return mask


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, array)
    else:
        Image.fromarray(array).save(path, quality=90)


def kvasir(folder: Path) -> None:
    for k in range(2):
        save(folder / "images" / f"cju{k}.jpg", picture(k))
        # Masks are JPEG too: grey near the edge, three channels.
        mask = np.where(lesion(k), 255, 0).astype(np.uint8)
        save(folder / "masks" / f"cju{k}.jpg", np.stack([mask] * 3, -1))
    (folder / "kavsir_bboxes.json").write_text("{}")


def clinic(folder: Path, suffix: str) -> None:
    for k in range(2):
        save(folder / "Original" / f"{k + 1}{suffix}", picture(k))
        mask = np.where(lesion(k), 255, 0).astype(np.uint8)
        save(folder / "Ground Truth" / f"{k + 1}{suffix}", mask)


def isic(folder: Path) -> None:
    for k in range(2):
        images = folder / "ISIC-2017_Training_Data"
        save(images / f"ISIC_000000{k}.jpg", picture(k))
        save(images / f"ISIC_000000{k}_superpixels.png", picture(9))
        truth = folder / "ISIC-2017_Training_Part1_GroundTruth"
        mask = np.where(lesion(k), 255, 0).astype(np.uint8)
        save(truth / f"ISIC_000000{k}_segmentation.png", mask)


def isic_2018(folder: Path) -> None:
    for k in range(2):
        save(folder / "ISIC2018_Task1-2_Training_Input" / f"ISIC_{k}.jpg", picture(k))
        truth = folder / "ISIC2018_Task1_Training_GroundTruth"
        mask = np.where(lesion(k), 255, 0).astype(np.uint8)
        save(truth / f"ISIC_{k}_segmentation.png", mask)


def ours(folder: Path) -> None:
    for k in range(2):
        save(folder / "images" / f"{k}.png", picture(k))
        save(folder / "masks" / f"{k}.png", lesion(k).astype(np.uint16))


@pytest.mark.parametrize(
    "write",
    [
        kvasir,
        lambda folder: clinic(folder, ".tif"),
        lambda folder: clinic(folder / "PNG", ".png"),
        isic,
        isic_2018,
        ours,
    ],
)
def test_published_layouts(write: object, tmp_path: Path) -> None:
    write(tmp_path / "set")  # type: ignore[operator]
    (found,) = find_lesions(tmp_path / "set")
    assert found.name == "set"
    assert len(found.pairs) == 2
    for k in range(2):
        image, mask = found.read(k, 64)
        assert image.shape == (3, 64, 64)
        assert image.dtype == np.float32
        rows = np.minimum(((np.arange(64) + 0.5) * 48 / 64).astype(int), 47)
        wrong = mask != lesion(k)[rows]
        assert wrong.mean() < 0.01
        # Red grows downwards, green to the right, from -1 at most to 1.
        assert image[0, 60, 5] - image[0, 3, 5] == pytest.approx(1.0, abs=0.1)
        assert image[1, 5, 60] - image[1, 5, 3] == pytest.approx(1.34, abs=0.1)
        assert image[2].mean() == pytest.approx(90 / 127.5 - 1, abs=0.03)


def test_a_folder_of_sets(tmp_path: Path) -> None:
    kvasir(tmp_path / "kvasir")
    isic(tmp_path / "skin")
    assert [s.name for s in find_lesions(tmp_path)] == ["kvasir", "skin"]


def test_what_is_no_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        find_lesions(tmp_path / "missing")
    with pytest.raises(UserError, match=r"looked for Kvasir-SEG"):
        find_lesions(tmp_path)


def test_a_mask_of_another_size_is_told(tmp_path: Path) -> None:
    ours(tmp_path)
    save(tmp_path / "masks" / "0.png", np.zeros((9, 9), np.uint8))
    (found,) = find_lesions(tmp_path)
    with pytest.raises(UserError, match="another size"):
        found.read(0, 32)
