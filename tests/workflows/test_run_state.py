"""What the folder of a run tells others, while it runs and afterwards."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.run_pulse import Pulse
from napari_metaseg.workflows.run_state import (
    RunState,
    Validation,
    ask,
    asked,
    obeyed,
    read_log,
    read_state,
    read_validation,
)

if TYPE_CHECKING:
    from pathlib import Path


def now(ago: float = 0.0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()


HERE = RunState(
    "running",
    "Meta-step 3.",
    os.getpid(),
    platform.node(),
    3,
    10,
    4.5,
    None,
    9.0,
    123.4,
    "cpu",
    "",
)


def write(folder: Path, state: RunState) -> None:
    (folder / "state.json").write_text(json.dumps(asdict(state)), encoding="utf-8")


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = replace(HERE, updated=now())
    write(tmp_path, state)

    assert read_state(tmp_path) == state
    assert state.going


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running"}', "\0"])
def test_a_folder_that_tells_nothing_has_no_state(tmp_path: Path, text: str) -> None:
    assert read_state(tmp_path) is None

    (tmp_path / "state.json").write_text(text, encoding="utf-8")

    assert read_state(tmp_path) is None


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "running"),
        ({"updated": now(3600 * 24 * 365)}, "interrupted"),
        ({"host": "elsewhere"}, "running"),
        ({"host": "elsewhere", "updated": now(90)}, "interrupted"),
        ({"state": "paused", "host": "elsewhere", "updated": now(90)}, "paused"),
        ({"state": "finished", "updated": now(90)}, "finished"),
    ],
    ids=["alive", "pid used again", "elsewhere", "silent", "paused", "finished"],
)
def test_a_run_whose_process_is_gone_was_interrupted(
    tmp_path: Path, change: dict[str, str], expected: str
) -> None:
    write(tmp_path, replace(HERE, **{"updated": now()} | change))

    found = read_state(tmp_path)

    assert found is not None
    assert found.state == expected
    assert found.step == 3


@pytest.mark.parametrize("state", ["starting", "running", "validating"])
def test_a_dead_process_is_told_from_its_number(tmp_path: Path, state: str) -> None:
    write(tmp_path, replace(HERE, state=state, pid=dead_pid(), updated=now()))

    found = read_state(tmp_path)

    assert found is not None
    assert found.state == "interrupted"
    assert not found.going
    assert "resume" in found.message


def test_a_request_waits_until_it_is_obeyed(tmp_path: Path) -> None:
    write(tmp_path, replace(HERE, updated=now()))
    assert asked(tmp_path) is None

    ask(tmp_path, "pause")
    ask(tmp_path, "stop")

    assert asked(tmp_path) == "stop"
    obeyed(tmp_path)
    obeyed(tmp_path)
    assert asked(tmp_path) is None


def test_only_a_run_with_a_process_can_be_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No process is at work"):
        ask(tmp_path, "pause")
    write(tmp_path, replace(HERE, state="paused", updated=now()))
    with pytest.raises(UserError, match="No process is at work"):
        ask(tmp_path, "stop")

    assert not (tmp_path / "control").exists()


def test_lines_are_read_up_to_the_one_that_is_being_written(tmp_path: Path) -> None:
    lines = [{"step": n, "query_after": 0.5} for n in (1, 2, 3)]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "log.jsonl").write_text(text + '\n{"step": 4, "que', encoding="utf-8")

    assert read_log(tmp_path) == lines
    assert read_log(tmp_path, after=2) == lines[2:]
    assert read_log(tmp_path / "elsewhere") == []


def test_scores_are_read_as_they_were_made(tmp_path: Path) -> None:
    scores = [Validation(0, "one", 0.1, 0.3, 2.0), Validation(5, "one", 0.2, 0.5, 2.1)]
    text = "".join(json.dumps(asdict(s)) + "\n" for s in scores)
    (tmp_path / "validation.jsonl").write_text(text + "{", encoding="utf-8")

    assert read_validation(tmp_path) == scores


def test_a_pulse_tells_time_memory_and_what_is_left(tmp_path: Path) -> None:
    with Pulse(tmp_path, device="cpu", steps=10, minutes=None, seconds=7.0) as pulse:
        first = read_state(tmp_path)
        pulse.stepped(4, 2.0)
        second = read_state(tmp_path)
        pulse.tell(state="finished", message="Done.")

    last = read_state(tmp_path)
    assert first is not None
    assert (first.state, first.seconds, first.seconds_left) == ("starting", 7.0, None)
    assert second is not None
    assert (second.state, second.step, second.steps) == ("running", 4, 10)
    assert second.seconds_left == pytest.approx(6 * 2.0)
    assert second.memory_mb > 1
    assert last is not None
    assert (last.state, last.message, last.seconds_left) == ("finished", "Done.", None)
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_pulse_goes_on_while_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_metaseg.workflows.run_pulse.INTERVAL", 0.01)
    with Pulse(tmp_path, device="cpu", steps=None, minutes=2.0) as pulse:
        seen = set()
        with pulse.busy():
            while len(seen) < 3:
                state = read_state(tmp_path)
                assert state is not None
                seen.add((state.updated, state.seconds))

    state = read_state(tmp_path)
    assert state is not None
    assert state.seconds_left is not None
    assert state.seconds_left == pytest.approx(120 - state.seconds, abs=0.2)


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (UserError("The disk is full."), "failed", "The disk is full."),
        (ValueError("odd"), "failed", "ValueError: odd"),
        (KeyboardInterrupt(), "interrupted", "The run was interrupted."),
    ],
)
def test_a_pulse_says_why_it_ends(
    tmp_path: Path, error: BaseException, state: str, message: str
) -> None:
    with pytest.raises(type(error)), Pulse(tmp_path, device="cpu", steps=1, minutes=1):
        raise error

    found = read_state(tmp_path)
    assert found is not None
    assert (found.state, found.message) == (state, message)


def test_a_pulse_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "gone"

    with Pulse(folder, device="cpu", steps=1, minutes=None) as pulse:
        pulse.stepped(1, 1.0)

    assert read_state(folder) is None


def test_reading_a_run_needs_no_torch() -> None:
    program = "import sys, napari_metaseg.workflows.run_state; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )

    assert "torch" not in answer.stdout.split()
