"""Generators that report progress and return a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")


def exhaust(steps: Generator[object, None, R]) -> R:
    """Run a generator to its end and return its value."""
    return relay_to(steps, lambda _: None)


def relay_to(steps: Generator[A, None, R], listener: Callable[[A], object]) -> R:
    """Run a generator to its end, passing what it yields to a listener.

    Parameters
    ----------
    steps : generator
        What to run.
    listener : callable
        Called with each value that is yielded.

    Returns
    -------
    object
        What the generator returns.
    """
    while True:
        try:
            value = next(steps)
        except StopIteration as stop:
            result: R = stop.value
            return result
        listener(value)


def relay(
    steps: Generator[A, None, R], convert: Callable[[A], B]
) -> Generator[B, None, R]:
    """Delegate to a generator, converting what it yields on the way.

    Parameters
    ----------
    steps : generator
        What to run; it is closed when this one is.
    convert : callable
        From a yielded value to the one to yield instead.

    Yields
    ------
    object

    Returns
    -------
    object
        What the generator returns.
    """
    try:
        while True:
            try:
                value = next(steps)
            except StopIteration as stop:
                result: R = stop.value
                return result
            yield convert(value)
    finally:
        steps.close()
