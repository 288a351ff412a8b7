"""Figures, opened by independent readers: Pillow for PNG, PDFium for PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from pypdfium2 import raw

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.images import ImageFile
from napari_metaseg.io.pdf import POINTS_PER_PIXEL
from napari_metaseg.workflows.figure import COLOURS, FigureSettings, write_figure

if TYPE_CHECKING:
    from pathlib import Path

CELLS = np.zeros((120, 160), np.int32)
CELLS[20:40, 30:60] = 1
CELLS[20:40, 60:80] = 2
CELLS[26:30, 40:44] = 0
CELLS[100:, :30] = 7
GRAY = ImageFile(
    np.random.default_rng(0).integers(0, 200, CELLS.shape).astype(np.uint16), "YX", None
)
COLOUR = ImageFile(
    np.random.default_rng(1).integers(0, 256, (*CELLS.shape, 3)).astype(np.uint8),
    "YXC",
    None,
)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


@pytest.mark.parametrize("width", [1, 3])
def test_outlines_run_along_the_inside_of_cells(tmp_path: Path, width: int) -> None:
    path = write_figure(
        tmp_path / "a.png", CELLS, COLOUR, settings=FigureSettings(line_width=width)
    )

    drawn = pixels(path)

    assert drawn.shape == (120, 160, 3)
    for x, number in ((30, 1), (59, 1), (60, 2), (79, 2)):
        inwards = range(x, x + width) if x in (30, 60) else range(x - width + 1, x + 1)
        assert (drawn[34, list(inwards)] == COLOURS[number]).all()
    assert (drawn[26, 39] == COLOURS[1]).all(), "around the hole"
    assert (drawn[119, 5] == COLOURS[7 % len(COLOURS)]).all(), "at the border"
    inside = (slice(24, 36), slice(64, 76))
    np.testing.assert_array_equal(drawn[CELLS == 0], COLOUR.data[CELLS == 0])
    np.testing.assert_array_equal(drawn[inside], COLOUR.data[inside])


def test_the_scale_bar_has_the_length_it_states(tmp_path: Path) -> None:
    dark = ImageFile(np.zeros_like(GRAY.data), "YX", (9.0, 0.3))

    drawn = pixels(
        write_figure(tmp_path / "a.png", CELLS * 0, dark, pixel_size=(9.0, 0.3))
    )

    # A quarter of the width is 12 µm: the bar is 10 µm, 33 px.
    white = (drawn == 255).all(axis=-1)
    longest = max(
        sum(1 for _ in run)
        for row in white
        for run in [np.flatnonzero(row)]
        if len(run) and np.all(np.diff(run) == 1)
    )
    assert longest == 33


@pytest.mark.parametrize("width", [1, 2, 3])
def test_an_image_of_few_columns_has_a_bar_too(tmp_path: Path, width: int) -> None:
    image = ImageFile(GRAY.data[:, :width].copy(), "YX", (0.5, 0.5))

    path = write_figure(tmp_path / "a.png", CELLS[:, :width], image)

    assert pixels(path).shape == (120, width, 3)


def test_without_a_pixel_size_there_is_no_scale_bar(tmp_path: Path) -> None:
    dark = ImageFile(np.zeros_like(GRAY.data), "YX", None)

    assert not pixels(write_figure(tmp_path / "a.png", CELLS * 0, dark)).any()


def page_of(path: Path) -> pypdfium2.PdfPage:
    document = pypdfium2.PdfDocument(path)
    assert len(document) == 1
    return document[0]


def kinds(page: pypdfium2.PdfPage) -> dict[int, int]:
    found: dict[int, int] = {}
    for item in page.get_objects():
        found[item.type] = found.get(item.type, 0) + 1
    return found


def test_a_pdf_holds_the_pixels_and_one_path_for_each_ring(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "a.pdf", CELLS, COLOUR)

    page = page_of(path)

    size = [n * POINTS_PER_PIXEL for n in (160, 120)]
    assert page.get_size() == pytest.approx(size, abs=1e-3)
    # Two outer rings, one with a hole, and one at the border.
    assert kinds(page) == {raw.FPDF_PAGEOBJ_IMAGE: 1, raw.FPDF_PAGEOBJ_PATH: 4}
    (picture,) = page.get_objects([raw.FPDF_PAGEOBJ_IMAGE])
    embedded = picture.get_bitmap().to_numpy()[..., ::-1]
    np.testing.assert_array_equal(embedded, COLOUR.data)


def test_the_paths_of_a_pdf_lie_on_the_edges_of_pixels(tmp_path: Path) -> None:
    dark = ImageFile(np.zeros((*CELLS.shape, 3), np.uint8), "YXC", None)
    path = write_figure(
        tmp_path / "a.pdf", CELLS, dark, settings=FigureSettings(line_width=2)
    )

    drawn = page_of(path).render(scale=4 / POINTS_PER_PIXEL).to_numpy()[..., ::-1]

    assert drawn.shape[:2] == (480, 640)
    for y, x, number in ((20, 45, 1), (30, 30, 1), (39.9, 70, 2), (30, 80, 2)):
        assert drawn[int(4 * y), int(4 * x)] == pytest.approx(COLOURS[number], abs=2)
    assert not drawn[4 * 34, 4 * 50].any()
    assert not drawn[4 * 10, 4 * 10].any()


def test_the_text_of_a_pdf_stays_text(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "a.pdf", CELLS, GRAY, pixel_size=(0.5, 0.5))

    text = page_of(path).get_textpage().get_text_bounded()

    assert set(text.split("\r\n")) == {"20 µm"}


@pytest.mark.parametrize(
    ("pixel_size", "text"), [(0.01, "0.2 µm"), (1.0, "20 µm"), (60.0, "2 mm")]
)
def test_lengths_are_round(tmp_path: Path, pixel_size: float, text: str) -> None:
    size = (pixel_size, pixel_size)
    path = write_figure(tmp_path / "a.pdf", CELLS, GRAY, pixel_size=size)

    assert text in page_of(path).get_textpage().get_text_bounded()


def test_channels_are_laid_over_each_other_or_chosen(tmp_path: Path) -> None:
    image = np.zeros((3, 2, 8, 10), np.uint16)
    image[1, 0, 2:4] = 1000
    image[1, 1, :, 5:7] = 9
    stack = ImageFile(image, "ZCYX", None)
    cells = np.zeros((3, 8, 10), np.int32)

    both = pixels(
        write_figure(
            tmp_path / "a.png", cells, stack, settings=FigureSettings(plane=(1,))
        )
    )
    one = pixels(
        write_figure(
            tmp_path / "b.png", cells, stack, settings=FigureSettings((1,), channel=1)
        )
    )

    assert (both[2, 0] == (86, 180, 233)).all()
    assert (both[0, 5] == (230, 159, 0)).all()
    assert (both[2, 5] == (255, 255, 233)).all()
    np.testing.assert_array_equal(one[..., 0] > 0, image[1, 1] > 0)


@pytest.mark.parametrize(
    ("cells", "image", "settings", "message"),
    [
        (CELLS[:-1], GRAY, FigureSettings(), "choose the image that was segmented"),
        (CELLS, GRAY, FigureSettings(line_width=-1), "choose 1 or more"),
        (CELLS, GRAY, FigureSettings(plane=(0,)), "no plane"),
        (CELLS, GRAY, FigureSettings(channel=1), "no channel 1"),
        (
            CELLS,
            ImageFile(np.stack([GRAY.data] * 6), "CYX", None),
            FigureSettings(),
            "choose one of them",
        ),
    ],
)
def test_bad_input_leaves_nothing(
    tmp_path: Path,
    cells: np.ndarray,
    image: ImageFile,
    settings: FigureSettings,
    message: str,
) -> None:
    with pytest.raises(UserError, match=message):
        write_figure(tmp_path / "a.png", cells, image, settings=settings)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_size_that_is_no_length_gets_a_sentence(
    tmp_path: Path, length: float
) -> None:
    with pytest.raises(UserError, match="is no length"):
        write_figure(tmp_path / "a.png", CELLS, GRAY, pixel_size=(length, length))

    assert not list(tmp_path.iterdir())
