"""The result before adaptation, for as long as its box is ticked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from qtpy.QtWidgets import QCheckBox

    from .bench import Bench
    from .desk import Desk
    from .work import Seen


class Before(QObject):
    """Shows what the un-adapted network finds, and the adapted result again.

    Parameters
    ----------
    box : QCheckBox
        Ticked while the former is to be seen.
    desk, bench : Desk, Bench
        The chosen image, and what shows its results.
    parent : QObject
        Owner.
    """

    def __init__(
        self, box: QCheckBox, desk: Desk, bench: Bench, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._box, self._desk, self._bench = box, desk, bench
        self._compared: Seen | None = None
        box.toggled.connect(self._turn)
        desk.image_changed.connect(self.go_back)

    def go_back(self) -> None:
        """Show what was seen when it was ticked, of the image of then."""
        self._box.setChecked(False)

    def leave(self) -> None:
        """Untick the box, silently: something else is about to be shown."""
        self._compared = None
        self._box.setChecked(False)

    def _turn(self, before: bool) -> None:
        work = self._bench.works.of(self._desk)
        if before and work is not None and work.in_view is not None:
            self._compared = work.in_view
            self._bench.decode(work, work.in_view.decoded.settings, adapted=False)
        elif self._compared is not None:
            self._bench.show_again(self._compared)
            self._compared = None
