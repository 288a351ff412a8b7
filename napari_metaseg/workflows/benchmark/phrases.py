"""How figures are written in tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .statistics import Comparison


def number(value: float, digits: int = 3) -> str:
    """Write a figure; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def percent(value: float) -> str:
    """Write a share."""
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def arrow(before: float, after: float) -> str:
    """Write a figure before and after learning."""
    return f"{number(before)} → {number(after)}"


def interval(found: Comparison | None) -> str:
    """Write a difference and its interval, in points."""
    if found is None:
        return "–"
    points = (100 * x for x in (found.difference, found.low, found.high))
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*points)
