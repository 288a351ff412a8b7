"""Gathering image files from any mix of files and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.gather import gather


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "a/b/c/2.tif",
        "a/b/10.TIFF",
        "a/1.png",
        "a/1_labels.tif",
        "a/.hidden.tif",
        "a/.git/x.tif",
        "a/notes.txt",
        "a/README",
        "d/1.jpg",
        "loose.dat",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def places(*names: str, **options: tuple[str, ...]) -> list[str]:
    return [str(s.place) for s in gather([Path(n) for n in names], **options)[0]]


def test_a_folder_is_searched_with_its_sub_folders(here: Path) -> None:
    sources, others = gather([Path("a")])

    assert [(s.path, str(s.place)) for s in sources] == [
        (Path("a/1.png"), "1"),
        (Path("a/b/10.TIFF"), "b/10"),
        (Path("a/b/c/2.tif"), "b/c/2"),
    ]
    assert others == {".txt": 1, "README": 1}


def test_several_folders_keep_their_names(here: Path) -> None:
    assert places("a", "d/", "loose.dat") == [
        "a/1",
        "a/b/10",
        "a/b/c/2",
        "d/1",
        "loose",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.tif*", ["b/10", "b/c/2"]),
        ("*.PNG", ["1"]),
        ("b/*", ["b/10", "b/c/2"]),
        ("*/c/*", ["b/c/2"]),
        ("1*", ["1", "b/10"]),
    ],
)
def test_patterns_choose(here: Path, pattern: str, expected: list[str]) -> None:
    assert places("a", patterns=(pattern,)) == expected


def test_a_file_that_is_named_is_taken_whatever_its_name(here: Path) -> None:
    assert places("a/1_labels.tif", "missing.tif", "loose.dat") == [
        "1_labels",
        "missing",
        "loose",
    ]


def test_two_results_of_one_name_are_refused(here: Path) -> None:
    (here / "a" / "1.tif").write_bytes(b"x")

    with pytest.raises(UserError, match=r"1\.png and .*1\.tif are both named '1'"):
        gather([Path("a")])
    assert places("a", patterns=("*.tif",)) == ["1", "b/c/2"]
    with pytest.raises(UserError, match="would share one result"):
        gather([Path("a/1.png"), Path("d/1.jpg")])


def test_a_folder_without_images_is_told(here: Path) -> None:
    with pytest.raises(UserError, match=r"no image in a that fits \*\.czi"):
        gather([Path("a")], ("*.czi",))


def test_a_folder_that_cannot_be_read_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)

    with pytest.raises(UserError, match="folder a cannot be read"):
        gather([Path("a")])


def test_an_ome_zarr_is_one_image(here: Path) -> None:
    for name in ("a/b/slide.zarr/0/c/0/0", "a/b/slide.zarr/zarr.json", "a/raw.czi"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (here / "a/slide_labels.zarr").mkdir()

    assert sorted(places("a")) == ["1", "b/10", "b/c/2", "b/slide", "raw"]
    assert places("a/b/slide.zarr") == ["slide"]


def test_linked_folders_are_searched_once(tmp_path: Path) -> None:
    for place in ("data/a.tif", "elsewhere/day2/b.tif"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(b"x")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")

    sources, _ = gather([tmp_path / "data"])

    assert [str(s.place) for s in sources] == ["a", "linked/day2/b"]
