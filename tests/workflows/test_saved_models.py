from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from napari_metaseg import adapt, load
from napari_metaseg.core.errors import UserError
from napari_metaseg.io import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.adapt import AdaptedModel


@pytest.fixture(scope="module")
def model(scene: Scene, painted: np.ndarray, small: str) -> AdaptedModel:
    return adapt(scene.image, painted, init=small, device="cpu")


@pytest.fixture
def saved(model: AdaptedModel, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(card), encoding="utf-8")


def change_weights(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    change_card(folder, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("adapted", [True, False])
def test_a_loaded_model_segments_as_the_saved_one(
    model: AdaptedModel, saved: Path, scene: Scene, adapted: bool
) -> None:
    expected = model.segment(scene.image, adapted=adapted)

    np.testing.assert_array_equal(
        load(saved).segment(scene.image, adapted=adapted), expected
    )


def test_a_model_can_be_saved_again(saved: Path, scene: Scene, tmp_path: Path) -> None:
    loaded = load(saved)

    loaded.save(tmp_path / "again")

    again = load(tmp_path / "again")
    np.testing.assert_array_equal(
        again.segment(scene.image), loaded.segment(scene.image)
    )
    first, second = (
        json.loads((folder / "card.json").read_text(encoding="utf-8"))
        for folder in (saved, tmp_path / "again")
    )
    assert first == second


def test_the_bundled_maml_survives_saving_too(
    scene: Scene, painted: np.ndarray, tmp_path: Path
) -> None:
    model = adapt(scene.image, painted, device="cpu")
    expected = model.segment(scene.image)
    assert expected.any()

    model.save(tmp_path / "model")

    np.testing.assert_array_equal(
        load(tmp_path / "model").segment(scene.image), expected
    )


def test_a_model_is_told_from_others_by_its_digest(
    model: AdaptedModel, saved: Path
) -> None:
    digest = load(saved).segmenter.digest()

    assert digest == model.segmenter.digest()
    assert len(digest) == 64
    prototype = "adapted/context/prototype"
    change_weights(saved, lambda t: t.update({prototype: t[prototype] + 1e-6}))
    assert load(saved).segmenter.digest() != digest


def test_the_card_tells_where_a_model_comes_from(saved: Path) -> None:
    card = json.loads((saved / "card.json").read_text(encoding="utf-8"))

    assert card["initialization"]["name"] == "small"
    assert card["report"]["n_cells"] == 3
    assert card["seed"] == 0


def test_a_loaded_model_has_no_image(saved: Path) -> None:
    loaded = load(saved)

    assert loaded.report is None
    for ask in (lambda: loaded.labels, lambda: loaded.initial_labels):
        with pytest.raises(UserError, match="does not hold the image"):
            ask()


def test_a_model_is_replaced_only_when_that_is_allowed(
    model: AdaptedModel, saved: Path
) -> None:
    before = (saved / "card.json").read_bytes()

    with pytest.raises(UserError, match="exists already"):
        model.save(saved)

    assert (saved / "card.json").read_bytes() == before
    model.save(saved, overwrite=True)
    load(saved)


def test_a_stop_while_a_model_is_replaced_leaves_the_old_one(
    model: AdaptedModel, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = load(saved).segmenter.digest()

    def stop(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files.os, "replace", stop)
        model.save(saved, overwrite=True)

    assert load(saved).segmenter.digest() == digest
    assert sorted(p.name for p in saved.iterdir()) == [
        "card.json",
        "weights.safetensors",
    ]


def test_a_card_that_tells_no_initialization_is_refused(saved: Path) -> None:
    change_card(saved, initialization=None)

    with pytest.raises(UserError, match="adapted from; save the model again"):
        load(saved)


def test_a_read_only_folder_gets_a_sentence(
    model: AdaptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by its mode: the superuser may write anywhere.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(UserError, match="cannot be made"):
        model.save(tmp_path / "model")


def test_a_file_in_the_way_gets_a_sentence(model: AdaptedModel, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine", encoding="utf-8")

    with pytest.raises(UserError, match="cannot be made"):
        model.save(tmp_path / "model", overwrite=True)

    assert (tmp_path / "model").read_text(encoding="utf-8") == "mine"


def test_an_image_of_another_kind_gets_a_sentence(saved: Path, scene: Scene) -> None:
    colour = np.stack([scene.image] * 3, -1)

    with pytest.raises(UserError, match="uses 1 channel"):
        load(saved).segment(colour)


@pytest.mark.parametrize(
    ("place", "words"), [("nowhere", "is no folder"), (".", "missing or damaged")]
)
def test_no_model_gets_a_sentence(tmp_path: Path, place: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(tmp_path / place)


def test_an_initialization_is_no_adapted_model(small: str) -> None:
    with pytest.raises(UserError, match="no adapted-model"):
        load(small)


def test_a_damaged_model_gets_a_sentence(saved: Path) -> None:
    path = saved / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(UserError, match="SHA-256 differs"):
        load(saved)


def test_a_pickle_in_disguise_is_refused(saved: Path) -> None:
    data = pickle.dumps({"adapted": [1, 2, 3]})
    (saved / "weights.safetensors").write_bytes(data)
    change_card(saved, sha256=hashlib.sha256(data).hexdigest())

    with pytest.raises(UserError, match="not in safetensors format"):
        load(saved)


def lose(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda tensors: tensors.pop(name)


def spoil(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda tensors: tensors[name].fill_(float("nan"))


def cut(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda tensors: tensors.update({name: tensors[name][:-1].clone()})


@pytest.mark.parametrize(
    "name", ["adapted/params/head.bias", "initial/params/head.bias"]
)
@pytest.mark.parametrize("change", [lose, spoil, cut])
def test_weights_that_do_not_fit_are_refused(
    saved: Path, name: str, change: Callable[[str], Callable[[Any], object]]
) -> None:
    change_weights(saved, change(name))

    with pytest.raises(UserError, match=r"'head\.bias' is missing, unknown or wrong"):
        load(saved)


@pytest.mark.parametrize(
    "name",
    [
        "adapted/context/prototype",
        "adapted/evidence/weights",
        "adapted/moments/3",
        "initial/moments/0",
    ],
)
@pytest.mark.parametrize("change", [lose, spoil, cut])
def test_a_wrong_context_is_refused(
    saved: Path, name: str, change: Callable[[str], Callable[[Any], object]]
) -> None:
    change_weights(saved, change(name))

    with pytest.raises(UserError, match="what the painted cells were like"):
        load(saved)


LENS = {
    "channel": None,
    "ranges": [[0.0, 1.0]],
    "diameter": 20.0,
    "working_diameter": 24.0,
}


@pytest.mark.parametrize(
    "lens",
    [
        None,
        [],
        {},
        LENS | {"diameter": 0},
        LENS | {"diameter": "20"},
        LENS | {"diameter": float("inf")},
        LENS | {"diameter": 1e-9},
        LENS | {"working_diameter": float("nan")},
        LENS | {"working_diameter": 1e9},
        LENS | {"channel": "red"},
        LENS | {"ranges": []},
        LENS | {"ranges": [[0.0, 1.0, 2.0]]},
        LENS | {"ranges": [["a", "b"]]},
        LENS | {"ranges": [None]},
        LENS | {"ranges": [[0.0, float("nan")]]},
    ],
)
def test_a_card_without_a_usable_lens_is_refused(saved: Path, lens: object) -> None:
    change_card(saved, lens=LENS)
    load(saved)
    change_card(saved, lens=lens)

    with pytest.raises(UserError, match="how images are looked at"):
        load(saved)
