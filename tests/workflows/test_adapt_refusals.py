"""What cannot be adapted to gets a sentence; a GPU that is full does not end a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_metaseg.core.errors import DeviceError, UserError
from napari_metaseg.core.support import Crops
from napari_metaseg.workflows import adapt as module
from napari_metaseg.workflows.adapt import adapt

from .painting import check_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.data.synthetic import Scene


def forgotten(annotation: np.ndarray) -> np.ndarray:
    return np.zeros_like(annotation)


def only_strokes(annotation: np.ndarray) -> np.ndarray:
    return np.minimum(annotation, 0)


def three_pixels(annotation: np.ndarray) -> np.ndarray:
    tiny = np.zeros_like(annotation)
    tiny[50, 50:53] = 4
    return tiny


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (forgotten, "Nothing is painted"),
        (only_strokes, "Only background is painted"),
        (three_pixels, "Cell 4 covers only 3 px"),
        (np.ones_like, "covers the whole image"),
        (lambda a: a[:-1], "same shape"),
        (lambda a: np.stack([a, a]), "not clear what they are|same shape"),
        (lambda a: a.astype(float), "type float64"),
        (lambda a: np.where(a == -1, -2, a), "below -1"),
    ],
)
def test_an_unusable_annotation_gets_a_sentence(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    change: Callable[[np.ndarray], np.ndarray],
    words: str,
) -> None:
    with pytest.raises(UserError, match=words):
        adapt(scene.image, change(painted), init=small)


def with_one(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(image: np.ndarray) -> np.ndarray:
        spoilt = image.astype(float)
        spoilt[3, 4] = value
        return spoilt

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_one(np.nan), "not finite"),
        (with_one(np.inf), "not finite"),
        (np.zeros_like, "constant"),
        (lambda i: i[:0], "empty"),
        (lambda i: i.astype(complex), "complex"),
        (lambda i: i.astype(str), "convert it to real numbers"),
        (lambda i: i[0], "not clear what they are"),
        (lambda i: np.stack([i] * 5)[None], "say so with axes"),
    ],
)
def test_an_unusable_image_gets_a_sentence(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    change: Callable[[np.ndarray], np.ndarray],
    words: str,
) -> None:
    with pytest.raises(UserError, match=words):
        adapt(change(scene.image), painted, init=small)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"axes": "TYX"}, "do not describe"),
        ({"axes": "XX"}, "do not describe"),
        ({"axes": "AB"}, "do not describe"),
        ({"channel": 2}, "no channel 2"),
        ({"diameter": 0}, "above 0"),
        ({"diameter": -3.0}, "above 0"),
        ({"diameter": float("nan")}, "above 0"),
        ({"init": "mamba"}, "no initialization 'mamba'"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"mirrors": 3}, "choose 1, 2 or 4"),
    ],
)
def test_unusable_arguments_get_a_sentence(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    arguments: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(UserError, match=words):
        adapt(scene.image, painted, **{"init": small} | arguments)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_image_needs_its_annotation(
    scene: Scene, painted: np.ndarray, small: str, count: int
) -> None:
    with pytest.raises(UserError, match="one annotation for each image"):
        adapt([scene.image] * 2, [painted] * count, init=small)


def test_each_image_needs_its_axes_where_they_are_listed(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    with pytest.raises(UserError, match="2 images but the axes of 1"):
        adapt([scene.image] * 2, [painted] * 2, axes=["YX"], init=small)


def test_no_image_at_all_gets_a_sentence(small: str) -> None:
    with pytest.raises(UserError, match="0 images"):
        adapt([], [], init=small)


def test_images_of_a_list_are_of_one_kind(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    with pytest.raises(UserError, match="image of the same kind"):
        adapt(
            [scene.image, np.stack([scene.image] * 3, -1)],
            [painted, painted],
            init=small,
        )


def test_a_device_that_is_not_there_gets_a_sentence(
    scene: Scene, painted: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(DeviceError, match="'cuda' cannot be used"):
        adapt(scene.image, painted, init=small, device="cuda")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "ran out of memory"),
        (RuntimeError("MPS backend out of memory (9 GB)"), "ran out of memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "ran out of memory"),
        (NotImplementedError("aten::x on MPS"), "lacks an operation"),
    ],
)
def test_a_full_gpu_falls_back_to_the_cpu_and_says_so(
    scene: Scene,
    painted: np.ndarray,
    small: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
) -> None:
    true_move = Crops.to

    def move(crops: Crops, device: torch.device) -> Crops:
        if torch.device(device).type == "cuda":
            raise error
        return true_move(crops, device)

    monkeypatch.setattr(module, "pick_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(Crops, "to", move)

    found = adapt(scene.image, painted, init=small)

    check_labels(found.labels, painted)
    assert found.report is not None
    assert found.report.device == "cpu"
    assert words in found.report.note
    assert "ran on the CPU instead" in found.report.note


def test_any_other_failure_of_a_gpu_is_not_hidden(
    scene: Scene, painted: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Crops:
        raise RuntimeError("device-side assert")

    monkeypatch.setattr(module, "pick_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(Crops, "to", fail)

    with pytest.raises(RuntimeError, match="device-side assert"):
        adapt(scene.image, painted, init=small)


@pytest.mark.parametrize("strokes", [False, True])
def test_a_size_at_which_nothing_is_left_of_the_cells_gets_a_sentence(
    scene: Scene, small: str, strokes: bool
) -> None:
    annotation = np.zeros(scene.image.shape, np.int32)
    annotation[50:54, 50:54] = 1
    annotation[10:40, 10:40] = -int(strokes)

    with pytest.raises(UserError, match="size is 2000 px, so large that nothing"):
        adapt(scene.image, annotation, diameter=2000.0, init=small, device="cpu")
