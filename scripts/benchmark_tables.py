"""Write the benchmark's tables again from its rows; no image is needed.

python scripts/benchmark_tables.py docs/benchmark.jsonl > docs/benchmark-tables.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from napari_metaseg.io.bundle import builtin_names
from napari_metaseg.workflows.benchmark import report
from napari_metaseg.workflows.benchmark.rows import read_row


def tables(path: Path) -> str:
    """Return the tables of a file that ``napari-metaseg benchmark --json`` wrote."""
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = [read_row(json.loads(line)) for line in lines]
    return f"# Benchmark tables\n\n{report(rows, builtin_names())}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(tables(Path(sys.argv[1])))
