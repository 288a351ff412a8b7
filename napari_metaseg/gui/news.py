"""Word between docks of what has changed for all of them."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class News(QObject):
    """Tells every panel of this napari.

    Signals
    -------
    changed :
        What it is about is other than before.
    """

    changed = Signal()


STARTS = News()
"""Of the meta-initializations that can be chosen; one was installed or removed."""

LIBRARY = News()
"""Of the person's own library of tasks; something was added to it."""
