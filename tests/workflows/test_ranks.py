"""Several processes share a run, and it is the run of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
import torch.distributed as dist

from napari_metaseg.cli import main
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.learners import ranks
from napari_metaseg.learners.ranks import Ranks, joined_ranks

if TYPE_CHECKING:
    from pathlib import Path

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
OPTIONS = (
    "--algorithm fomaml --inner-steps 1 --steps 2 --tasks-per-step 3 "
    "--procedural-share 0 --checkpoint-every 1 --device cpu"
)


def meta_train(
    tasks: Path, output: Path, init: str, *launcher: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launcher, "-m", "napari_metaseg", "meta-train"]
    options = ["--init", init, "--output", str(output), *OPTIONS.split()]
    return subprocess.run(
        [*command, str(tasks), *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def read_log(run: Path) -> list[dict[str, float]]:
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_two_processes_end_where_one_ends(
    tasks: Path, small: str, tmp_path: Path
) -> None:
    alone = meta_train(tasks, tmp_path / "alone", small)
    shared = meta_train(tasks, tmp_path / "shared", small, *TORCHRUN)

    assert alone.stdout.count("step 2 of 2") == shared.stdout.count("step 2 of 2") == 1
    lines = [read_log(tmp_path / run) for run in ("alone", "shared")]
    for one, two in zip(*lines, strict=True):
        assert one["skipped"] == two["skipped"] == 0
        for key in set(one) - {"seconds"}:
            assert two[key] == pytest.approx(one[key], rel=1e-3)
    expected = load_bundle(tmp_path / "alone" / "bundle").params
    found = load_bundle(tmp_path / "shared" / "bundle").params
    start = load_bundle(small).params
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-3)
    assert any(not torch.equal(expected[k], start[k]) for k in start)


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_every_episode_is_taken_once(count: int) -> None:
    shares = [Ranks(rank, 3).share(count) for rank in range(3)]

    assert sorted(i for share in shares for i in share) == list(range(count))


@pytest.mark.parametrize(
    ("count", "said"), [("5", "a meta-step has 4 tasks to share"), ("0", "1 or more")]
)
def test_a_number_of_processes_that_makes_no_sense_gets_a_sentence(
    tasks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: str,
    said: str,
) -> None:
    given = ["meta-train", str(tasks), "--output", str(tmp_path / "run")]

    assert main([*given, "--processes", count]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("gpus", "processes", "own"), [(0, 2, False), (1, 2, False), (2, 2, True)]
)
def test_gpus_talk_to_each_other_where_each_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch, gpus: int, processes: int, own: bool
) -> None:
    monkeypatch.setattr(dist, "is_nccl_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))

    assert ranks._own_gpus() == own


def test_a_process_alone_needs_no_others() -> None:
    tensors = [torch.ones(2), torch.zeros(3, 1)]

    with joined_ranks() as alone:
        assert alone.first
        alone.wait()
        assert alone.add_up(tensors) is tensors
        assert alone.gather([1, 2]) == [1, 2]
        assert alone.processes_here() == [os.getpid()]
