"""The commands that train the bundled initializations anew are those of their cards."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from napari_metaseg.cli import make_parser

ROOT = Path(__file__).resolve().parents[2]


def test_the_commands_of_all_bundled_models_are_printed_in_order() -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts" / "retrain.py", "my tasks"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout

    assert {line.partition("# models/")[2] for line in printed.splitlines()} == {
        "",
        *(card.parent.name for card in ROOT.glob("models/*/card.json")),
    }
    made: set[str] = set()
    for line in printed.splitlines():
        options = make_parser().parse_args(shlex.split(line, comments=True)[1:])
        assert options.data == Path("my tasks")
        needed = {getattr(options, name, None) for name in ("init", "unadapted")}
        assert needed - {None} <= made
        assert str(options.output) not in made
        made |= {str(options.output), f"{options.output}/bundle"}
