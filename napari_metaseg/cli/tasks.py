"""What ``napari-metaseg tasks`` does."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.io.sources.check import check_tasks
from napari_metaseg.io.sources.layouts import find_all
from napari_metaseg.io.sources.library import import_tasks
from napari_metaseg.io.sources.split import split_tasks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from napari_metaseg.io.sources.check import SourceProgress, TaskRow
    from napari_metaseg.io.sources.found import FoundTask, Skipped
    from napari_metaseg.io.sources.split import Split

_HEAD = ("task", "layout", "images", "objects", "diameter (px)", "problems")


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg tasks``."""
    if options.import_to is None:
        for name in ("licence", "source_name", "overwrite"):
            if getattr(options, name):
                option = name.replace("_", "-")
                raise UserError(f"--{option} needs --import-to, a folder to write to.")
    tasks = _chosen(find_all(options.sources), options.tasks)
    if options.import_to is None:
        rows = relay_to(check_tasks(tasks), _tell)
    else:
        steps = import_tasks(
            tasks,
            options.import_to,
            overwrite=options.overwrite,
            licence=options.licence,
            source=options.source_name,
        )
        rows = relay_to(steps, _tell)
    split = split_tasks(rows)
    if options.json:
        print(json.dumps(_as_json(rows, split), indent=1, ensure_ascii=False))
    else:
        print(_table(rows))
        print(_split_words(split))
    if not any(row.images for row in rows):
        raise UserError("Nothing can be used; see what is skipped, and why, above.")
    if options.import_to is not None:
        print(f"The tasks are in {options.import_to}", file=sys.stderr)
    return 0


def _tell(state: SourceProgress) -> None:
    print(state.message, file=sys.stderr)


def _chosen(found: list[FoundTask], names: Sequence[str] | None) -> list[FoundTask]:
    known = [task.name for task in found]
    missing = sorted(set(names or ()) - set(known))
    if missing:
        raise UserError(
            f"There is no task '{missing[0]}'; there are {', '.join(known)}."
        )
    return [task for task in found if names is None or task.name in names]


def _as_json(rows: Sequence[TaskRow], split: Split) -> dict[str, Any]:
    tasks = [
        {k: v for k, v in asdict(row).items() if k != "hashes"}
        | {"skipped": [asdict(skipped) for skipped in row.skipped]}
        for row in rows
    ]
    return {"tasks": tasks, "split": asdict(split)}


def _table(rows: Sequence[TaskRow]) -> str:
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(c) for c in column) for column in zip(*cells, strict=True)]
    lines = []
    for line, row in zip(cells, [None, *rows], strict=True):
        padded = [
            c.rjust(w) if 2 <= k <= 4 else c.ljust(w)
            for k, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
        if row is not None:
            lines += [f"    {text}" for text in (*row.problems[1:], *_left_out(row))]
    return "\n".join(lines)


def _cells(row: TaskRow) -> tuple[str, ...]:
    return (
        row.task,
        row.layout,
        str(row.images),
        str(row.objects),
        "-" if row.diameter is None else f"{row.diameter:.1f}",
        row.problems[0] if row.problems else "",
    )


def _left_out(row: TaskRow) -> list[str]:
    """Tell what is skipped; many files with one reason in one line."""
    groups: defaultdict[str, list[Skipped]] = defaultdict(list)
    for skipped in row.skipped:
        groups[skipped.why].append(skipped)
    lines = []
    for why, members in groups.items():
        more = f" (and {len(members) - 1} more)" if len(members) > 1 else ""
        lines.append(f"skipped: {members[0].file}{more}: {why}")
    return lines


def _split_words(split: Split) -> str:
    if split.note:
        return f"No split is proposed. {split.note}"
    return (
        f"Proposed split: train on {', '.join(split.training)}; validate on "
        f"{', '.join(split.validation)}."
    )
