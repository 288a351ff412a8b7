"""Processes that share the tasks of each meta-step.

Every process holds all that is learned and takes the same meta-step; only the episodes
are divided, and their meta-gradients added up by hand, since an inner loop runs the
network as a function of parameters that no wrapper around the module would see.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """One of several processes, or the only one.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        How many there are.
    """

    rank: int = 0
    size: int = 1

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
        # By way of the CPU: several processes may share one GPU.
        flat = torch.cat([t.detach().flatten().cpu() for t in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [t.numel() for t in tensors])
        return [p.view_as(t).to(t.device) for p, t in zip(parts, tensors, strict=True)]

    def gather(self, items: list[T]) -> list[T]:
        """Join lists of all processes, in the order of their ranks."""
        if self.size == 1:
            return items
        lists: list[list[T] | None] = [None] * self.size
        dist.all_gather_object(lists, items)
        return [item for part in lists for item in part or []]

    def from_first(self, item: T) -> T:
        """Return what the first process has."""
        return self.gather([item] if self.first else [])[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


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
    dist.init_process_group("gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def device_of_rank(device: torch.device) -> torch.device:
    """Spread the processes of a machine over its GPUs."""
    if device.type != "cuda":
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", local % max(1, torch.cuda.device_count()))
