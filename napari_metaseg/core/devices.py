"""Compute devices: which there are, and why another is not to be had."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .errors import DeviceError


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One line of a device chooser.

    Attributes
    ----------
    name : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    label : str
        Name for a person, with the model of the device where it is known.
    available : bool
        Whether it can be used here.
    why : str
        Why not, and what to do; empty if available.
    count : int
        How many of them there are, of which each process takes one.
    """

    name: str
    label: str
    available: bool
    why: str = ""
    count: int = 1


def available_devices() -> list[DeviceInfo]:
    """List all kinds of device, usable or not.

    Returns
    -------
    list of DeviceInfo
        ``auto`` first; it takes CUDA, else MPS, else the CPU.
    """
    threads = torch.get_num_threads()
    plural = "" if threads == 1 else "s"
    cpu = DeviceInfo("cpu", f"CPU ({threads} thread{plural})", True)
    cuda, mps = _cuda(), _mps()
    best = next(d for d in (cuda, mps, cpu) if d.available)
    auto = DeviceInfo("auto", f"Automatic: {best.label}", True, count=best.count)
    return [auto, cpu, cuda, mps]


def _cuda() -> DeviceInfo:
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return DeviceInfo("cuda", torch.cuda.get_device_name(), True, count=count)
    if torch.version.cuda is None:
        why = (
            "This PyTorch was built without CUDA; install the CUDA build to use an "
            "NVIDIA GPU."
        )
    else:
        why = "PyTorch finds no NVIDIA GPU; check the driver with 'nvidia-smi'."
    return DeviceInfo("cuda", "NVIDIA GPU", False, why)


def _mps() -> DeviceInfo:
    if torch.backends.mps.is_available():
        return DeviceInfo("mps", "Apple GPU", True)
    return DeviceInfo(
        "mps",
        "Apple GPU",
        False,
        "Only Macs with Apple silicon and macOS 12.3+ have it.",
    )


def pick_device(name: str) -> torch.device:
    """Turn a name into a device.

    Parameters
    ----------
    name : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    DeviceError
        If there is no such device here.
    """
    known = {d.name: d for d in available_devices()}
    if name not in known:
        raise DeviceError(
            f"There is no device '{name}'; choose one of {', '.join(known)}."
        )
    if not known[name].available:
        raise DeviceError(f"The device '{name}' cannot be used. {known[name].why}")
    if name != "auto":
        return torch.device(name)
    return torch.device(next(n for n in ("cuda", "mps", "cpu") if known[n].available))
