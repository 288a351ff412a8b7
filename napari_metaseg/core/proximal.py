"""The inner problem of iMAML: adapt, but stay near the meta-initialization.

The support loss plus ``strength / 2`` times the squared distance from an anchor
(Rajeswaran et al. 2019, eq. 3), solved to a stated gradient norm by L-BFGS
(Nocedal & Wright, Numerical Optimization, 2006, algorithm 7.5). The line search asks
for the weak Wolfe conditions by doubling and narrowing (Lewis & Overton, Math.
Program. 141, 2013, algorithm 2.6); once steps change the objective by no more than
its own rounding, the slope alone decides, so that 32 bits reach a small gradient too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .network import Params

MEMORY = 20
"""Number of steps from which the curvature is estimated."""

DECREASE, CURVATURE = 1e-4, 0.9
"""Constants of the Wolfe conditions."""

TRIALS = 25
"""Evaluations along one direction before giving up."""


@dataclass(frozen=True, slots=True)
class ProximalSettings:
    """How the inner problem is posed and how far it is solved.

    Attributes
    ----------
    strength : float
        Weight of half the squared distance from the anchor; positive.
    tolerance : float
        Gradient norm of the regularised loss at which to stop.
    max_evaluations : int
        Gradients of the support loss after which to stop all the same.

    Raises
    ------
    UserError
        If one of them is not positive.
    """

    strength: float
    tolerance: float
    max_evaluations: int

    def __post_init__(self) -> None:
        """Check the values."""
        if not (self.strength > 0 and self.tolerance > 0 and self.max_evaluations > 0):
            raise UserError(
                "Strength, tolerance and evaluations of the proximal inner loop must "
                "be positive; choose other values."
            )


@dataclass(frozen=True)
class ProximalStep:
    """The state at the start (index 0) or after a step of the solver.

    Attributes
    ----------
    index : int
        Number of steps taken.
    params : Params
        Parameters after them.
    loss : Tensor
        Support loss there, without the proximal term; scalar.
    gradient_norm : float
        Norm of the gradient of the regularised loss there.
    evaluations : int
        Gradients of the support loss computed so far.
    """

    index: int
    params: Params
    loss: Tensor
    gradient_norm: float
    evaluations: int


class _Point(NamedTuple):
    """The regularised loss at a place, and along the direction that led there.

    ``size`` is that of the summands of ``value``, which set how it is rounded.
    """

    place: Tensor
    loss: Tensor
    gradient: Tensor
    value: float
    size: float
    slope: float
    norm: float


def solve_proximal(
    loss: Callable[[Params], Tensor],
    anchor: Params,
    settings: ProximalSettings,
    start: Params | None = None,
) -> Generator[ProximalStep, None, None]:
    """Minimise ``loss(p) + strength / 2 |p - anchor|^2``, one yield per step.

    The last yield is within the tolerance, unless the evaluations run out, a loss
    is not finite, or rounding leaves nothing to gain; its ``gradient_norm`` tells.
    Where the regularised loss is convex with curvature of at least ``m``, that place
    is within ``gradient_norm / m`` of the minimum wherever it started, so warm and
    cold starts end within the sum of the two. ``m`` is at least ``strength`` for a
    convex loss.

    Parameters
    ----------
    loss : callable
        Support loss (scalar) of parameters; differentiable, the same at each call.
    anchor : Params
        Where the proximal term pulls to: the meta-initialization. All tensors of
        one type and device.
    settings : ProximalSettings
        The problem and its tolerance.
    start : Params, optional
        Where to begin, such as the solution for an earlier annotation. Default the
        anchor.

    Yields
    ------
    ProximalStep
        Detached from any graph. Index 0 is the start.
    """
    names = list(anchor)
    like = [anchor[k].detach() for k in names]
    origin = torch.cat([t.reshape(-1) for t in like])
    begin = anchor if start is None else start
    evaluations = 0

    def unpack(place: Tensor) -> Params:
        parts = torch.split(place, [t.numel() for t in like])
        return {k: p.view(t.shape) for k, p, t in zip(names, parts, like, strict=True)}

    def evaluate(place: Tensor, direction: Tensor) -> _Point:
        nonlocal evaluations
        evaluations += 1
        with torch.enable_grad():
            leaf = place.detach().requires_grad_()
            value = loss(unpack(leaf))
            (gradient,) = torch.autograd.grad(value, leaf)
        value, away = value.detach(), place - origin
        gradient = gradient + settings.strength * away
        pull = 0.5 * settings.strength * away.dot(away)
        told = [
            value + pull,
            value.abs() + pull,
            gradient.dot(direction),
            torch.linalg.vector_norm(gradient),
        ]
        # One transfer from the device for all of them.
        return _Point(place, value, gradient, *torch.stack(told).tolist())

    def step(index: int, point: _Point) -> ProximalStep:
        return ProximalStep(
            index, unpack(point.place), point.loss, point.norm, evaluations
        )

    memory = _Memory()
    place = torch.cat([begin[k].detach().reshape(-1) for k in names])
    point = evaluate(place, torch.zeros_like(place))
    yield step(0, point)
    index = 0
    while point.norm > settings.tolerance:
        found = _search(
            evaluate,
            point,
            memory.direction(point, settings.strength),
            min(TRIALS, settings.max_evaluations - evaluations),
        )
        if found is None:
            return
        memory.remember(found.place - point.place, found.gradient - point.gradient)
        point, index = found, index + 1
        yield step(index, point)


class _Memory:
    """The last steps and what they did to the gradient."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []

    def remember(self, moved: Tensor, bent: Tensor) -> None:
        """Keep a pair; the line search has made their product positive."""
        self.pairs = [*self.pairs, (moved, bent, moved.dot(bent))][-MEMORY:]

    def direction(self, point: _Point, strength: float) -> Tensor:
        """Apply the estimated inverse Hessian to minus the gradient."""
        result = -point.gradient
        if not self.pairs:
            # No step is longer than 1, nor than it would be without a support.
            return result / (strength + point.norm)
        shares = []
        for moved, bent, product in reversed(self.pairs):
            shares.append(moved.dot(result) / product)
            result = result - shares[-1] * bent
        _, bent, product = self.pairs[-1]
        result = result * (product / bent.dot(bent))
        for (moved, bent, product), share in zip(
            self.pairs, reversed(shares), strict=True
        ):
            result = result + (share - bent.dot(result) / product) * moved
        return result


