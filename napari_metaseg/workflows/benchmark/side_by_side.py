"""Draws of a benchmark, measured by several processes of this machine.

The processes are joblib's: it ends them at once when the run is stopped, in the middle
of a training that could not be asked to. Where the run is killed, they end themselves.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.orphans import end_with
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.workflows.processes import deaths_told, share_cores

from .draws import make_draw
from .extras import need
from .measuring import measure
from .methods.ceiling import Ceiling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .methods.protocol import Method
    from .rows import Curve, Key, Row
    from .settings import BenchmarkSettings


class Order(NamedTuple):
    """A draw that a process makes for itself.

    Attributes
    ----------
    data : Path
        Folder of tasks.
    task : str
        Name of the task.
    cells, number, seed : int
        See `napari_metaseg.workflows.benchmark.draws.Draw`.
    """

    data: Path
    task: str
    cells: int
    number: int
    seed: int


def measure_side_by_side(
    orders: Sequence[Order],
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: Mapping[Key, Row | Curve],
    jobs: int,
) -> Iterator[Row | Curve]:
    """Measure draws by several processes.

    Parameters
    ----------
    orders : sequence of Order
        The draws.
    methods, settings, known
        As for `measure`.
    jobs : int
        How many processes; each gets its share of the cores.

    Yields
    ------
    Row or Curve
        Those of a draw together, draws in the order in which they are finished.

    Raises
    ------
    UserError
        If joblib is not installed, or a process is ended from outside.
    """
    joblib = need("joblib")
    threads = share_cores(jobs)
    work = joblib.delayed(_measured)
    with deaths_told(), joblib.parallel_config("loky", inner_max_num_threads=threads):
        for rows in joblib.Parallel(jobs, return_as="generator_unordered")(
            work(os.getpid(), order, methods, settings, _of(order, known))
            for order in orders
        ):
            yield from rows


def check_shared(methods: Sequence[Method], jobs: int) -> None:
    """Check that processes can share the work.

    Raises
    ------
    UserError
        If there are fewer than one, or several and a supervised ceiling is asked for.
    """
    share_cores(jobs)
    if jobs > 1 and any(isinstance(method, Ceiling) for method in methods):
        raise UserError(
            "A ceiling is trained once for all draws of a task, which processes cannot "
            "share; measure it without --jobs."
        )


def _of(order: Order, known: Mapping[Key, Row | Curve]) -> dict[Key, Row | Curve]:
    """Return the known rows of a draw."""
    wanted = order.task, order.number, order.seed
    return {k: row for k, row in known.items() if (k.task, k.draw, k.seed) == wanted}


def _measured(
    parent: int,
    order: Order,
    methods: Sequence[Method],
    settings: BenchmarkSettings,
    known: Mapping[Key, Row | Curve],
) -> list[Row | Curve]:
    """Measure a draw in another process."""
    # Where joblib cannot start processes, it works in this very one.
    if parent != os.getpid():
        _end_once_with(parent)
    (task,) = read_tasks(order.data, [order.task])
    draw = make_draw(task, order.cells, order.number, order.seed)
    return [] if draw is None else list(measure(draw, methods, settings, known))


_end_once_with = cache(end_with)
