"""Parts of a panel that tell the person what came of their work."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from .guidance import Line, Tone


class Teller(QObject):
    """A part of a panel; what it tells is shown in the panel's one line.

    Signals
    -------
    told : object
        A `Line`.
    """

    told = Signal(object)

    def say(self, text: str, tone: Tone = Tone.NEXT) -> None:
        """Tell something."""
        self.told.emit(Line(text, tone))

    def warn(self, text: str) -> None:
        """Tell why something was not done."""
        self.say(text, Tone.WARNING)
