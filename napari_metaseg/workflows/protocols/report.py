"""The tables of a protocol, as Markdown and as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_metaseg.io.files import atomic_file
from napari_metaseg.workflows.benchmark.statistics import bootstrap_interval
from napari_metaseg.workflows.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .rows import Row


@dataclass(frozen=True, slots=True)
class Story:
    """What a protocol says beside its results.

    Attributes
    ----------
    title : str
        Heading.
    score : str
        Name of the score.
    settings : dict
        Every setting.
    deviations : tuple of str
        Where this run is not the paper's experiment, a sentence each.
    iterations : int
        The paper's number of meta-steps.
    versus : tuple of (str, str)
        Methods whose difference is told: the first minus the second.
    """

    title: str
    score: str
    settings: dict[str, Any]
    deviations: tuple[str, ...]
    iterations: int
    versus: tuple[tuple[str, str], ...]


def write_report(folder: Path, story: Story, rows: Sequence[Row]) -> tuple[Path, str]:
    """Write ``table.md`` and ``table.json``, in place of older ones.

    Returns
    -------
    Path, str
        The Markdown file, and what is in it.
    """
    text = markdown(story, rows)
    with atomic_file(folder / "table.md", overwrite=True) as file:
        file.write(text.encode())
    content = {
        **asdict(story),
        "machine": machine(),
        "rows": [row.as_dict() for row in rows],
    }
    with atomic_file(folder / "table.json", overwrite=True) as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode())
    return folder / "table.md", text


def markdown(story: Story, rows: Sequence[Row]) -> str:
    """Write all tables of a protocol.

    Parameters
    ----------
    story : Story
        What is said beside them.
    rows : sequence of Row
        The results.

    Returns
    -------
    str
        Markdown. Scores are means over draws with 95 % bootstrap intervals over
        draws; what a method was trained on is marked by an asterisk.
    """
    parts = [f"# {story.title}", machine()]
    parts.append(table(("setting", "value"), setting_lines(story.settings)))
    parts.append("Other than in the paper:")
    parts.append("\n".join(f"- {text}" for text in story.deviations))
    for shots in sorted({row.key.shots for row in rows}):
        part = [row for row in rows if row.key.shots == shots]
        plural = "s" if shots > 1 else ""
        parts.append(f"## {story.score}, {shots} support image{plural}")
        if _held_out_in_turn(part):
            parts.append(unseen_table(part))
        parts += [score_table(part), effort_table(part, story.iterations)]
        if lines := _difference_lines(part, story.versus):
            heads = ("method", "minus", f"difference in {story.score}", "pairs")
            parts.append(table(heads, lines))
    return "\n\n".join(parts) + "\n"


def score_table(rows: Sequence[Row]) -> str:
    """Show the score of each training and method on each task."""
    tests = list(dict.fromkeys(row.key.test for row in rows))
    lines = []
    for training, method in _lines(rows):
        own = [r for r in rows if (r.key.training, r.key.method) == (training, method)]
        cells = [_cell([r for r in own if r.key.test == test]) for test in tests]
        lines.append([training, method, *cells])
    return table(("meta-trained on", "method", *tests), lines)


def unseen_table(rows: Sequence[Row]) -> str:
    """Show each method on what it did not train on, and over all of these draws."""
    tests = _unseen(rows)
    lines = []
    for method in dict.fromkeys(row.key.method for row in rows):
        own = [r for r in rows if r.key.method == method and not r.seen]
        cells = [_cell([r for r in own if r.key.test == test]) for test in tests]
        every = [r for r in own if r.key.test in tests]
        lines.append([method, *cells, _cell(every)])
    return table(("unseen", *tests, "all"), lines)


def _held_out_in_turn(rows: Sequence[Row]) -> bool:
    return any(row.seen for row in rows) and len(_unseen(rows)) > 1


def _unseen(rows: Sequence[Row]) -> list[str]:
    """Name what some meta-training was tested on without having seen it."""
    found = (r.key.test for r in rows if r.effort.iterations and not r.seen)
    return list(dict.fromkeys(found))


def effort_table(rows: Sequence[Row], iterations: int) -> str:
    """Show what each training took, and what adaptation added to its score."""
    lines = []
    # Methods without meta-training are judged on the same tasks as the others.
    fair = _unseen(rows) or {r.key.test for r in rows}
    for training, method in _lines(rows):
        own = [r for r in rows if (r.key.training, r.key.method) == (training, method)]
        unseen = [r for r in own if not r.seen and r.key.test in fair]
        effort = own[0].effort
        trained = effort.iterations > 0
        lines.append(
            [
                training,
                method,
                str(effort.iterations) if trained else "–",
                f"{100 * effort.iterations / iterations:.2f} %" if trained else "–",
                f"{effort.skipped} / {effort.unsolved}" if trained else "–",
                f"{effort.seconds:.0f}" if trained else "–",
                f"{_mean([r.before for r in unseen])} → "
                f"{_mean([r.after for r in unseen])}",
            ]
        )
    heads = (
        "meta-steps",
        "of the paper's",
        "skipped / unsolved",
        "s",
        "adaptation, unseen",
    )
    return table(("meta-trained on", "method", *heads), lines)


def _difference_lines(
    rows: Sequence[Row], versus: Iterable[tuple[str, str]]
) -> list[list[str]]:
    """Compare methods on the draws of unseen tasks that they have in common."""
    lines = []
    for first, second in versus:
        scores: dict[str, dict[tuple[str, str, int], float]] = {first: {}, second: {}}
        for row in rows:
            if row.key.method in scores and row.after is not None and not row.seen:
                place = (row.key.training, row.key.test, row.key.draw)
                scores[row.key.method][place] = row.after
        a, b = scores[first], scores[second]
        if not set(a) & set(b):
            # A method without meta-training has one result for all trainings.
            a, b = _without_training(a), _without_training(b)
        both = [a[k] - b[k] for k in a if k in b]
        if both:
            lines.append([first, second, interval(both, signed=True), str(len(both))])
    return lines


def _without_training(
    scores: dict[tuple[str, str, int], float],
) -> dict[tuple[str, str, int], float]:
    return {("", test, draw): value for (_, test, draw), value in scores.items()}


def _lines(rows: Iterable[Row]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.key.training, row.key.method) for row in rows))


def _cell(rows: Sequence[Row]) -> str:
    values = [row.after for row in rows if row.after is not None]
    if not values:
        return "–"
    return interval(values) + ("*" if rows[0].seen else "")


def interval(values: Sequence[float], *, signed: bool = False) -> str:
    """Show a mean with its 95 % bootstrap interval."""
    digits = "+.3f" if signed else ".3f"
    mean = format(float(np.mean(values)), digits)
    if len(values) < 2:
        return mean
    sums = np.asarray(values)
    low, high = bootstrap_interval(sums, np.ones_like(sums))
    return f"{mean} [{low:{digits}}, {high:{digits}}]"


def _mean(values: Iterable[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{np.mean(known):.3f}" if known else "–"


def setting_lines(settings: dict[str, Any]) -> list[list[str]]:
    """Show settings, one a line of a table."""
    return [[name, _words(value)] for name, value in settings.items()]


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)


def machine() -> str:
    """Name the machine in one line."""
    where = "CPU"
    if torch.cuda.is_available():
        where = torch.cuda.get_device_name()
    return (
        f"{platform.system()} {platform.machine()}, {where}, "
        f"{torch.get_num_threads()} thread(s), PyTorch {torch.__version__}"
    )


def changed(settings: Any, words: dict[str, str]) -> list[str]:
    """Tell which settings are not the default, which is the paper's.

    Parameters
    ----------
    settings : dataclass
        What is used.
    words : dict of str to str
        Names of settings, and what to call them.
    """
    paper = type(settings)()
    return [
        f"{text}: {_words(getattr(settings, name))} instead of "
        f"{_words(getattr(paper, name))}."
        for name, text in words.items()
        if getattr(settings, name) != getattr(paper, name)
    ]