def _search(
    evaluate: Callable[[Tensor, Tensor], _Point],
    point: _Point,
    direction: Tensor,
    trials: int,
) -> _Point | None:
    """Find a point along a direction that will do, if the trials suffice."""
    value, slope = point.value, float(point.gradient.dot(direction))
    if not slope < 0:
        return None
    rounding = 10 * torch.finfo(direction.dtype).eps * point.size
    low, high, length = (0.0, value, slope), (math.inf, math.inf), 1.0
    for _ in range(trials):
        trial = evaluate(point.place + length * direction, direction)
        bound = value + DECREASE * length * slope
        steep = trial.value > bound and trial.slope > -CURVATURE * slope
        if not trial.value <= bound + rounding or steep:
            high = (length, trial.value)
        elif trial.slope < CURVATURE * slope:
            low = (length, trial.value, trial.slope)
        else:
            return trial
        length = _between(low, high)
    return None


def _between(low: tuple[float, float, float], high: tuple[float, float]) -> float:
    """Twice the length without an upper bound, else the minimum of a parabola."""
    start, value, slope = low
    width = high[0] - start
    if math.isinf(width):
        return 2 * start
    bend = high[1] - value - slope * width
    share = -0.5 * slope * width / bend if bend > 0 else 0.5
    return start + width * (share if 0.1 <= share <= 0.9 else 0.5)
