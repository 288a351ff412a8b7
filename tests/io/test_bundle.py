from __future__ import annotations

import hashlib
import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import Architecture, Params, PrototypeUNet
from napari_metaseg.io.bundle import (
    builtin_names,
    bundled_names,
    find_bundle,
    load_bundle,
    save_bundle,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = Architecture(widths=(4, 4, 4, 8))


def random_params() -> Params:
    torch.manual_seed(1)
    return {k: v.detach() for k, v in PrototypeUNet(SMALL).named_parameters()}


def card_for(params: Params) -> dict[str, Any]:
    return {
        "name": "small",
        "architecture": SMALL.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 3, "rates": dict.fromkeys(params, 0.01)},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    params = random_params()
    save_bundle(tmp_path / "small", params, card_for(params))
    return tmp_path / "small"


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(card), encoding="utf-8")


def put_weights(folder: Path, data: bytes) -> None:
    """Replace the weights and let the card vouch for them."""
    (folder / "weights.safetensors").write_bytes(data)
    change_card(folder, sha256=hashlib.sha256(data).hexdigest())


def change_weights(folder: Path, change: Callable[[Params], object]) -> None:
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    put_weights(folder, path.read_bytes())


def test_what_was_saved_is_loaded_in_half_precision(folder: Path) -> None:
    params = random_params()

    bundle = load_bundle(folder)

    assert bundle.architecture == SMALL
    assert (bundle.recipe.steps, bundle.diameter) == (3, 24.0)
    assert bundle.recipe.rates == dict.fromkeys(params, 0.01)
    assert bundle.card["name"] == "small"
    assert list(bundle.params) == list(params)
    for name, tensor in bundle.params.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, params[name].half().float())


def test_the_network_that_draws_before_adaptation_is_kept_beside(
    folder: Path,
) -> None:
    params = random_params()
    alone = load_bundle(folder)
    assert alone.unadapted is alone.params
    other = {k: v + 1 for k, v in params.items()}

    save_bundle(folder, params, card_for(params), unadapted=other, overwrite=True)

    bundle = load_bundle(folder)
    for name, tensor in params.items():
        assert torch.equal(bundle.params[name], tensor.half().float())
        assert torch.equal(bundle.unadapted[name], (tensor + 1).half().float())


def test_a_bundle_is_replaced_only_when_that_is_allowed(folder: Path) -> None:
    params = random_params()
    before = (folder / "card.json").read_bytes()

    with pytest.raises(UserError, match="exists already"):
        save_bundle(folder, params, card_for(params) | {"name": "other"})
    assert (folder / "card.json").read_bytes() == before

    save_bundle(folder, params, card_for(params) | {"name": "other"}, overwrite=True)
    assert load_bundle(folder).card["name"] == "other"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_weights_that_are_not_finite_are_no_bundle(
    tmp_path: Path, value: float
) -> None:
    params = random_params()
    name = next(iter(params))
    wrong = params | {name: torch.full_like(params[name], value)}

    with pytest.raises(UserError, match="not finite"):
        save_bundle(tmp_path / "wrong", wrong, card_for(params))
    assert not (tmp_path / "wrong").exists()


def test_a_network_beyond_4_mb_is_no_bundle(tmp_path: Path) -> None:
    params = random_params() | {"extra": torch.zeros(2**21 + 1)}

    with pytest.raises(UserError, match="at most 4 MB"):
        save_bundle(tmp_path / "large", params, card_for(params))
    assert not (tmp_path / "large").exists()


def test_a_bundle_needs_a_folder_to_stand_in(tmp_path: Path) -> None:
    params = random_params()

    with pytest.raises(UserError, match="cannot be made"):
        save_bundle(tmp_path / "no" / "where", params, card_for(params))


def lose(tensors: Params) -> None:
    del tensors["head.bias"]


def add(tensors: Params) -> None:
    tensors["back.door"] = torch.zeros(3)


def half_of_another(tensors: Params) -> None:
    tensors["unadapted/head.bias"] = tensors["head.bias"].clone()


def widen(tensors: Params) -> None:
    tensors["head.bias"] = torch.zeros(3)


def spoil(tensors: Params) -> None:
    tensors["head.bias"] = torch.tensor([0.0, float("nan")])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lose, "head.bias"),
        (add, "back.door"),
        (widen, "head.bias"),
        (spoil, "head.bias"),
        (half_of_another, "unadapted/bottom.convs.0.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    folder: Path, change: Callable[[Params], object], name: str
) -> None:
    change_weights(folder, change)

    with pytest.raises(UserError, match=f"'{name}' is missing, unknown or wrong"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "architecture",
    [
        None,
        SMALL.as_dict() | {"name": "transformer"},
        SMALL.as_dict() | {"widths": [4, 4, 4]},
        SMALL.as_dict() | {"widths": [4, 4, 4, 100_000]},
        SMALL.as_dict() | {"widths": [4, 4, 4, "8"]},
    ],
)
def test_another_architecture_is_refused(folder: Path, architecture: object) -> None:
    change_card(folder, architecture=architecture)

    with pytest.raises(UserError, match="another network architecture"):
        load_bundle(folder)


