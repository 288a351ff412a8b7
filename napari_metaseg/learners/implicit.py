"""The implicit meta-gradient of iMAML, by conjugate gradients.

How the solution of the proximal inner problem moves with the meta-initialization
follows from its being a stationary point; the path that led there plays no part
(Rajeswaran et al. 2019, lemma 1 and algorithm 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.core.network import Params


@dataclass(frozen=True)
class CGResult:
    """Answer of `conjugate_gradient`.

    Attributes
    ----------
    solution : (n,) tensor
        The best answer so far.
    residuals : tuple of float
        Norm of ``b - A x`` after each step, as a share of the norm of ``b``.
    truncated : bool
        Whether non-positive curvature ended it.
    """

    solution: Tensor
    residuals: tuple[float, ...]
    truncated: bool


@dataclass(frozen=True)
class ImplicitGradient:
    """Gradient of the query loss through the inner solution.

    Attributes
    ----------
    anchor : Params
        With respect to the anchor: the meta-initialization of what moves.
    fixed : Params
        With respect to what the support loss depends on besides, through the
        solution alone; what the query loss makes of it directly comes on top.
    residuals : tuple of float
        Of the conjugate gradients, see `CGResult`.
    truncated : bool
        Whether non-positive curvature ended them: the solution is no minimum.
    evaluations : int
        Gradients of the support loss this is worth; a Hessian-vector product counts
        2.
    """

    anchor: Params
    fixed: Params
    residuals: tuple[float, ...]
    truncated: bool
    evaluations: int


def conjugate_gradient(
    matvec: Callable[[Tensor], Tensor],
    b: Tensor,
    max_steps: int,
    tolerance: float,
) -> CGResult:
    """Solve ``A x = b`` for a symmetric A (Hestenes & Stiefel 1952).

    A direction along which A does not curve upwards ends it with what has been
    found until then (Steihaug 1983); if already the first one does not, with ``b``,
    which is the answer for the identity.

    Parameters
    ----------
    matvec : callable
        Multiplies a vector by A.
    b : (n,) tensor
        Right-hand side.
    max_steps : int
        Largest number of products with A; n suffice in exact arithmetic.
    tolerance : float
        Share of the norm of ``b`` that may be left as residual.

    Returns
    -------
    CGResult
    """
    x, residual, direction = torch.zeros_like(b), b, b
    square = float(b.dot(b))
    goal, whole = tolerance**2 * square, square
    residuals: list[float] = []
    while square > goal and len(residuals) < max_steps:
        product = matvec(direction)
        curvature = float(direction.dot(product))
        if not curvature > 0:
            return CGResult(x if residuals else b, tuple(residuals), True)
        length = square / curvature
        x = x + length * direction
        residual = residual - length * product
        square, previous = float(residual.dot(residual)), square
        residuals.append((square / whole) ** 0.5)
        direction = residual + (square / previous) * direction
    return CGResult(x, tuple(residuals), False)


def implicit_gradient(
    loss: Callable[[Params, Params], Tensor],
    solution: Params,
    fixed: Params,
    strength: float,
    query_gradient: Params,
    *,
    max_steps: int = 10,
    tolerance: float = 1e-2,
) -> ImplicitGradient:
    """Differentiate a query loss through the solution of the inner problem.

    With the Hessian ``H`` of the support loss at the solution and the query
    gradient ``g`` there, ``v = (I + H / strength)^-1 g`` is the gradient with
    respect to the anchor, and ``- d/dfixed <dL/dmoving, v / strength>`` the one
    with respect to ``fixed``. Both hold at a stationary point of the regularised
    loss, so the inner problem must have been solved.

    Parameters
    ----------
    loss : callable
        Support loss (scalar) of what moves and what is fixed; twice differentiable.
    solution : Params
        What moves, at the inner solution. All tensors of one type and device.
    fixed : Params
        Whatever else to differentiate with respect to: further parameters, or
        cached features through which the caller goes on backwards.
    strength : float
        Of the proximal term.
    query_gradient : Params
        Gradient of the query loss with respect to what moves, at the solution.
    max_steps : int
        Largest number of conjugate-gradient steps.
    tolerance : float
        Relative residual at which they stop.

    Returns
    -------
    ImplicitGradient
        Detached from any graph.
    """
    with torch.enable_grad():
        moving = {k: p.detach().requires_grad_() for k, p in solution.items()}
        others = {k: p.detach().requires_grad_() for k, p in fixed.items()}
        leaves = [*moving.values(), *others.values()]
        # The fixed tensors are inputs too, so that this graph leads on to them.
        slopes = torch.autograd.grad(
            loss(moving, others), leaves, create_graph=True, materialize_grads=True
        )[: len(moving)]
        slope = torch.cat([s.reshape(-1) for s in slopes])

    def along(direction: Tensor, tensors: Params) -> list[Tensor]:
        return list(
            torch.autograd.grad(
                slope,
                list(tensors.values()),
                direction,
                retain_graph=True,
                materialize_grads=True,
            )
        )

    def matvec(direction: Tensor) -> Tensor:
        bent = torch.cat([t.reshape(-1) for t in along(direction, moving)])
        return direction + bent / strength

    b = torch.cat([query_gradient[k].detach().reshape(-1) for k in moving])
    found = conjugate_gradient(matvec, b, max_steps, tolerance)
    parts = torch.split(found.solution, [p.numel() for p in moving.values()])
    mixed = along(-found.solution / strength, others) if others else []
    products = len(found.residuals) + found.truncated + bool(others)
    return ImplicitGradient(
        {k: v.view(p.shape) for (k, p), v in zip(moving.items(), parts, strict=True)},
        dict(zip(others, mixed, strict=True)),
        found.residuals,
        found.truncated,
        1 + 2 * products,
    )
