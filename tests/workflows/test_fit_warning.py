from __future__ import annotations

import numpy as np
import pytest

from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.intensity import Range
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.workflows.fit_warning import fit_warning
from napari_metaseg.workflows.lens import Lens
from tests.data.tasks import disks

MASKS = disks()
LENS = Lens(None, (Range(20, 200),), 20.0, 24.0)
IMAGE = np.where(MASKS > 0, 200, 20).astype(np.float32)


def warning(
    image: np.ndarray = IMAGE,
    masks: np.ndarray = MASKS,
    lens: Lens = LENS,
    height: float = 0.9,
) -> str:
    drawn = np.where(masks > 0, height, 0.01)
    output = PlaneOutput(np.stack([drawn] * 2).astype(np.float16), masks.shape, 24.0)
    planes = as_planes(image, axes="YX" if image.ndim == 2 else "YXC")
    return fit_warning(lens, planes, [output], masks[None])


def test_nothing_is_said_where_the_model_fits() -> None:
    assert warning() == ""
    # Twice the exposure is normalised away.
    assert warning(2 * IMAGE) == ""
    assert warning(0.5 * IMAGE) == ""


@pytest.mark.parametrize(
    "image", [0 * IMAGE, IMAGE / 10 + 100], ids=["constant", "faint"]
)
def test_a_nearly_blank_image(image: np.ndarray) -> None:
    assert "nearly blank" in warning(image)


@pytest.mark.parametrize("image", [IMAGE * 100, IMAGE + 500], ids=["wide", "apart"])
def test_wholly_other_intensities_are_named(image: np.ndarray) -> None:
    said = warning(image)

    assert "the model's image 20 to 200" in said
    assert "blank" not in said


def test_the_channel_is_named() -> None:
    lens = Lens(None, (Range(20, 200), Range(20, 200)), 20.0, 24.0)

    said = warning(np.stack([IMAGE, 0 * IMAGE], axis=-1), lens=lens)

    assert said.startswith("Channel 2 of this image")


@pytest.mark.parametrize("diameter", [8.0, 60.0])
def test_cells_of_another_size(diameter: float) -> None:
    said = warning(lens=Lens(None, (Range(20, 200),), diameter, 24.0))

    assert "The cells found are about 18 px wide" in said
    assert f"knows {diameter:.0f} px" in said


def test_no_cell_at_all() -> None:
    assert "finds no cell" in warning(masks=0 * MASKS)


def test_low_confidence_unless_there_are_only_two() -> None:
    assert "median confidence 0.50" in warning(height=0.5)
    assert warning(masks=np.where(MASKS <= 2, MASKS, 0), height=0.5) == ""


def test_every_warning_is_one_sentence_with_a_remedy() -> None:
    for said in (warning(0 * IMAGE), warning(masks=0 * MASKS), warning(height=0.5)):
        assert said.endswith("press Adapt.")
        assert said.count(". ") == 0
