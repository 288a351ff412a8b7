"""The benchmark that is published is that of the bundles, and of its rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from napari_metaseg.io.bundle import builtin_names, load_bundle
from napari_metaseg.workflows.benchmark.methods.adaptation import bundle_fingerprint
from napari_metaseg.workflows.benchmark.rows import Row, read_row

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs" / "benchmark.jsonl"


def test_the_tables_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    from benchmark_tables import tables

    written = (ROOT / "docs" / "benchmark-tables.md").read_text(encoding="utf-8")

    assert written == tables(ROWS) + "\n"


@pytest.mark.parametrize("name", builtin_names())
def test_the_rows_are_those_of_the_bundled_weights(name: str) -> None:
    _, *lines = ROWS.read_text(encoding="utf-8").splitlines()
    rows = [read_row(json.loads(line)) for line in lines]
    own = [row for row in rows if row.method == name]

    assert {row.fingerprint for row in own} == {bundle_fingerprint(load_bundle(name))}
    assert any(isinstance(row, Row) and row.cells == 3 for row in own)
