"""How threads wait: set before PyTorch is loaded, and never against the person."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_ASK = (
    "import os, sys, napari_metaseg; assert 'torch' not in sys.modules; "
    "print(os.environ.get('GOMP_SPINCOUNT'))"
)


def _spins(**chosen: str) -> str:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    return subprocess.run(
        [sys.executable, "-c", _ASK],
        env=environment | chosen,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_waiting_threads_fall_asleep_soon() -> None:
    assert _spins() == "1000"


@pytest.mark.parametrize(
    ("name", "value", "spins"),
    [("GOMP_SPINCOUNT", "7", "7"), ("OMP_WAIT_POLICY", "active", "None")],
)
def test_what_the_environment_says_stays(name: str, value: str, spins: str) -> None:
    assert _spins(**{name: value}) == spins
