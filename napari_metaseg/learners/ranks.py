"""Processes that share the tasks of each meta-step.

Every process holds all that is learned and takes the same meta-step; only the episodes
are divided, and their meta-gradients added up by hand, since an inner loop runs the
network as a function of parameters that no wrapper around the module would see.
"""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.orphans import ENDED, end_with

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

PATIENCE = timedelta(days=1)
"""For how long processes wait for the first one, which alone validates."""

LAUNCHER = "NAPARI_METASEG_LAUNCHER"
"""Environment variable with the number of the process that started the others."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """One of several processes, or the only one.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        How many there are.
    nccl : bool
        Whether each has a GPU to itself, so that GPUs may talk to each other.
    """

    rank: int = 0
    size: int = 1
    nccl: bool = False

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, count: int) -> range:
        """Return the numbers of this process's part of so many episodes."""
        return range(self.rank, count, self.size)

    def add_up(self, tensors: list[Tensor]) -> list[Tensor]:
        """Sum tensors over all processes; each gets the same sums.

        Parameters
        ----------
        tensors : list of Tensor
            Of the same shapes in each process.
        """
        if self.size == 1:
            return tensors
        flat = torch.cat([t.detach().flatten() for t in tensors])
        if not self.nccl:
            # By way of the CPU: several processes may share one GPU.
            flat = flat.cpu()
        with self._together():
            dist.all_reduce(flat)
        parts = torch.split(flat, [t.numel() for t in tensors])
        return [p.view_as(t).to(t.device) for p, t in zip(parts, tensors, strict=True)]

    def gather(self, items: list[T]) -> list[T]:
        """Join lists of all processes, in the order of their ranks."""
        if self.size == 1:
            return items
        lists: list[list[T] | None] = [None] * self.size
        with self._together():
            dist.all_gather_object(lists, items)
        return [item for part in lists for item in part or []]

    def from_first(self, item: T) -> T:
        """Return what the first process has."""
        return self.gather([item] if self.first else [])[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.gather([self.rank])

    def processes_here(self) -> list[int]:
        """Return the numbers of those processes that are on this machine."""
        here = platform.node()
        return [n for host, n in self.gather([(here, os.getpid())]) if host == here]

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Say in a sentence that another process is gone; the first one says it."""
        try:
            yield
        except RuntimeError as error:
            if not self.first:
                raise SystemExit(ENDED) from error
            raise UserError(
                "Another process of this run has ended; go on with --resume."
            ) from error


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started; alone, do nothing.

    Yields
    ------
    Ranks
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    # The launcher may have gone already, while this process was starting.
    end_with(int(os.environ.get(LAUNCHER, os.getppid())))
    nccl = _own_gpus()
    backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), nccl)
    finally:
        dist.destroy_process_group()


def _own_gpus() -> bool:
    """Tell whether each process of this machine has a GPU to itself."""
    if not (dist.is_nccl_available() and torch.cuda.is_available()):
        return False
    return torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def device_of_rank(device: torch.device) -> torch.device:
    """Spread the processes of a machine over its GPUs."""
    if device.type != "cuda":
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", local % max(1, torch.cuda.device_count()))
