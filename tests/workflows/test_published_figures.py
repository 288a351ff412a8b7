"""The benchmark that is published is that of the bundles, and of its rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from skimage.io import imread

from napari_metaseg.io.bundle import builtin_names, load_bundle
from napari_metaseg.workflows.benchmark import Choice, make_methods
from napari_metaseg.workflows.benchmark.methods.adaptation import bundle_fingerprint
from napari_metaseg.workflows.benchmark.rows import Row, read_rows

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs" / "benchmark.jsonl"


def test_the_tables_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    from benchmark_tables import tables

    written = (ROOT / "docs" / "benchmark-tables.md").read_text(encoding="utf-8")

    assert written == tables(ROWS) + "\n"


@pytest.mark.parametrize("name", builtin_names())
def test_the_rows_are_those_of_the_bundled_weights(name: str) -> None:
    own = [row for row in read_rows(ROWS) if row.method == name]

    assert {row.fingerprint for row in own} == {bundle_fingerprint(load_bundle(name))}
    assert any(isinstance(row, Row) and row.cells == 3 for row in own)
    assert any(row.seed == 0 for row in own)


def test_the_rows_are_those_of_the_controls_as_they_are_today() -> None:
    bare = ("random", "finetune", "forest", "ceiling", "ceiling-painted")
    today = {m.name: m.fingerprint for m in make_methods(Choice((), bare))}

    published = {(row.method, row.fingerprint) for row in read_rows(ROWS)}

    assert {row for row in published if row[0] in today} == set(today.items())


def test_the_picture_has_a_panel_for_each_task(tmp_path: Path) -> None:
    header, *lines = ROWS.read_text(encoding="utf-8").splitlines()
    tasks = sorted({json.loads(line)["task"] for line in lines})
    heights = []
    for count in (1, 5):
        rows, picture = tmp_path / f"{count}.jsonl", tmp_path / f"{count}.png"
        kept = [line for line in lines if json.loads(line)["task"] in tasks[:count]]
        rows.write_text("\n".join([header, *kept]), encoding="utf-8")
        # In a process of its own: it chooses a Qt platform, and colours for all plots.
        script = ROOT / "scripts" / "benchmark_figure.py"
        subprocess.run([sys.executable, script, rows, picture], check=True)
        pixels = imread(picture)
        heights.append(len(pixels))
        assert (pixels < 100).any()
    assert heights[1] > 1.5 * heights[0]
