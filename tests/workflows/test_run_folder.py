"""The folder of a run, in which other files may lie, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_metaseg.workflows.run_folder import claim

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"steps": 3}
# A folder is told from a file by its name, as in the shell.
FOREIGN = [
    "mail/deep/.download.part",
    "other/.stuff.part/",
    ".note.part",
    ".mail.old/",
    "control",
]
OWN = [
    ".metaseg-0123456789ab.part",
    "gallery/.metaseg-0123456789ab.part",
    ".checkpoint.safetensors.part",
    ".bundle.part/.metaseg-0123456789ab.part",
    ".validated.part/card.json",
    "..validated.part.part/card.json",
    "..validated.part.old/card.json",
    ".bundle.old/card.json",
]


def put(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_text(name)


def found(folder: Path, names: list[str]) -> list[str]:
    return [name for name in names if (folder / name).exists()]


@pytest.mark.parametrize("resume", [False, True])
def test_what_others_write_stays(tmp_path: Path, resume: bool) -> None:
    put(tmp_path, FOREIGN)
    claim(tmp_path, SETTINGS, resume=False)

    if resume:
        claim(tmp_path, SETTINGS, resume=True)

    assert found(tmp_path, FOREIGN) == FOREIGN


def test_a_resumed_run_clears_away_its_own(tmp_path: Path) -> None:
    claim(tmp_path, SETTINGS, resume=False)
    put(tmp_path, ["bundle/card.json", *OWN])

    claim(tmp_path, SETTINGS, resume=True)

    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")}
    assert left == {"settings.json", "gallery", "bundle", "bundle/card.json"}


def test_what_a_run_was_asked_before_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("pause")

    claim(tmp_path, SETTINGS, resume=False)

    assert not (tmp_path / "control").exists()


def test_a_bundle_that_was_being_replaced_is_brought_back(tmp_path: Path) -> None:
    claim(tmp_path, SETTINGS, resume=False)
    put(tmp_path, [".bundle.old/card.json"])

    claim(tmp_path, SETTINGS, resume=True)

    assert found(tmp_path, ["bundle/card.json", ".bundle.old"]) == ["bundle/card.json"]
