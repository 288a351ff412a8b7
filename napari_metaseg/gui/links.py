"""Connections to events: cut together, or made to wait for a rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable


class Links:
    """A set of connections, made as the panel follows other layers."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, Callable[..., None]]] = []

    def connect(self, emitter: Any, callback: Callable[..., None]) -> None:
        """Connect a bound method to an event."""
        emitter.connect(callback)
        self._made.append((emitter, callback))

    def cut(self) -> None:
        """Disconnect all."""
        while self._made:
            emitter, callback = self._made.pop()
            emitter.disconnect(callback)


def after_rest(parent: QObject, pause: int, call: Callable[[], None]) -> QTimer:
    """Make a timer that calls once it has not been started again for a while.

    Parameters
    ----------
    parent : QObject
        Owner of the timer.
    pause : int
        Length of the rest in ms.
    call : callable
        Bound method without arguments.

    Returns
    -------
    QTimer
        Not started.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(pause)
    timer.timeout.connect(call)
    return timer
