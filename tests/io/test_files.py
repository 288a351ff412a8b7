"""A folder is replaced whole, or stays."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import replace_folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder, and a complete one that is to replace it."""
    for name in ("kept", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "words").write_text(name, encoding="utf-8")
    return tmp_path / "kept", tmp_path / "new"


def refuse(monkeypatch: pytest.MonkeyPatch, complete: Path, error: type) -> None:
    """Let the complete folder not be renamed."""
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path == complete:
            raise error(errno.EACCES, "refused")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)


def words(folder: Path) -> str:
    return (folder / "words").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_name(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    path, complete = pair
    refuse(monkeypatch, complete, error)

    for _ in range(2):
        with pytest.raises((UserError, KeyboardInterrupt)):
            replace_folder(path, complete)

        assert words(path) == "kept"
    assert sorted(path.parent.iterdir()) == [path, complete]


def test_a_folder_whose_replacement_was_killed_is_brought_back(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, complete = pair
    path.rename(path.with_name(".kept.old"))
    with monkeypatch.context() as patched:
        refuse(patched, complete, OSError)
        with pytest.raises(UserError, match="may not be written"):
            replace_folder(path, complete)
    assert words(path) == "kept"

    replace_folder(path, complete)

    assert words(path) == "new"
    assert list(path.parent.iterdir()) == [path]
