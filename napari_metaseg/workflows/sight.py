"""What a person is shown of an image while a round is at work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.instances import keep_numbers

from .around import judged_in
from .blend import blend
from .preview import IN_VIEW, Frame, choose_window
from .results import Progress
from .segmenter import Labels, decode_planes

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_metaseg.core.plane_output import PlaneOutput
    from napari_metaseg.core.settings import DecodeSettings

    from .adapted import View
    from .drawing import Drawings
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
        self._view, self._lens = views[0], lens
        self._previous, self._settings = previous, settings
        wide = choose_window(views[0], lens, look_at, IN_VIEW)
        self._wide = Frame(lens, views[0], wide, settings)
        close = choose_window(views[0], lens, look_at)
        self._close = Frame(lens, views[0], close, settings)

    def before(self, drawn: Drawings) -> tuple[Progress, Frame]:
        """Show what was drawn before adapting, so far.

        Returns
        -------
        Progress
        Frame
            The small part that is looked at in every step.
        """
        planes = self._view.planes
        if drawn.complete:
            labels = planes.join(decode_planes(drawn.outputs[0], self._settings))
        else:
            labels = self._amid_the_last(drawn.outputs[0])
        for frame in (self._wide, self._close):
            frame.follow(planes.split(labels))
        told = Progress("before", 25, 100, "Before adaptation", preview=labels)
        return told, self._close

    def after(
        self, before: Drawings, after: Drawings, share: float, settings: DecodeSettings
    ) -> Generator[Progress, None, None]:
        """Draw and show what is in view after adapting, tile by tile.

        Parameters
        ----------
        before, after : Drawings
            By the un-adapted and by the adapted network.
        share : float
            How much the un-adapted network counts.
        settings : DecodeSettings
            How what the adapted network draws becomes instances.
        """
        self._wide.decode_by(settings)
        frame, first = self._wide, before.plane(self._wide.plane)
        drawing = after.plane(frame.plane)
        if first is None or drawing is None:
            return
        tiles = drawing.left_in(frame.part, self._close.part)
        drawn = np.zeros(drawing.output.maps.shape[1:], bool)
        for number, tile in enumerate(tiles, start=1):
            drawing.draw(tile)
            drawn[tile.write] = True
            maps = drawing.output.maps[(slice(None), *frame.part)]
            if share:
                first.draw(tile)
                old = first.output.maps[(slice(None), *frame.part)]
                maps = blend(old, maps, share)
            part = frame.show(maps, drawn[frame.part])
            bar = 52 + round(3 * number / len(tiles))
            message = "Finding what is in view"
            if number == len(tiles):
                message = "Found what is in view; finding all cells"
            yield Progress("segment", bar, 100, message, part=part)

    def so_far(
        self, drawn: Sequence[PlaneOutput], settings: DecodeSettings, bar: int
    ) -> Progress:
        """Show all that is found at one scale, before others have a vote.

        Parameters
        ----------
        drawn : sequence of PlaneOutput
            Of each plane.
        settings : DecodeSettings
            How it becomes instances.
        bar : int
            Where the progress bar stands (per cent).
        """
        planes, previous = self._view.planes, self._previous
        found = decode_planes(list(drawn), settings)
        if previous is not None and previous.shape == planes.shape:
            before = planes.split(previous)
            blank = np.zeros_like(found[0])
            pairs = zip(found, before, strict=True)
            found = np.stack([keep_numbers(new, old, blank) for new, old in pairs])
        message = "Found at one scale; looking at others"
        return Progress("segment", bar, 100, message, preview=planes.join(found))

    def _amid_the_last(self, drawn: Sequence[PlaneOutput]) -> Labels:
        """Put what is around painted cells into what the last round has left."""
        view, planes = self._view, self._view.planes
        shown = np.zeros(planes.shape, np.int32)
        if self._previous is not None and self._previous.shape == planes.shape:
            shown = self._previous.copy()
        for index, output in enumerate(drawn):
            known = [planes.split(labels)[index] for labels in view.known]
            for window in judged_in(known, output.working, output.diameter):
                frame = Frame(self._lens, view, (index, *window), self._settings)
                frame.follow(planes.split(shown))
                part = frame.show(output.maps[(slice(None), *frame.part)])
                shown[part.place] = part.labels
        return shown
