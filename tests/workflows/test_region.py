"""Images with one region, such as a lesion, instead of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from scipy import ndimage as ndi

from napari_metaseg import adapt, load
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.metrics import mask_iou
from napari_metaseg.core.overlay import number
from napari_metaseg.core.settings import DEFAULT_INIT, DecodeSettings
from napari_metaseg.workflows.large.run import make_job, run_job
from napari_metaseg.workflows.methods_text import methods_text
from napari_metaseg.workflows.replay import replay_steps
from napari_metaseg.workflows.session import make_session, session_image
from napari_metaseg.workflows.session_file import read_session, save_session

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.workflows.adapt import AdaptedModel

REGION = DecodeSettings(region=True)
SIDE = 112


def lesion(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a brown spot of two lobes, and a crumb of it, on rough skin."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE))
    row, column = rng.integers(48, 64, 2)
    mask = ((y - row) / 26) ** 2 + ((x - column) / 18) ** 2 < 1
    mask |= (y - row - 14) ** 2 + (x - column - 22) ** 2 < 15**2
    mask |= (y - 14) ** 2 + (x - 96) ** 2 < 11**2
    skin, spot = np.array([205, 160, 140]), np.array([120, 70, 60])
    rough = ndi.gaussian_filter(rng.normal(0, 60, (SIDE, SIDE)), 2)[..., None]
    image = np.where(mask[..., None], spot, skin) + rough
    image += rng.normal(0, 4, image.shape)
    return image.clip(0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def painted() -> np.ndarray:
    """Paint the spot but not the crumb, and some skin."""
    _, mask = lesion(0)
    parts, _ = ndi.label(mask)
    main = parts == np.bincount(parts[mask]).argmax()
    annotation = np.where(main, 3, 0).astype(np.int32)
    annotation[100:104, 10:90] = -1
    return annotation


@pytest.fixture(scope="module")
def model(painted: np.ndarray) -> AdaptedModel:
    return adapt(lesion(0)[0], painted, device="cpu", settings=REGION)


def test_what_is_found_is_one_object(model: AdaptedModel, painted: np.ndarray) -> None:
    labels = model.labels

    assert set(np.unique(labels)) == {0, 1}
    assert (labels[painted > 0] == 1).all() and not labels[painted < 0].any()
    # It is found in other images too, whose parts do not touch either.
    image, mask = lesion(7)
    other = model.segment(image)
    assert set(np.unique(other)) == {0, 1}
    assert mask_iou(other > 0, mask) > 0.7
    # The same output, cut into cells.
    assert model.relabel(DecodeSettings()).max() > 1


def test_a_saved_model_finds_regions(model: AdaptedModel, tmp_path: Path) -> None:
    image, _ = lesion(7)
    model.save(tmp_path / "spots")
    model.save(tmp_path / "cells", settings=DecodeSettings())

    loaded = load(tmp_path / "spots")

    np.testing.assert_array_equal(loaded.segment(image), model.segment(image))
    assert load(tmp_path / "cells").segment(image).max() > 1


def test_blocks_of_a_large_image_are_one_region(
    model: AdaptedModel, tmp_path: Path
) -> None:
    image = np.tile(lesion(7)[0], (1, 3, 1))
    job = make_job(model.segmenter, image, tmp_path / "region.zarr", axes="YXC")
    job.plan = replace(job.plan, tile=64, block=96, chunk=80)

    exhaust(run_job(job))

    labels = zarr.open_group(str(tmp_path / "region.zarr"), mode="r")["0"][:]
    assert set(np.unique(labels)) == {0, 1}
    assert mask_iou(labels > 0, model.segment(image) > 0) > 0.98


def test_a_session_says_so_and_is_replayed(
    model: AdaptedModel, painted: np.ndarray, tmp_path: Path
) -> None:
    from napari_metaseg.io.bundle import find_bundle
    from napari_metaseg.io.images import ImageFile

    image = lesion(0)[0]
    assert model.report is not None
    pictures = session_image(ImageFile(image, "YXC", None), None, painted, model.labels)
    session = make_session(
        model, (pictures,), initialization=find_bundle(DEFAULT_INIT), decode=REGION
    )
    path = save_session(tmp_path / "spot.metaseg", session)

    again = exhaust(replay_steps(read_session(path), [image], device="cpu"))

    assert again.different == (0,)
    assert again.model.report is not None
    assert again.model.report.own_iou_after == model.report.own_iou_after


def test_strokes_take_parts_of_a_region_away() -> None:
    region = np.zeros((8, 8), np.int32)
    region[:, 2:] = 1
    annotation = np.zeros_like(region)
    annotation[0, :4], annotation[5, 4:] = 7, -1

    shown = number(region, annotation, region=True)

    expected = region.copy()
    expected[0, :4], expected[5, 4:] = 1, 0
    np.testing.assert_array_equal(shown.under(annotation), expected)
    # Taken back, the same picture is there again.
    np.testing.assert_array_equal(shown.under(np.zeros_like(region)), region)


def test_the_paragraph_for_a_paper_says_so(model: AdaptedModel) -> None:
    text = methods_text(model.segmenter.card, REGION)

    assert "one region" in text and "splitting" not in text
