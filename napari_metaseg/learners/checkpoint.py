"""Checkpoints of meta-training: tensors and one number, replaced in one go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_metaseg.core.errors import UserError

from .meta_gradient import MetaState
from .meta_train import Progress
from .outer_step import GradientMoments

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def save_checkpoint(path: Path, progress: Progress) -> None:
    """Write a checkpoint; a kill at any moment leaves the old or the new one.

    Parameters
    ----------
    path : Path
        File to write.
    progress : Progress
        State of the run.
    """
    names = _names(progress.state)
    tensors: dict[str, Tensor] = {}
    columns = (progress.state.tensors(), progress.average, *zip(*progress.moments))  # noqa: B905
    for kind, column in zip(
        ("value", "average", "first", "second"), columns, strict=True
    ):
        for name, tensor in zip(names, column, strict=True):
            tensors[f"{kind}/{name}"] = tensor.detach().contiguous().clone()
    temporary = path.with_name(f".{path.name}.part")
    save_file(tensors, temporary, metadata={"step": str(progress.step)})
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def load_checkpoint(path: Path, like: Progress) -> Progress:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        File that `save_checkpoint` wrote.
    like : Progress
        Fresh state of the same network: gives names, shapes and memory layout.

    Returns
    -------
    Progress

    Raises
    ------
    UserError
        If the file is damaged or of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            step = int(file.metadata()["step"])
            read = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"'{path}' is no checkpoint or is damaged ({error}); start the run anew in "
            "another folder."
        ) from error
    names = _names(like.state)

    def column(kind: str, templates: list[Tensor]) -> list[Tensor]:
        keys = [f"{kind}/{name}" for name in names]
        if any(
            k not in read or read[k].shape != t.shape
            for k, t in zip(keys, templates, strict=True)
        ):
            raise UserError(
                f"'{path}' belongs to another network; resume with the settings that "
                "the run was started with."
            )
        # copy_ keeps the template's memory layout, on which rounding depends.
        return [
            t.detach().clone().copy_(read[k])
            for k, t in zip(keys, templates, strict=True)
        ]

    values = [t.requires_grad_() for t in column("value", like.state.tensors())]
    split = len(like.state.params)
    state = MetaState(
        dict(zip(like.state.params, values[:split], strict=True)),
        dict(zip(like.state.log_rates, values[split:], strict=True)),
    )
    first = column("first", [m for m, _ in like.moments])
    second = column("second", [m for _, m in like.moments])
    return Progress(
        step,
        state,
        column("average", like.average),
        list(map(GradientMoments, first, second)),
    )


def _names(state: MetaState) -> list[str]:
    """Name the tensors in the order of `MetaState.tensors`."""
    return [f"param/{k}" for k in state.params] + [
        f"log_rate/{k}" for k in state.log_rates
    ]
