"""A shell in a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import tifffile

from napari_metaseg.cli import main

from .scene import ANNOTATION, SCENE


class Outcome(NamedTuple):
    """Exit status and what was printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an image, its annotation and another image."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cells.tif", SCENE.image)
    tifffile.imwrite("painted.tif", ANNOTATION)
    tifffile.imwrite("other.tif", SCENE.image[::-1, ::-1])
    Path("broken.tif").write_bytes(b"II*\0 and no more")
    return tmp_path


@pytest.fixture
def shell(here: Path, capsys: pytest.CaptureFixture[str]) -> object:
    def run(line: str) -> Outcome:
        status = main(line.split())
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return run
