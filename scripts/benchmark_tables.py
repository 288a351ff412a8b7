"""Write the benchmark's tables again from its rows; no image is needed.

python scripts/benchmark_tables.py docs/benchmark.jsonl > docs/benchmark-tables.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from napari_metaseg.io.bundle import builtin_names
from napari_metaseg.workflows.benchmark import report
from napari_metaseg.workflows.benchmark.rows import read_rows


def tables(path: Path) -> str:
    """Return the tables of a file that ``napari-metaseg benchmark --json`` wrote."""
    return f"# Benchmark tables\n\n{report(read_rows(path), builtin_names())}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(tables(Path(sys.argv[1])))
