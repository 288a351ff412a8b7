"""One run at a time: progress, Cancel within a step, no stale results."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject

from napari_metaseg.core.errors import UserError
from napari_metaseg.gui import worker
from napari_metaseg.gui.worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pytestqt.qtbot import QtBot


@dataclass(frozen=True)
class At:
    step: int
    total: int = 3


class Endless:
    """Steps until it is stopped; knows whether it was closed."""

    def __init__(self) -> None:
        self.steps = 0
        self.closed = Event()
        self.threads: set[Any] = set()

    def __call__(self) -> Generator[At, None, None]:
        try:
            while True:
                self.threads.add(current_thread())
                self.steps += 1
                yield At(min(self.steps, 3))
        finally:
            self.closed.set()


@pytest.fixture
def heard() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def runner(qtbot: QtBot, heard: list[tuple[str, Any]]) -> Iterator[Runner]:
    parent = QObject()
    runner = Runner("Testing", parent)
    runner.returned.connect(lambda value: heard.append(("returned", value)))
    runner.refused.connect(lambda reason: heard.append(("refused", reason)))
    runner.failed.connect(lambda error: heard.append(("failed", error)))
    runner.cancelled.connect(lambda: heard.append(("cancelled", None)))
    yield runner
    runner.drop()
    qtbot.waitUntil(lambda: not runner.running)


def three() -> Generator[At, None, str]:
    for step in range(1, 4):
        yield At(step)
    return "done"


def test_progress_then_the_result(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    steps: list[int] = []
    runner.progressed.connect(lambda at: steps.append(at.step))

    with qtbot.waitSignal(runner.idle):
        runner.start(three)

    assert steps == [1, 2, 3]
    assert heard == [("returned", "done")]
    assert not runner.running


def test_the_activity_dock_shows_a_bar_while_it_runs(
    qtbot: QtBot, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Any] = []
    real = worker.progress

    def make(**options: Any) -> Any:
        bars.append(real(**options))
        return bars[-1]

    monkeypatch.setattr(worker, "progress", make)
    values: list[int] = []
    # The bar follows what is told.
    runner.progressed.connect(lambda _: values.append(bars[0].n if bars else 0))

    with qtbot.waitSignal(runner.idle):
        runner.start(three)

    assert values == [0, 1, 2]
    (bar,) = bars
    assert (bar.n, bar.total) == (3, 3)
    assert bar not in real._all_instances


def test_work_is_done_in_another_thread(qtbot: QtBot, runner: Runner) -> None:
    work = Endless()
    with qtbot.waitSignal(runner.progressed):
        runner.start(work)
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.running)

    assert main_thread() not in work.threads


def test_cancel_ends_within_one_step_and_closes_the_generator(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    go_on, reached = Event(), []

    def work() -> Generator[At, None, None]:
        try:
            yield At(1)
            go_on.wait(10)
            reached.append("the step at work ends")
            yield At(2)
            reached.append("a further step")
        finally:
            reached.append("closed")

    with qtbot.waitSignal(runner.progressed):
        runner.start(work)
    runner.cancel()
    assert runner.stopping
    with qtbot.waitSignal(runner.idle):
        go_on.set()

    assert "a further step" not in reached
    assert reached[-1] == "closed"
    assert heard == [("cancelled", None)]


def test_a_sentence_for_the_person_raises_no_notification(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    def work() -> Generator[At, None, None]:
        yield At(1)
        raise UserError("Paint a cell.")

    before = len(notification_manager.records)
    with qtbot.waitSignal(runner.idle):
        runner.start(work)

    assert heard == [("refused", "Paint a cell.")]
    assert len(notification_manager.records) == before


def test_any_other_error_is_told_by_napari(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    error = RuntimeError("out of luck")

    def work() -> Generator[At, None, None]:
        yield At(1)
        raise error

    told: list[Any] = []
    notification_manager.notification_ready.connect(told.append)
    try:
        with qtbot.waitSignal(runner.idle):
            runner.start(work)
    finally:
        notification_manager.notification_ready.disconnect(told.append)

    assert heard == [("failed", error)]
    assert any(getattr(note, "exception", None) is error for note in told)


def test_a_later_run_replaces_an_earlier_one(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    first = Endless()
    with qtbot.waitSignal(runner.progressed):
        runner.start(first)

    runner.start(Endless())
    with qtbot.waitSignal(runner.idle):
        runner.start(three)

    assert first.closed.is_set()
    assert heard == [("returned", "done")]


def test_nothing_is_heard_of_a_run_that_was_dropped(
    qtbot: QtBot, runner: Runner, heard: list[tuple[str, Any]]
) -> None:
    finish = Event()

    def work() -> Generator[At, None, str]:
        yield At(1)
        finish.wait(10)
        return "stale"

    with qtbot.waitSignal(runner.progressed):
        runner.start(work)
    runner.drop()
    with qtbot.waitSignal(runner.idle):
        finish.set()

    assert heard == []
    assert not runner.running


def test_a_runner_that_is_deleted_stops_its_run(qtbot: QtBot) -> None:
    parent = QObject()
    runner = Runner("Testing", parent)
    work = Endless()
    with qtbot.waitSignal(runner.progressed):
        runner.start(work)

    parent.deleteLater()

    qtbot.waitUntil(work.closed.is_set)


def test_napari_may_stop_a_run_when_it_closes(
    qtbot: QtBot, heard: list[tuple[str, Any]], runner: Runner
) -> None:
    from superqt.utils import GeneratorWorker

    work = Endless()
    with qtbot.waitSignal(runner.progressed):
        runner.start(work)

    with qtbot.waitSignal(runner.idle):
        GeneratorWorker.await_workers(10_000)

    assert work.closed.is_set()
    assert heard == [("cancelled", None)]


def test_a_run_may_end_while_its_bar_is_drawn(
    qtbot: QtBot,
    runner: Runner,
    heard: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """napari lets Qt work while it draws a bar, so that the end may come first."""

    class Bar:
        total, n, closed = 3, 0, 0

        def __init__(self, **_: object) -> None:
            bars.append(self)

        def update(self, _by: int) -> None:
            qtbot.waitUntil(lambda: not runner.running)

        def close(self) -> None:
            self.closed += 1

    def once() -> Generator[At, None, str]:
        yield At(1)
        return "done"

    bars: list[Bar] = []
    monkeypatch.setattr(worker, "progress", Bar)
    runner.progressed.connect(lambda tick: heard.append(("progressed", tick)))

    with qtbot.waitSignal(runner.idle):
        runner.start(once)
    qtbot.wait(10)

    assert heard == [("progressed", At(1)), ("returned", "done")]
    assert [bar.closed for bar in bars] == [1]
