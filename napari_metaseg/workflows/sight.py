"""What a person is shown of an image while a round is at work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.instances import keep_numbers

from .blend import blend
from .preview import IN_VIEW, Frame, choose_window
from .results import Progress
from .segmenter import Labels, decode_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_metaseg.core.settings import DecodeSettings

    from .adapted import View
    from .drawing import Drawings, Parts
    from .lens import Lens
    from .preview import PlaneWindow


class Sight:
    """What is seen before all cells are found: all of a small image, part of a large.

    Parameters
    ----------
    views : sequence of View
        The images; the first one is shown.
    lens : Lens
        How they are looked at.
    look_at : PlaneWindow or None
        What is in view.
    previous : array of int32 or None
        What the last round has left.
    settings : DecodeSettings
        How what is drawn becomes instances.
    """

    def __init__(
        self,
        views: Sequence[View],
        lens: Lens,
        look_at: PlaneWindow | None,
        previous: Labels | None,
        settings: DecodeSettings,
    ) -> None:
        self._view, self._lens, self._look_at = views[0], lens, look_at
        self._previous, self._settings = previous, settings
        self._window = choose_window(views[0], lens, look_at, IN_VIEW)
        self._wide = Frame(lens, views[0], self._window, settings)
        self.parts: list[Parts] = [{} for _ in views]
        """What is in view, of each image."""
        self.parts[0][self._wide.plane] = self._wide.part

    def before(self, drawn: Drawings) -> tuple[Progress, Frame]:
        """Show what the start has drawn so far.

        Returns
        -------
        Progress
        Frame
            The small part that is looked at in every step.
        """
        found = decode_planes(drawn.outputs[0], self._settings)
        if not drawn.complete:
            found = self._amid_the_last(found)
        window = choose_window(self._view, self._lens, self._look_at)
        close = Frame(self._lens, self._view, window, self._settings)
        for frame in (self._wide, close):
            frame.follow(found)
        labels = self._view.planes.join(found)
        told = Progress("before", 25, 100, "Before adaptation", preview=labels)
        return told, close

    def after(self, before: Drawings, after: Drawings, share: float) -> Progress:
        """Show what is in view after adapting, while the rest is still to be drawn."""
        place = self._wide.plane, (slice(None), *self._wide.part)
        old, new = (d.outputs[0][place[0]].maps[place[1]] for d in (before, after))
        region = self._wide.region(blend(old, new, share) if share else new)
        message = "Found what is in view; finding all cells"
        return Progress("segment", 55, 100, message, region=region)

    def _amid_the_last(self, found: Labels) -> Labels:
        """Put what is in view into what the last round has left, if anything."""
        view = self._view
        if self._previous is None or self._previous.shape != view.planes.shape:
            return found
        shown = view.planes.split(self._previous).copy()
        part = found[self._window]
        if not self._settings.region:
            part = keep_numbers(part, shown[self._window], np.zeros_like(part))
        shown[self._window] = part
        return shown
