"""The command itself: its lines, its exit status, and how fast it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from napari_metaseg import __version__
from napari_metaseg.cli import main
from napari_metaseg.io.bundle import bundled_names

ROOT = Path(__file__).resolve().parent.parent.parent


def test_models_lists_what_is_bundled(shell) -> None:
    outcome = shell("models")

    assert outcome.status == 0
    assert [line.partition(":")[0] for line in outcome.out.splitlines()] == (
        bundled_names()
    )


@pytest.mark.parametrize(
    "line", ["", "paint", "adapt", "adapt cells.tif", "segment", "models --all"]
)
def test_a_wrong_command_line_is_bad_input(shell, line: str) -> None:
    with pytest.raises(SystemExit) as caught:
        shell(line)

    assert caught.value.code == 2


def test_a_name_that_no_terminal_can_show_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stderr", TextIOWrapper(written, "utf-8", "strict"))

    status = main(["segment", "no\udcb5model", "a.tif", "--output-dir", "out"])

    sys.stderr.flush()
    assert status == 2
    assert rb"no\udcb5model" in written.getvalue()


def in_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_module_is_the_command() -> None:
    answer = in_python("-m", "napari_metaseg", "--version")

    assert (answer.returncode, answer.stdout.strip()) == (0, __version__)


def test_bad_input_shows_no_traceback() -> None:
    answer = in_python(
        "-m", "napari_metaseg", "segment", "no", "x", "--output-dir", "y"
    )

    assert answer.returncode == 2
    assert answer.stderr.startswith("napari-metaseg: ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["--help", "adapt --help", "--version", "adapt"])
def test_help_needs_no_torch(line: str) -> None:
    program = (
        "import sys\n"
        "from napari_metaseg.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print('torch' in sys.modules, 'numpy' in sys.modules)\n"
    )

    answer = in_python("-c", program, *line.split())

    assert answer.stdout.splitlines()[-1] == "False False"


def test_a_reader_that_goes_away_ends_a_command_quietly() -> None:
    """As ``napari-metaseg models | head -0`` does."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "napari_metaseg", "models"],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(writing)

    assert done.stderr == ""
    assert done.returncode == 130
