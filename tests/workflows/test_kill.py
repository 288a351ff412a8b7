"""A run that is killed and resumed ends as if it had been left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_test.py"


def test_a_killed_run_ends_in_the_same_bits() -> None:
    answer = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "3", "--steps", "9"],
        capture_output=True,
        text=True,
        timeout=1200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "3 of 3 kills; the same to the bit" in answer.stdout
