"""How threads of PyTorch wait for each other where cores are shared."""

from __future__ import annotations

import os

_SETTINGS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
# What GNU's OpenMP itself takes once it knows of more threads than cores.
_SPINS = "1000"


def wait_asleep() -> None:
    """Have threads that wait fall asleep soon, unless the environment says how.

    Otherwise each waits busily for milliseconds, thousands of times a round. Where
    others want the cores as well (a browser, or the window itself if it is drawn in
    software) that takes away from the very threads that are waited for.

    GNU's OpenMP reads it when it is loaded, so this must come before PyTorch.
    """
    if not any(name in os.environ for name in _SETTINGS):
        os.environ["GOMP_SPINCOUNT"] = _SPINS
