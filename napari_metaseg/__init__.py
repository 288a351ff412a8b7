"""Learn a new kind of cell from one to three painted examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .core.patience import wait_asleep

if TYPE_CHECKING:
    from .workflows.adapt import AdaptedModel, adapt, load

__version__ = "0.1.0"
__all__ = ["AdaptedModel", "__version__", "adapt", "load"]

wait_asleep()


def __getattr__(name: str) -> Any:
    """Import the workflows on first use, so that importing this stays instant."""
    if name in ("AdaptedModel", "adapt", "load"):
        from .workflows import adapt as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
