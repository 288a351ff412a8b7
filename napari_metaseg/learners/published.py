"""Meta-gradients as papers publish them, on the losses of any network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_metaseg.core.proximal import ProximalSettings, solve_proximal

from .implicit import conjugate_gradient, implicit_gradient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_metaseg.core.network import Params

    from .inner import Inner, Loss


class TaskLosses(NamedTuple):
    """A task: what is learned from, and what is to be good at.

    Attributes
    ----------
    support, query : callable
        Loss (scalar) of parameters.
    """

    support: Loss
    query: Loss


class MetaGradient(NamedTuple):
    """Gradient of one task, and its query loss after adaptation.

    ``solved`` tells whether an inner problem that has a tolerance reached it.
    """

    gradients: Params
    query_loss: float
    solved: bool = True


def joint(task: TaskLosses, params: Params) -> MetaGradient:
    """Learn support and query alike, without adaptation: supervised training."""
    loss = (task.support(params) + task.query(params)) / 2
    return MetaGradient(_gradient(loss, params), float(loss.detach()))


def maml(task: TaskLosses, params: Params, inner: Inner) -> MetaGradient:
    """Differentiate the query loss through the steps (Finn et al. 2017)."""
    adapted = inner.adapt(task.support, params, second_order=True)
    loss = task.query(adapted)
    return MetaGradient(_gradient(loss, params), float(loss.detach()))


def first_order(task: TaskLosses, params: Params, inner: Inner) -> MetaGradient:
    """Take the query gradient where the steps end for that where they begin."""
    query, slopes = _query(task, inner.adapt(task.support, params))
    return MetaGradient(slopes, query)


def imaml(
    task: TaskLosses,
    params: Params,
    settings: ProximalSettings,
    *,
    cg_steps: int,
    cg_tolerance: float,
) -> MetaGradient:
    """Differentiate at the solution of the proximal problem, implicitly.

    Rajeswaran et al. 2019, algorithm 2. The inner problem is solved as far as
    ``settings`` say.
    """
    (*_, last) = solve_proximal(task.support, params, settings)
    query, slopes = _query(task, last.params)
    found = implicit_gradient(
        lambda moving, _: task.support(moving),
        last.params,
        {},
        settings.strength,
        slopes,
        max_steps=cg_steps,
        tolerance=cg_tolerance,
    )
    solved = last.gradient_norm <= settings.tolerance
    return MetaGradient(found.anchor, query, solved)


def imaml_shortcut(
    task: TaskLosses, params: Params, inner: Inner, *, strength: float, cg_steps: int
) -> MetaGradient:
    """Do what the published code of Khadka et al. 2022 does.

    A few inner steps without the proximal term, and so few conjugate-gradient steps
    on ``(I + H / strength) x = g``, which begin with ``x = g``. For a large strength
    this is first-order MAML with a small correction.
    """
    adapted = inner.adapt(task.support, params)
    query, slopes = _query(task, adapted)
    leaves = {k: p.detach().requires_grad_() for k, p in adapted.items()}
    slope = _flat(
        torch.autograd.grad(
            task.support(leaves), list(leaves.values()), create_graph=True
        )
    )

    def matvec(vector: Tensor) -> Tensor:
        bent = torch.autograd.grad(
            slope, list(leaves.values()), vector, retain_graph=True
        )
        return vector + _flat(bent) / strength

    g = _flat(slopes.values())
    x = g + conjugate_gradient(matvec, g - matvec(g), cg_steps, 0.0).solution
    parts = torch.split(x, [p.numel() for p in params.values()])
    gradients = {
        k: part.view(p.shape)
        for (k, p), part in zip(params.items(), parts, strict=True)
    }
    return MetaGradient(gradients, query)


def _query(task: TaskLosses, adapted: Params) -> tuple[float, Params]:
    at = {k: p.detach().requires_grad_() for k, p in adapted.items()}
    loss = task.query(at)
    return float(loss.detach()), _gradient(loss, at)


def _gradient(loss: Tensor, params: Params) -> Params:
    slopes = torch.autograd.grad(loss, list(params.values()))
    return dict(zip(params, slopes, strict=True))


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.reshape(-1) for t in tensors])
