"""Saved models: opened on the chosen image, in the worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from . import decoding, images, rounds
from .asking import ask_folder

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.workflows.results import Progress

    from .bench import Bench
    from .desk import Desk
    from .panel_view import PanelView


@dataclass(frozen=True, slots=True)
class Opening:
    """A saved model, and a snapshot of what it is to segment.

    Attributes
    ----------
    folder : Path
        Of the model.
    image : array
        As `axes` says.
    axes : str
        A letter for each axis of the image.
    channel : int or None
        Channel used, None for all.
    annotation : array of int32
        What is annotated already; it is put into the result.
    device : str
        Name of the device.
    previous : array of int32 or None
        Instances shown before, whose numbers are kept.
    """

    folder: Path
    image: Any
    axes: str
    channel: int | None
    annotation: NDArray[np.int32]
    device: str
    previous: NDArray[np.int32] | None


class Opener(QObject):
    """Asks for a saved model and shows what it finds in the chosen image.

    The result stands where that of an adaptation would: it can be decoded again,
    corrected, and adapted from what was corrected.

    Parameters
    ----------
    desk, bench : Desk, Bench
        The image, and what shows results.
    view : PanelView
        Device and settings.
    parent : QWidget
        Owner, and the dialog's parent.
    """

    def __init__(
        self, desk: Desk, bench: Bench, view: PanelView, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._desk, self._bench, self._view = desk, bench, view
        self._window = parent
        self._folder: Path | None = None
        view.open.clicked.connect(self.open)

    def open(self) -> None:
        """Ask for the folder and begin."""
        image, reading = self._desk.image, self._desk.reading
        annotation = self._desk.annotation_at_hand()
        if image is None or reading is None or annotation is None:
            return
        folder = ask_folder(self._window, "Open model", self._folder or Path.home())
        if folder is None or self._bench.running:
            return
        self._folder = folder.parent
        work = self._bench.works.on(image, reading)
        opening = Opening(
            folder,
            images.pixels(image),
            reading.axes,
            reading.channel,
            annotation.data.copy(),
            self._view.source.device,
            None if work.last is None else work.last.decoded.labels,
        )
        self._view.before.setChecked(False)
        self._bench.run(work, partial(open_model, opening))


def open_model(opening: Opening) -> Generator[Progress, None, rounds.Round]:
    """Segment an image with a saved model, and say whether the two fit."""
    start = time.perf_counter()
    rounds.import_torch()
    from napari_metaseg.workflows.adapt import load
    from napari_metaseg.workflows.applied import apply_steps

    applied = yield from apply_steps(
        load(opening.folder),
        opening.image,
        axes=opening.axes,
        channel=opening.channel,
        device=opening.device,
    )
    decoded = yield from decoding.decode(
        applied.model,
        applied.model.segmenter.settings,
        opening.annotation,
        opening.previous,
    )
    seconds = time.perf_counter() - start
    return rounds.Round(applied.model, decoded, seconds, warning=applied.warning)
