"""A command as several processes, which torch's launcher starts and ends together."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from typing import TYPE_CHECKING

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from napari_metaseg.core.errors import UserError
from napari_metaseg.learners.ranks import LAUNCHER

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 600
"""Seconds that processes have to end after a signal, before they are killed."""


def is_one_of_several() -> bool:
    """Tell whether this process was started by such a launcher."""
    return "WORLD_SIZE" in os.environ


def is_first() -> bool:
    """Tell whether this process speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def run_together(arguments: Sequence[str], count: int) -> int | None:
    """Run ``napari-metaseg`` in several processes, as ``torchrun`` on one machine does.

    If one of them fails, the others are ended; none outlives this process.

    Parameters
    ----------
    arguments : sequence of str
        Of the command line, for each process.
    count : int
        How many.

    Returns
    -------
    int or None
        Exit status; None if a signal has ended them.

    Raises
    ------
    UserError
        If one of them was killed.
    """
    # What went wrong is told by the process itself, in a sentence.
    logging.disable()
    threads = max(1, (os.cpu_count() or 1) // count)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(PATIENCE))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),
    )
    command = elastic_launch(config, sys.executable)
    try:
        command("-m", "napari_metaseg", *arguments)
    except SignalException:
        return None
    except ChildFailedError as error:
        statuses = [failure.exitcode for failure in error.failures.values()]
        if min(statuses) < 0:
            raise UserError(
                "A process of this run was killed; go on with --resume."
            ) from error
        return max(statuses)
    return 0
