"""Run every check of the project: style, types, layers, manifest and tests.

    python3 scripts/test.py [--binding pyqt6 | pyside6] [arguments of pytest]

The first run makes an environment of its own in ``.venvs/test``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

import _environment as environment

if TYPE_CHECKING:
    from pathlib import Path

# Programs of the environment, with their arguments.
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
    ("npe2", "validate", "napari.yaml"),
)
OPTIONS = (
    # Files stay whole, since their tests share what is slow to make.
    "--numprocesses=auto",
    "--dist=loadfile",
)


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description="Run every check of the project.")
    parser.add_argument(
        "--binding", choices=environment.BINDINGS, default=environment.BINDINGS[0]
    )
    options, pytest_arguments = parser.parse_known_args()
    environment.check_python()
    display = [] if environment.has_display() else environment.virtual_display()
    python = environment.prepare("test", options.binding, extras=("test",))
    variables = environment.environment_for(options.binding)
    # "offscreen" has no OpenGL, without which image layers fail.
    variables.pop("QT_QPA_PLATFORM", None)
    environment.check_window(display, python, variables)
    # qtpy's types are those of PyQt6, see pyproject.toml.
    checks = [c for c in CHECKS if c != ("mypy",) or options.binding == "pyqt6"]
    failed = [" ".join(c) for c in checks if _run(python.parent, c)]
    # Every process has a core of its own: more threads only stand in each other's way.
    variables.setdefault("OMP_NUM_THREADS", "1")
    pytest = [*display, str(python), "-m", "pytest", *OPTIONS, *pytest_arguments]
    status, closing_line = _run_pytest(pytest, variables)
    if failed:
        print(f"Failed before the tests: {', '.join(failed)}.", flush=True)
        print(closing_line, flush=True)
    return status or bool(failed)


def _run(programs: Path, command: tuple[str, ...]) -> int:
    """Run a program of the environment; return its exit status."""
    print(f"\n=== {' '.join(command)}", flush=True)
    program = str(programs / command[0])
    return subprocess.run(
        [program, *command[1:]], cwd=environment.ROOT, check=False
    ).returncode


def _run_pytest(command: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Run pytest, passing its output on; return its status and closing line."""
    print("\n=== pytest", flush=True)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    tail = b""
    with subprocess.Popen(
        [*command, *colour],
        cwd=environment.ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        stream = process.stdout
        assert stream is not None
        for chunk in iter(lambda: stream.read(4096), b""):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            tail = (tail + chunk)[-2000:]
    lines = tail.decode(errors="replace").strip().splitlines()
    return process.returncode, lines[-1] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
