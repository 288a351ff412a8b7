"""Several processes share a run, and it is the run of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from napari_metaseg.io.bundle import load_bundle
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


def test_a_process_alone_needs_no_others() -> None:
    tensors = [torch.ones(2), torch.zeros(3, 1)]

    with joined_ranks() as ranks:
        assert ranks.first
        ranks.wait()
        assert ranks.add_up(tensors) is tensors
        assert ranks.gather([1, 2]) == [1, 2]