def test_one_changed_bit_is_noticed(folder: Path) -> None:
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(UserError, match="SHA-256 differs"):
        load_bundle(folder)


class Trap:
    """Makes a folder when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_disguise_is_not_executed(folder: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    data = pickle.dumps(Trap(sprung))
    put_weights(folder, data)

    with pytest.raises(UserError, match="not in safetensors format"):
        load_bundle(folder)

    assert not sprung.exists()
    pickle.loads(data)
    assert sprung.exists(), "the trap works"


def test_a_torch_file_in_disguise_is_refused(folder: Path, tmp_path: Path) -> None:
    torch.save(random_params(), tmp_path / "w.pt")
    put_weights(folder, (tmp_path / "w.pt").read_bytes())

    with pytest.raises(UserError, match="not in safetensors format"):
        load_bundle(folder)


def test_a_file_of_many_gigabytes_is_not_read(folder: Path) -> None:
    with (folder / "weights.safetensors").open("r+b") as file:
        file.truncate(2**33)

    with pytest.raises(UserError, match="too large"):
        load_bundle(folder)


def test_missing_weights_are_told(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()

    with pytest.raises(UserError, match="missing or cannot be read"):
        load_bundle(folder)


def test_a_folder_without_a_card_is_no_bundle(folder: Path) -> None:
    (folder / "card.json").unlink()

    with pytest.raises(UserError, match="There is no initialization"):
        load_bundle(folder)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b'{"schema": 1'])
def test_a_damaged_card_is_told(folder: Path, text: bytes) -> None:
    (folder / "card.json").write_bytes(text)

    with pytest.raises(UserError, match="missing or damaged"):
        load_bundle(folder)


@pytest.mark.parametrize("text", ['{"schema": 2}', "{}", "[1, 2]", "null"])
def test_a_card_of_another_schema_is_told(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text, encoding="utf-8")

    with pytest.raises(UserError, match="another version"):
        load_bundle(folder)


def test_a_deeply_nested_card_is_damaged(folder: Path) -> None:
    (folder / "card.json").write_text("[" * 200_000, encoding="utf-8")

    with pytest.raises(UserError, match="missing or damaged"):
        load_bundle(folder)


def test_an_adapted_model_is_no_initialization(folder: Path) -> None:
    change_card(folder, kind="adapted-model")

    with pytest.raises(UserError, match="no meta-initialization but 'adapted-model'"):
        load_bundle(folder)


def rates(value: object) -> dict[str, object]:
    return dict.fromkeys(random_params(), value)


@pytest.mark.parametrize(
    "recipe",
    [
        None,
        {"steps": 3},
        {"steps": 3, "rates": {}},
        {"steps": 3, "rates": rates(0.1) | {"other": 0.1}},
        {"steps": 3, "rates": rates("0.1")},
        {"steps": 3, "rates": rates(float("nan"))},
        {"steps": 3, "rates": rates(-0.1)},
        {"steps": -1, "rates": rates(0.1)},
        {"steps": 10**9, "rates": rates(0.1)},
        {"steps": "3", "rates": rates(0.1)},
    ],
)
def test_an_unusable_recipe_is_told(folder: Path, recipe: object) -> None:
    change_card(folder, recipe=recipe)

    with pytest.raises(UserError, match="lacks a usable inner-loop recipe"):
        load_bundle(folder)


@pytest.mark.parametrize("diameter", [None, 0, 1e9, float("nan"), "24"])
def test_an_unusable_working_diameter_is_told(folder: Path, diameter: object) -> None:
    change_card(folder, working_diameter=diameter)

    with pytest.raises(UserError, match="lacks a usable inner-loop recipe"):
        load_bundle(folder)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="no initialization 'mamba'") as caught:
        find_bundle("mamba")

    assert bundled_names()
    assert all(name in str(caught.value) for name in bundled_names())


@pytest.mark.parametrize("name", bundled_names())
def test_what_is_bundled_is_small_and_tells_its_origin(name: str) -> None:
    bundle = load_bundle(name)

    weights = bundle.path / "weights.safetensors"
    assert weights.stat().st_size <= 4 * 2**20
    assert {t.dtype for t in load_file(weights).values()} == {torch.float16}
    assert sum(p.numel() for p in bundle.params.values()) <= 2_000_000
    tasks = bundle.card["training"]["tasks"]
    assert len(tasks) > 1
    assert all(t["task"] and t["source"] and t["licence"] for t in tasks)
    assert not any("unknown" in t["licence"].lower() for t in tasks)
    assert bundle.card["training"]["command"].startswith("napari-metaseg meta-train")
    assert bundle.card["training"]["how_far"]
    assert len(bundle.card["metrics"]["curve"]) > 1


def test_all_that_is_bundled_shares_one_architecture() -> None:
    assert len({load_bundle(name).architecture for name in builtin_names()}) == 1
