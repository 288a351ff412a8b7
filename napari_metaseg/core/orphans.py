"""Processes that end with the one that started them."""

from __future__ import annotations

import os
import threading
import time

import psutil

ENDED = 1
"""Exit status of a process that ends because another one is gone."""


def end_with(parent: int) -> None:
    """End this process, as if killed, once the one that started it is gone.

    Parameters
    ----------
    parent : int
        Number of that process, the parent of this one; it may be gone already.
    """

    def watch() -> None:
        # On Windows an orphan goes on naming its parent.
        while os.getppid() == parent and psutil.pid_exists(parent):
            time.sleep(1)
        os._exit(ENDED)

    threading.Thread(target=watch, daemon=True).start()
