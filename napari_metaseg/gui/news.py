"""Word between docks that the starts which can be chosen have changed."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class Starts(QObject):
    """Tells every panel of this napari.

    Signals
    -------
    changed :
        A meta-initialization was installed or removed.
    """

    changed = Signal()


STARTS = Starts()
"""The one that all panels share."""
