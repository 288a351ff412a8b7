"""A tool in hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .links import Links

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from .corrections import Tool
    from .trace import Trace


@dataclass
class Hold:
    """A tool in hand, on a layer, and what to give back with the layer.

    Attributes
    ----------
    layer : Labels
        The layer.
    tool : Tool
        The tool.
    escape : callable or None
        What the layer's Escape key did.
    links : Links
        Connections that end with it.
    brush : int or None
        Label of the brush, which napari's picker changes during a click.
    first : (plane, pixel) or None
        The first of two cells to join.
    trace : Trace or None
        What is drawn during a drag.
    """

    layer: Labels
    tool: Tool
    escape: Callable[..., Any] | None
    links: Links = field(default_factory=Links)
    brush: int | None = None
    first: tuple[tuple[int, ...], NDArray[np.floating]] | None = None
    trace: Trace | None = None

    def let_go(self) -> None:
        """End a click or a drag: nothing is left on the canvas or the brush."""
        if self.trace is not None:
            self.trace.vanish()
        if self.brush is not None:
            self.layer.selected_label = self.brush
        self.trace = self.brush = None
