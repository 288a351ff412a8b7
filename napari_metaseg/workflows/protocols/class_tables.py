"""The tables of the classes' protocol, as Markdown and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_metaseg.io.files import atomic_file
from napari_metaseg.workflows.markdown import table

from .classes_settings import METHODS, REPTILE, deviations
from .report import interval, machine, setting_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from .classes import ClassRow
    from .classes_settings import ClassesSettings

TITLE = "Reptile for classes of cells (Hu, Tomczak and Welling 2018)"


def write_tables(
    folder: Path,
    settings: ClassesSettings,
    card: dict[str, Any],
    rows: Sequence[ClassRow],
) -> tuple[Path, str]:
    """Write ``table.md`` and ``table.json``, in place of older ones.

    Parameters
    ----------
    folder : Path
        Where to.
    settings : ClassesSettings
        The experiment.
    card : dict
        Of the start that Reptile made.
    rows : sequence of ClassRow
        The results.

    Returns
    -------
    Path, str
        The Markdown file, and what is in it.
    """
    told = deviations(settings, card["training"]["settings"])
    text = markdown(settings, told, rows)
    with atomic_file(folder / "table.md", overwrite=True) as file:
        file.write(text.encode())
    content = {
        "title": TITLE,
        "settings": asdict(settings),
        "deviations": told,
        "reptile": card["sha256"],
        "machine": machine(),
        "rows": [{**r.key._asdict(), **asdict(r.scores)} for r in rows],
    }
    with atomic_file(folder / "table.json", overwrite=True) as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode())
    return folder / "table.md", text


def markdown(
    settings: ClassesSettings, told: Sequence[str], rows: Sequence[ClassRow]
) -> str:
    """Write all tables.

    Returns
    -------
    str
        Markdown. With shares of the data: mean over images, and its standard deviation
        over draws, as the paper has it. With few examples: mean balanced accuracy with
        95 % bootstrap intervals over draws, and differences on the same draws.
    """
    parts = [f"# {TITLE}", machine()]
    parts.append(table(("setting", "value"), setting_lines(asdict(settings))))
    parts.append("Other than in the paper:")
    parts.append("\n".join(f"- {text}" for text in told))
    amounts = list(dict.fromkeys(row.key.amount for row in rows))
    for few in (a for a in amounts if not a.endswith("%")):
        part = [row for row in rows if row.key.amount == few]
        parts.append(f"## Balanced accuracy, {few}")
        lines = [
            [kind, *(interval(_balanced(own, method)) for method in METHODS)]
            for kind, own in _by_kind(part)
        ]
        parts.append(table(("classes by", *METHODS), lines))
        parts.append(_differences(part))
    shares = [row for row in rows if row.key.amount.endswith("%")]
    if shares:
        parts.append("## Shares of the training half, mean ± sd over draws")
        parts.append(table(("kept", "classes", "score", *METHODS), _kept(shares)))
    return "\n\n".join(parts) + "\n"


def _by_kind(rows: Sequence[ClassRow]) -> list[tuple[str, list[ClassRow]]]:
    kinds = dict.fromkeys(row.key.kind for row in rows)
    found = [(kind, [r for r in rows if r.key.kind == kind]) for kind in kinds]
    return [*found, ("all", list(rows))] if len(found) > 1 else found


def _balanced(rows: Iterable[ClassRow], method: str) -> list[float]:
    return [row.scores.balanced for row in rows if row.key.method == method]


def _differences(rows: Sequence[ClassRow]) -> str:
    lines = []
    for kind, own in _by_kind(rows):
        best = np.array(_balanced(own, REPTILE))
        for other in (m for m in METHODS if m != REPTILE):
            less = best - np.array(_balanced(own, other))
            lines.append([kind, other, interval(less.tolist(), signed=True)])
    heads = ("classes by", f"{REPTILE} minus", "difference in balanced accuracy")
    return table(heads, lines)


def _kept(rows: Sequence[ClassRow]) -> list[list[str]]:
    scores: tuple[tuple[str, Callable[[ClassRow], float]], ...] = (
        ("quadratic weighted kappa", lambda row: row.scores.kappa),
        ("balanced accuracy", lambda row: row.scores.balanced),
        ("macro-F1", lambda row: row.scores.f1),
    )
    lines = []
    for amount in dict.fromkeys(row.key.amount for row in rows):
        for ordered in (True, False):
            own = [r for r in rows if r.key.amount == amount and r.ordered == ordered]
            if not own:
                continue
            what = "ordered bands" if ordered else own[0].key.kind
            for name, score in scores if ordered else scores[1:]:
                cells = [_over_draws(own, method, score) for method in METHODS]
                lines.append([amount, what, name, *cells])
    return lines


def _over_draws(
    rows: Sequence[ClassRow], method: str, score: Callable[[ClassRow], float]
) -> str:
    draws = sorted({row.key.draw for row in rows})
    means = [
        np.mean([score(r) for r in rows if (r.key.method, r.key.draw) == (method, d)])
        for d in draws
    ]
    mean = f"{np.mean(means):.3f}"
    return f"{mean} ± {np.std(means, ddof=1):.3f}" if len(means) > 1 else mean
