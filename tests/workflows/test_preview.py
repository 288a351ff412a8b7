"""A part is drawn while the inner loop runs, and nothing else changes."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_metaseg.core import plane_output
from napari_metaseg.core.axes import as_planes
from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.workflows.adapt import AdaptedModel, Progress, adapt_steps
from napari_metaseg.workflows.adapted import View
from napari_metaseg.workflows.lens import Lens
from napari_metaseg.workflows.preview import SIDE, Frame, choose_window

from .painting import paint

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.results import Part


def listen(
    steps: Generator[Progress, None, AdaptedModel],
) -> tuple[list[Progress], AdaptedModel]:
    told: list[Progress] = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as stop:
            return told, stop.value


def parts(told: list[Progress]) -> list[Part]:
    return [p.part for p in told if p.part is not None]


def everything(model: AdaptedModel) -> tuple[torch.Tensor, np.ndarray, object]:
    adapted = model.segmenter.network.adapted.params
    parameters = torch.cat([p.flatten() for p in adapted.values()])
    return parameters, np.asarray(model.labels), model.report


@pytest.mark.parametrize("bundle", ["imaml", None])
def test_looking_on_changes_no_bit_of_the_result(
    scene: Scene, painted: np.ndarray, small: str, bundle: str | None
) -> None:
    init = bundle or small  # of the second, all layers move

    plain = adapt_steps(scene.image, painted, init=init, device="cpu", previews=False)
    told, without = listen(plain)
    assert not parts(told)
    told, seen = listen(adapt_steps(scene.image, painted, init=init, device="cpu"))

    assert parts(told)
    parameters, labels, report = everything(without)
    same_parameters, same_labels, same_report = everything(seen)
    assert torch.equal(parameters, same_parameters)
    np.testing.assert_array_equal(labels, same_labels)
    assert report == same_report


def test_the_last_look_shows_what_comes_out(scene: Scene, painted: np.ndarray) -> None:
    look_at = 0, slice(30, 130), slice(20, 140)

    steps = adapt_steps(scene.image, painted, device="cpu", look_at=look_at)
    told, model = listen(steps)

    last = parts(told)[-1]
    assert last.place == look_at[1:]
    found = model.found(DecodeSettings())[last.place]
    assert last.labels.shape == found.shape
    assert last.labels.dtype == np.int32
    interior = np.s_[20:-20, 20:-20]
    same = (last.labels > 0)[interior] == (found > 0)[interior]
    assert same.mean() > 0.98
    inside = np.setdiff1d(last.labels[interior], 0)
    matched = iou_matrix(last.labels, found).max(1, initial=0)
    good = matched[np.isin(np.setdiff1d(last.labels, 0), inside)]
    assert np.median(good) > 0.9


def test_every_step_is_told_with_its_loss_and_its_own_cells(
    scene: Scene, painted: np.ndarray
) -> None:
    told, model = listen(adapt_steps(scene.image, painted, init="imaml", device="cpu"))

    steps = [p for p in told if p.stage == "adapt" and p.part is not None]
    assert len(steps) >= 2
    assert all(p.loss is not None for p in steps[1:])
    own = [p.part.own_iou for p in steps if p.part is not None]
    assert all(score is not None and 0 <= score <= 1 for score in own)
    assert model.report is not None
    assert own[-1] == pytest.approx(model.report.own_iou_after, abs=0.1)


def test_a_part_of_a_stack_lies_in_its_plane(scene: Scene, small: str) -> None:
    annotation = paint(scene.masks)
    stack = np.stack([scene.image, scene.image[::-1]])
    drawn = np.stack([np.zeros_like(annotation), annotation[::-1]])

    told, model = listen(adapt_steps(stack, drawn, axes="TYX", init=small))

    first = parts(told)[0]
    assert first.place[0] == 1
    assert np.asarray(model.labels)[first.place].shape == first.labels.shape


def test_axes_in_any_order_get_their_part_in_theirs(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    narrow = 0, slice(20, 100), slice(30, 140)
    straight = adapt_steps(scene.image, painted, init=small, look_at=narrow)
    turned = adapt_steps(
        scene.image.T, painted.T, axes="XY", init=small, look_at=narrow
    )

    (one, *_), (other, *_) = parts(listen(straight)[0]), parts(listen(turned)[0])

    assert other.place == one.place[::-1]
    np.testing.assert_array_equal(other.labels.T, one.labels)


def view_of(shape: tuple[int, int], box: tuple[slice, slice] | None) -> View:
    annotation = np.zeros(shape, np.int32)
    if box is not None:
        annotation[box] = 3
    return View(as_planes(np.random.default_rng(0).random(shape)), annotation)


@pytest.mark.parametrize("zoom", [0.5, 1.0, 3.0])
def test_a_large_part_is_narrowed_down_around_a_painted_cell(zoom: float) -> None:
    cell = slice(700, 720), slice(100, 130)
    view = view_of((900, 800), cell)
    lens = Lens.of(view.planes, 24 / zoom, 24)

    plane, rows, columns = choose_window(view, lens, None)

    assert plane == 0
    assert (rows.stop - rows.start) * zoom <= SIDE
    assert (columns.stop - columns.start) * zoom <= SIDE
    assert rows.start <= 700 < 720 <= rows.stop <= 900
    assert 0 <= columns.start <= 100 < 130 <= columns.stop


def test_a_part_without_painted_cells_is_looked_at_in_its_middle() -> None:
    view = view_of((900, 800), None)
    lens = Lens.of(view.planes, 24, 24)

    large = choose_window(view, lens, (5, slice(0, 400), slice(300, 5000)))

    assert large == (0, slice(104, 296), slice(454, 646))
    small = choose_window(view, lens, (0, slice(10, 50), slice(20, 90)))
    assert small == (0, slice(10, 50), slice(20, 90))


def test_a_part_is_decoded_as_the_settings_say() -> None:
    view = view_of((64, 64), None)
    lens = Lens.of(view.planes, 24, 24)
    maps = np.zeros((2, 64, 64), np.float16)
    maps[:, 4:24, 4:24] = maps[:, 40:60, 40:64] = 0.9

    def shown(**rules: object) -> set[int]:
        window = 0, slice(0, 64), slice(0, 64)
        frame = Frame(lens, view, window, DecodeSettings(**rules))  # type: ignore[arg-type]
        return set(np.unique(frame.show(maps).labels).tolist())

    assert shown() == {0, 1, 2}
    assert shown(region=True) == {0, 1}
    assert shown(threshold=0.95) == {0}
    # What the part cuts off need not lie at the border of the image.
    assert shown(clear_border=True) == {0, 1, 2}


def test_where_nothing_is_drawn_yet_stays_what_was_shown() -> None:
    view = view_of((64, 64), None)
    lens = Lens.of(view.planes, 24, 24)
    frame = Frame(lens, view, (0, slice(0, 64), slice(0, 64)), DecodeSettings())
    shown = np.zeros((1, 64, 64), np.int32)
    shown[:, 4:24, 4:24], shown[:, 4:24, 40:60] = 5, 8
    frame.follow(shown)
    maps = np.zeros((2, 64, 64), np.float16)
    maps[:, 5:24, 5:24] = 0.9
    left = np.zeros((64, 64), bool)
    left[:, :32] = True

    half = frame.show(maps, left).labels
    whole = frame.show(maps, np.ones_like(left)).labels

    assert set(np.unique(half[:, :32])) == {0, 5}
    np.testing.assert_array_equal(half[:, 32:], shown[0, :, 32:])
    np.testing.assert_array_equal(whole[:, :32], half[:, :32])
    assert not whole[:, 32:].any()


def test_the_first_of_a_list_may_be_all_that_is_segmented(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    other = sample_scene("fluorescence", size=(120, 130), seed=8)
    images, drawn = [scene.image, other.image], [painted, paint(other.masks)]

    both = listen(adapt_steps(images, drawn, init=small, device="cpu"))[1]
    steps = adapt_steps(images, drawn, init=small, device="cpu", only_first=True)
    first = listen(steps)[1]

    # Both learn from both. What is shown may differ: the un-adapted share and the
    # verdict are told by the cells of the images that are segmented.
    learned, expected = (m.segmenter.network.adapted.params for m in (first, both))
    assert learned.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(learned[name], tensor, rtol=0, atol=0)
    assert isinstance(first.labels, np.ndarray)
    assert isinstance(both.labels, list)
    assert first.report is not None
    assert both.report is not None
    assert first.report.n_cells == both.report.n_cells == 6
    assert first.memory < both.memory


def test_a_result_is_decoded_when_it_is_asked_for(
    scene: Scene, painted: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, model = listen(adapt_steps(scene.image, painted, init=small, previews=False))
    assert told
    calls: list[object] = []
    decode = plane_output.decode

    def counted(*arguments: object, **further: object) -> object:
        calls.append(arguments)
        return decode(*arguments, **further)  # type: ignore[arg-type]

    monkeypatch.setattr(plane_output, "decode", counted)

    assert model.labels is model.labels
    assert len(calls) == 1
    assert model.initial_labels is model.initial_labels
    assert len(calls) == 2


def test_a_model_keeps_no_image(scene: Scene, painted: np.ndarray, small: str) -> None:
    image = scene.image.astype(np.float64)
    gone = weakref.ref(image)
    model = listen(adapt_steps(image, painted, init=small, previews=False))[1]

    del image
    gc.collect()

    assert gone() is None
    assert model.memory > painted.nbytes
