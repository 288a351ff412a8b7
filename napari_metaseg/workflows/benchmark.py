"""The benchmark: a few painted cells of one image, scored on others of its task."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.metrics import average_precision
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.data.folders import TaskFolder, read_tasks
from napari_metaseg.data.painter import add_strokes, choose_cells

from .adapt import adapt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """What to measure.

    Attributes
    ----------
    cells : tuple of int
        Numbers of painted cells.
    draws : int
        Choices of cells for each number and task.
    images : int
        Other images of the task that are scored in each draw.
    strokes : bool
        Whether two short background strokes are painted as well.
    seed : int
        Fixes the draws, which are the same for every initialization.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    """

    cells: tuple[int, ...] = (1, 3)
    draws: int = 3
    images: int = 3
    strokes: bool = False
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Row:
    """One draw.

    Attributes
    ----------
    task, init : str
        Task and initialization.
    cells, draw : int
        Number of painted cells; number of the draw.
    ap_before, ap_after : float
        AP@0.5 before and after adaptation, mean over the scored images.
    ap_shown : float
        AP@0.5 of what a person would be shown, do-no-harm on.
    kept : bool
        Whether the adapted result was kept.
    seconds : float
        Wall time (s) of adapting and segmenting the painted image.
    """

    task: str
    init: str
    cells: int
    draw: int
    ap_before: float
    ap_after: float
    ap_shown: float
    kept: bool
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def run_benchmark(
    data: Path,
    inits: Sequence[str],
    settings: BenchmarkSettings,
    tasks: Sequence[str] | None = None,
) -> Iterator[Row]:
    """Score initializations on a folder of tasks.

    Parameters
    ----------
    data : Path
        Folder of tasks.
    inits : sequence of str
        Names or folders of initializations.
    settings : BenchmarkSettings
        What to measure.
    tasks : sequence of str, optional
        Names of tasks; all by default.

    Yields
    ------
    Row
        One for each task, number of cells, draw and initialization.

    Raises
    ------
    UserError
        If the folder holds no such tasks.
    """
    for task in read_tasks(data, tasks):
        for cells in settings.cells:
            for draw in range(settings.draws):
                rng = np.random.default_rng([settings.seed, cells, draw])
                painted = _paint(task, cells, settings.strokes, rng)
                if painted is None:
                    continue
                for init in inits:
                    yield _score(task, init, cells, draw, painted, settings)


def _paint(
    task: TaskFolder, cells: int, strokes: bool, rng: np.random.Generator
) -> tuple[int, NDArray[np.int32], list[int]] | None:
    """Paint one image; return it, its annotation, and the order of the others.

    The first image, in an order of chance, with as many whole cells as wanted; or the
    one with most of them.
    """
    best: tuple[int, list[int]] = (0, [])
    for index in rng.permutation(len(task.images)):
        diameters = task.diameters[index]
        found = choose_cells(task.masks[index], diameters, rng, number=cells)
        if len(found) > len(best[1]):
            best = int(index), found
        if len(found) == cells:
            break
    first, chosen = best
    if not chosen:
        return None
    masks = task.masks[first]
    annotation = np.where(np.isin(masks, chosen), masks, 0).astype(np.int32)
    annotation = _main_parts(annotation)
    if strokes:
        size = float(np.median([task.diameters[first][k] for k in chosen]))
        annotation = add_strokes(
            annotation, masks, rng, number=2, scale=size / WORKING_DIAMETER
        )
    others = [int(i) for i in rng.permutation(len(task.images)) if i != first]
    return first, annotation, others or [first]


def _main_parts(annotation: NDArray[np.int32]) -> NDArray[np.int32]:
    """Keep the largest part of each chosen object, as a person would paint it."""
    result = np.zeros_like(annotation)
    for k in np.unique(annotation[annotation > 0]):
        parts, _ = ndi.label(annotation == k, np.ones((3, 3)))
        main = 1 + int(np.bincount(parts.ravel())[1:].argmax())
        result[parts == main] = k
    return result


def _score(
    task: TaskFolder,
    init: str,
    cells: int,
    draw: int,
    painted: tuple[int, NDArray[np.int32], list[int]],
    settings: BenchmarkSettings,
) -> Row:
    first, annotation, others = painted
    start = time.perf_counter()
    model = adapt(
        task.images[first],
        annotation,
        axes="YXC" if task.images[first].ndim == 3 else "YX",
        init=init,
        device=settings.device,
    )
    seconds = time.perf_counter() - start
    segmenter = replace(model.segmenter, kept=True)
    before: list[float] = []
    after: list[float] = []
    for index in others[: settings.images]:
        image, truth = task.images[index], task.masks[index]
        axes = "YXC" if image.ndim == 3 else "YX"
        for scores, adapted in ((before, False), (after, True)):
            found = segmenter.segment(image, axes=axes, adapted=adapted)
            scores.append(average_precision(truth, found))
    kept = model.report is not None and model.report.kept
    ap_before, ap_after = float(np.mean(before)), float(np.mean(after))
    return Row(
        task.name,
        init,
        cells,
        draw,
        ap_before,
        ap_after,
        ap_after if kept else ap_before,
        kept,
        seconds,
    )


def table(rows: Sequence[Row]) -> str:
    """Format mean scores by task as a Markdown table.

    Parameters
    ----------
    rows : sequence of Row
        Results.

    Returns
    -------
    str
        One line a task, and the mean over tasks last.
    """
    columns = sorted({(r.init, r.cells) for r in rows})
    lines = ["| task | " + " | ".join(f"{i}, {c} cells" for i, c in columns) + " |"]
    lines.append("| --- " * (1 + len(columns)) + "|")
    tasks = sorted({r.task for r in rows})
    sums: dict[tuple[str, int], list[tuple[float, float]]] = {c: [] for c in columns}
    for task in tasks:
        cells = []
        for column in columns:
            own = [r for r in rows if r.task == task and (r.init, r.cells) == column]
            if own:
                pair = (
                    float(np.mean([r.ap_before for r in own])),
                    float(np.mean([r.ap_shown for r in own])),
                )
                sums[column].append(pair)
                cells.append(f"{pair[0]:.2f} → {pair[1]:.2f}")
            else:
                cells.append("-")
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    means = [np.mean(sums[c], axis=0) for c in columns]
    lines.append(
        "| **mean** | " + " | ".join(f"**{b:.2f} → {a:.2f}**" for b, a in means) + " |"
    )
    return "\n".join(lines)
