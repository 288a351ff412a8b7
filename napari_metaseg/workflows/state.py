"""What a network knows: its parameters, and the context of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.inner_loop import Context
from napari_metaseg.core.network import Moments, Params, PrototypeUNet
from napari_metaseg.core.stored_evidence import read_evidence
from napari_metaseg.io.bundle import check_params

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor


class State(NamedTuple):
    """A network's parameters, and what is known of the task with them.

    Attributes
    ----------
    params : Params
        Parameters by name.
    context : Context
        Fitted on the support with these parameters.
    """

    params: Params
    context: Context

    def to(self, device: torch.device) -> State:
        """Copy to a device."""
        params = {k: v.to(device) for k, v in self.params.items()}
        return State(params, self.context.to(device))


def name_tensors(part: str, state: State) -> Iterator[tuple[str, Tensor]]:
    """Name all tensors of a state, for a file.

    Parameters
    ----------
    part : str
        What all names begin with.
    state : State
        Which one.

    Yields
    ------
    (str, Tensor)
    """
    context = state.context
    for name, tensor in state.params.items():
        yield f"{part}/params/{name}", tensor
    for i, tensor in enumerate((*context.moments.seeing, *context.moments.deciding)):
        yield f"{part}/moments/{i}", tensor
    if context.prototype is not None:
        yield f"{part}/context/prototype", context.prototype
    if context.mix is not None:
        yield f"{part}/context/mix", context.mix
    if context.evidence is not None:
        for name, tensor in context.evidence._asdict().items():
            yield f"{part}/evidence/{name}", tensor


def read_state(
    part: str,
    tensors: dict[str, Tensor],
    module: PrototypeUNet,
    channels: int,
    folder: Path,
) -> State:
    """Check and read what `name_tensors` named.

    Parameters
    ----------
    part : str
        What all its names begin with.
    tensors : dict of str to Tensor
        From a file.
    module : PrototypeUNet
        Its structure.
    channels : int
        Image channels that its evidence must be fitted for.
    folder : Path
        To name in the message.

    Raises
    ------
    UserError
        If a tensor is missing, of another shape, or not finite.
    """

    def within(kind: str) -> dict[str, Tensor]:
        prefix = f"{part}/{kind}/"
        return {
            k.removeprefix(prefix): v.to(torch.float32)
            for k, v in tensors.items()
            if k.startswith(prefix) and torch.isfinite(v).all()
        }

    params = check_params(within("params"), module.architecture, folder)
    like, found = module.moment_shapes(), within("moments")
    flat = [found.get(str(i)) for i in range(len(like.seeing) + len(like.deciding))]
    known_of_task = within("context")
    prototype, mix = known_of_task.get("prototype"), known_of_task.get("mix")
    evidence = read_evidence(within("evidence"), channels)
    if (
        any(
            t is None or t.shape != shape.shape
            for t, shape in zip(flat, (*like.seeing, *like.deciding), strict=True)
        )
        or (part.endswith("adapted") and (prototype is None or evidence is None))
        or (prototype is not None and prototype.shape != (module.prototype_size,))
        or (mix is not None and not _is_mix(mix, channels))
    ):
        raise UserError(
            f"The weights in '{folder}' do not say what the painted cells were like; "
            "save the model again."
        )
    split = len(like.seeing)
    known = tuple(t for t in flat if t is not None)
    moments = Moments(known[:split], known[split:])
    return State(params, Context(moments, prototype, evidence, mix))


def _is_mix(mix: Tensor, channels: int) -> bool:
    return mix.shape == (channels,) and bool((mix >= 0).all() and mix.sum() > 0)
