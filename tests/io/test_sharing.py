from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch

from napari_metaseg.cli import main
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.io.bundle import (
    builtin_names,
    bundled_names,
    find_bundle,
    load_bundle,
    save_bundle,
)
from napari_metaseg.io.sharing import export_bundle, import_bundle, install_bundle

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Architecture(widths=(4, 4, 4, 8))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep own bundles in a folder of the test."""
    monkeypatch.setenv("NAPARI_METASEG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    params = {k: v.detach() for k, v in PrototypeUNet(SMALL).named_parameters()}
    card = {
        "name": "fomaml",
        "algorithm": "fomaml",
        "architecture": SMALL.as_dict(),
        "working_diameter": 24.0,
        "recipe": {"steps": 2, "rates": dict.fromkeys(params, 0.01)},
    }
    save_bundle(tmp_path / "bundle", params, card)
    return tmp_path / "bundle"


@pytest.fixture
def file(bundle: Path, tmp_path: Path) -> Path:
    return export_bundle(bundle, tmp_path / "mine.zip")


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_one_file_takes_a_bundle_to_another_machine(file: Path, bundle: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["card.json", "weights.safetensors"]
        assert archive.testzip() is None

    assert import_bundle(file) == "mine"

    assert bundled_names() == [*builtin_names(), "mine"]
    found = load_bundle("mine")
    assert found.path == find_bundle("mine")
    assert weights(found.path) == weights(bundle)
    before = load_bundle(bundle).card
    assert found.card == before | {"name": "mine"}


def test_the_same_bundle_is_the_same_file(
    file: Path, bundle: Path, tmp_path: Path
) -> None:
    again = export_bundle(bundle, tmp_path / "again.zip")

    assert again.read_bytes() == file.read_bytes()


def test_a_finished_run_is_installed_under_a_name(bundle: Path, home: Path) -> None:
    folder = install_bundle(bundle, "Friday afternoon")

    assert folder == home / "models" / "Friday afternoon"
    assert load_bundle("Friday afternoon").card["name"] == "Friday afternoon"
    with pytest.raises(UserError, match="already; choose another name"):
        install_bundle(bundle, "Friday afternoon")
    install_bundle(bundle, "Friday afternoon", overwrite=True)
    assert [p.name for p in (home / "models").iterdir()] == ["Friday afternoon"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../up", "a/b", "a\\b", ".hidden", "-x", "a" * 65, "a ", "ä"],
)
def test_names_that_are_none_are_refused(bundle: Path, home: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot name"):
        install_bundle(bundle, name)

    assert not home.exists()


def test_built_in_names_stay_what_they_are(bundle: Path, home: Path) -> None:
    first = builtin_names()[0]

    with pytest.raises(UserError, match="comes with the program"):
        install_bundle(bundle, first.upper(), overwrite=True)
    # Put there by hand.
    (home / "models").mkdir(parents=True)
    bundle.rename(home / "models" / first)

    assert bundled_names() == builtin_names()
    assert find_bundle(first).parent != home / "models"


def rewrite(file: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    "name", ["../../evil.py", "/evil.py", "sub/card.json", "readme.txt", "C:\\evil.py"]
)
def test_nothing_but_card_and_weights_is_read(
    file: Path, home: Path, name: str
) -> None:
    rewrite(file, members(file) | {name: b"evil"})

    with pytest.raises(UserError, match="and nothing else"):
        import_bundle(file)

    assert not home.exists()


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_both_must_be_there(file: Path, home: Path, name: str) -> None:
    rewrite(file, {k: v for k, v in members(file).items() if k != name})

    with pytest.raises(UserError, match="is no bundle"):
        import_bundle(file)


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_a_zip_bomb_is_refused(file: Path, home: Path, name: str) -> None:
    rewrite(file, members(file) | {name: bytes(2**23)})
    assert file.stat().st_size < 2**18

    with pytest.raises(UserError, match="is too large"):
        import_bundle(file)

    assert not home.exists()


def test_a_member_twice_is_refused(file: Path, home: Path) -> None:
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(file, "a") as archive,
    ):
        archive.writestr("card.json", b"{}")

    with pytest.raises(UserError, match="and nothing else"):
        import_bundle(file)


def test_weights_that_the_card_does_not_know_are_refused(
    file: Path, home: Path
) -> None:
    known = members(file)
    changed = bytearray(known["weights.safetensors"])
    changed[-1] ^= 1
    rewrite(file, known | {"weights.safetensors": bytes(changed)})

    with pytest.raises(UserError, match="SHA-256 differs"):
        import_bundle(file)

    assert list((home / "models").iterdir()) == []


def test_another_kind_of_model_is_refused(file: Path, home: Path) -> None:
    known = members(file)
    card = json.loads(known["card.json"]) | {"kind": "adapted-model"}
    rewrite(file, known | {"card.json": json.dumps(card).encode()})

    with pytest.raises(UserError, match="is no meta-initialization"):
        import_bundle(file)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"what?"])
def test_a_damaged_file_gets_a_sentence(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(damage)

    with pytest.raises(UserError, match=r"bad\.zip' is no zip file"):
        import_bundle(tmp_path / "bad.zip")
    with pytest.raises(UserError, match="There is no file"):
        import_bundle(tmp_path / "none.zip")


def test_a_damaged_bundle_is_not_exported(bundle: Path, tmp_path: Path) -> None:
    (bundle / "weights.safetensors").write_bytes(b"")

    with pytest.raises(UserError, match="SHA-256"):
        export_bundle(bundle, tmp_path / "bad.zip")

    assert not (tmp_path / "bad.zip").exists()


def test_the_shell_exports_imports_and_says_whose_they_are(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lab.zip"

    assert main(["models", "--export", str(bundle), str(file)]) == 0
    assert main(["models", "--export", str(bundle), str(file)]) == 2
    assert main(["models", "--import", str(file)]) == 0
    assert main(["models", "--import", str(bundle), "--name", "other"]) == 0
    assert main(["models", "--name", "x"]) == 2
    capsys.readouterr()
    assert main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{builtin_names()[0]}: built in")
    assert [line.partition(",")[0] for line in lines[-2:]] == [
        "lab: yours",
        "other: yours",
    ]
