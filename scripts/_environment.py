"""An environment of the project's own, for the two commands beside this file.

Only the standard library is used, and the syntax of Python 3.7 up to the check of
the version, so that an old Python gets a sentence instead of a traceback.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
BINDINGS = ("pyqt6", "pyside6")
OLDEST_PYTHON = (3, 11)
# What Qt 6 and napari need on a bare Debian 12; the README lists the same.
SYSTEM_PACKAGES = (
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libgl1",
    "libgl1-mesa-dri",
    "libglib2.0-0",
    "libopengl0",
    "libx11-xcb1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-shm0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
    "xauth",
    "xvfb",
)
_INSTALL_PACKAGES = "sudo apt-get install " + " ".join(SYSTEM_PACKAGES)
_TRY_WINDOW = "from qtpy.QtWidgets import QApplication; QApplication([])"


def check_python() -> None:
    """Check that this Python is new enough and can make environments.

    Raises
    ------
    SystemExit
        With one sentence, if not.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    oldest = ".".join(map(str, OLDEST_PYTHON))
    if tuple(sys.version_info[:2]) < OLDEST_PYTHON:
        stop(
            f"This is Python {version}, and napari-metaseg needs {oldest} or newer; "
            "run this command with a newer Python."
        )
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        stop(
            "This Python lacks the modules venv or ensurepip, which make environments; "
            "on Debian or Ubuntu, install them with: sudo apt-get install python3-venv"
        )


def prepare(name: str, binding: str, extras: tuple[str, ...] = ()) -> Path:
    """Return the Python of the environment `name`, made and filled if need be.

    Parameters
    ----------
    name : str
        Folder below ``.venvs``.
    binding : str
        Qt binding to install, one of `BINDINGS`.
    extras : tuple of str
        Further optional dependencies of the package.

    Raises
    ------
    SystemExit
        With one sentence, if the installation fails.
    """
    folder = ROOT / ".venvs" / name
    python = _python_of(folder)
    stamp = folder / "installed.txt"
    wanted = ",".join((binding, *extras))
    state = _state_of_sources(wanted)
    if _is_usable(python):
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
            return python
    else:
        print(f"Making an environment in {folder}", flush=True)
        _run_or_stop(
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            f"The environment in {folder} could not be made; see the message above.",
        )
    stamp.unlink(missing_ok=True)
    print("Installing napari-metaseg and what it needs (minutes, once)", flush=True)
    # Most modules are never imported, and need not be compiled.
    pip = [str(python), "-m", "pip", "install", "--no-compile"]
    _run_or_stop(
        [*pip, "--editable", f"{ROOT}[{wanted}]"],
        "The installation failed; see pip's message above, check the network, and "
        "run this command again.",
    )
    stamp.write_text(state, encoding="utf-8")
    return python


def environment_for(binding: str) -> dict[str, str]:
    """Return the environment variables that select a Qt binding."""
    return {**os.environ, "QT_API": binding, "PYTEST_QT_API": binding}


def check_window(prefix: list[str], python: Path, env: dict[str, str]) -> None:
    """Check on Linux that Qt can open a window, before anything else tries.

    Parameters
    ----------
    prefix : list of str
        Command before Python's, such as ``xvfb-run -a``.
    python : Path
        Python of the environment.
    env : dict
        Environment variables.

    Raises
    ------
    SystemExit
        With one sentence that names the system packages, if it cannot.
    """
    if not sys.platform.startswith("linux"):
        return
    command = [*prefix, str(python), "-c", _TRY_WINDOW]
    if subprocess.run(command, env=env, check=False).returncode:
        stop("Qt cannot open a window here." + _packages_hint())


def has_display() -> bool:
    """Return whether windows have somewhere to go."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def virtual_display() -> list[str]:
    """Return the command that runs another one on a virtual display.

    Qt's "offscreen" platform would not do: it has no OpenGL, and napari's image
    layers need it.

    Raises
    ------
    SystemExit
        With one sentence, if ``xvfb-run`` is missing.
    """
    if shutil.which("xvfb-run") is None:
        stop(
            "There is no display, and no xvfb-run to make a virtual one."
            + _packages_hint()
        )
    return ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]


def stop(sentence: str) -> NoReturn:
    """End the command with a sentence for the person who ran it."""
    sys.exit(sentence)


def _packages_hint() -> str:
    return f" On Debian or Ubuntu, install what it needs with: {_INSTALL_PACKAGES}"


def _python_of(folder: Path) -> Path:
    if os.name == "nt":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def _is_usable(python: Path) -> bool:
    """Return whether an environment runs, with the version of this Python."""
    if not python.exists():
        return False
    question = "import sys, pip; print(sys.version)"
    try:
        answer = subprocess.run(
            [str(python), "-c", question],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == sys.version.strip()


def _state_of_sources(wanted: str) -> str:
    """Return a digest of all that decides what an installation contains."""
    digest = hashlib.sha256(f"{ROOT} {wanted}".encode())
    for name in ("pyproject.toml", "hatch_build.py", "napari.yaml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _run_or_stop(command: list[str], sentence: str) -> None:
    if subprocess.run(command, check=False).returncode:
        stop(sentence)
