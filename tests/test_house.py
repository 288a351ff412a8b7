"""What the package promises as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from napari_metaseg import __version__

ROOT = Path(__file__).resolve().parent.parent
QT = {"qtpy", "PyQt6", "PySide6"}


def loaded_by(statements: str) -> set[str]:
    """Return the top-level modules that a fresh Python has after some statements."""
    program = f"{statements}; import sys; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in answer.stdout.split()}


def test_importing_the_package_loads_neither_torch_nor_qt() -> None:
    loaded = loaded_by("import napari_metaseg")

    assert not loaded & (QT | {"torch", "napari", "numpy", "skimage", "scipy"})


@pytest.mark.parametrize("name", ["adapt", "load"])
def test_the_public_names_load_no_qt(name: str) -> None:
    assert not loaded_by(f"from napari_metaseg import {name}") & QT


def test_the_shell_loads_no_qt() -> None:
    assert not loaded_by("import napari_metaseg.cli") & (QT | {"napari"})


def test_the_panel_loads_no_torch() -> None:
    assert "torch" not in loaded_by("import napari_metaseg.gui.adapt_panel")


def test_every_file_states_the_same_version() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")

    assert version("napari-metaseg") == __version__
    assert f"\nversion: {__version__}\n" in cited


def test_the_readme_names_the_system_packages_that_the_commands_need() -> None:
    sys_path = [*sys.path]
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import _environment
    finally:
        sys.path[:] = sys_path
    command = re.search(
        r"apt-get install ((?:[^\n]*\\\n)*[^\n]*)",
        (ROOT / "README.md").read_text(encoding="utf-8"),
    )

    assert command is not None
    named = set(command[1].replace("\\", " ").split())
    assert named >= {*_environment.SYSTEM_PACKAGES, "python3-venv"}
