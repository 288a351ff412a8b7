"""No process works on for one that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import psutil
import pytest

from napari_metaseg.core import orphans

ROOT = Path(__file__).parent.parent.parent
ORPHAN = """
import os, sys, time
from napari_metaseg.core.orphans import end_with
end_with(os.getppid())
print(os.getpid(), flush=True)
time.sleep(600)
"""
NO_PROCESS = 2**22 + 1
LAUNCHER = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_no_process_outlives_its_launcher() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, ORPHAN], stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout is not None
        orphan = psutil.Process(int(launcher.stdout.readline()))
        assert orphan.status() != psutil.STATUS_ZOMBIE
        launcher.kill()

    check_ended([orphan])


def test_a_launcher_may_be_gone_before_its_processes_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = Event()
    monkeypatch.setattr(os, "_exit", lambda _status: ended.set())

    orphans.end_with(NO_PROCESS)

    assert ended.wait(60)


@pytest.mark.parametrize("kind", ["benchmark", "folder"])
def test_processes_that_share_work_end_with_the_one_that_is_killed(
    kind: str, tasks: Path, saved_model: Path, tmp_path: Path
) -> None:
    data = tasks if kind == "benchmark" else saved_model
    command = [sys.executable, "-m", "tests.workflows.lasting", kind]
    with subprocess.Popen([*command, str(data), str(tmp_path)], cwd=ROOT) as first:
        while len(found := list(tmp_path.iterdir())) < 2:
            assert first.poll() is None
            time.sleep(0.1)
        others = [psutil.Process(int(file.name)) for file in found]
        first.kill()

    check_ended(others)


def check_ended(others: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(others, timeout=60)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
