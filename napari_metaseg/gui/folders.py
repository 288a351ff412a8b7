"""A folder of images is segmented with the current model, in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay
from napari_metaseg.core.words import counted

from .guidance import Tone
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    from qtpy.QtCore import QObject

    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.crews import Crew
    from napari_metaseg.workflows.folder_settings import FolderProgress, FolderReport

    from .bench import Bench
    from .desk import Desk
    from .folder_form import FolderForm


@dataclass(frozen=True, slots=True)
class FolderOrder:
    """A folder to segment, and with what.

    Attributes
    ----------
    model : AdaptedModel
        The current one.
    settings : DecodeSettings
        How the network's output becomes cells.
    images, output : Path
        Folders.
    normalise : str
        ``"each"`` or ``"all"``.
    jobs : int
        Images at a time.
    """

    model: AdaptedModel
    settings: DecodeSettings
    images: Path
    output: Path
    normalise: str
    jobs: int


class Step(NamedTuple):
    """How far a folder has come, for the bar in napari's corner too."""

    step: int
    total: int
    state: FolderProgress


class Folders(Teller):
    """Segments folders, one at a time."""

    def __init__(
        self, desk: Desk, bench: Bench, form: FolderForm, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._desk, self._bench, self._form = desk, bench, form
        self._runner = Runner("Segmenting a folder", self)
        self._runner.progressed.connect(self._on_progress)
        self._runner.returned.connect(self._on_returned)
        self._runner.refused.connect(self.warn)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.idle.connect(self._refresh)
        form.start.clicked.connect(self.press)
        form.images.text.textChanged.connect(self._refresh)
        form.output.text.textChanged.connect(self._refresh)
        for signal in (desk.image_changed, desk.changed, bench.changed, bench.shown):
            signal.connect(self._refresh)
        self._refresh()

    def press(self) -> None:
        """Segment the folder; while that runs, cancel it."""
        order = self._order()
        if self._runner.running:
            self._runner.cancel()
        elif order is not None:
            self._form.show_lines([])
            self._form.show_table(None)
            self._form.show_progress(0, 1)
            self._runner.start(partial(segment, order))
        self._refresh()

    def leave(self) -> None:
        """End whatever runs; what is finished is kept."""
        self._runner.drop()

    def _order(self) -> FolderOrder | None:
        work, form = self._bench.works.of(self._desk), self._form
        images, output = form.images.path, form.output.path
        if work is None or work.last is None or images is None or output is None:
            return None
        return FolderOrder(
            work.last.model,
            work.last.decoded.settings,
            images,
            output,
            str(form.normalise.value),
            int(form.jobs.value()),
        )

    def _refresh(self) -> None:
        running, stopping = self._runner.running, self._runner.stopping
        possible = self._order() is not None
        self._form.show_running(running, stopping, possible=possible)

    def _on_progress(self, step: Step) -> None:
        state = step.state
        self._form.show_progress(state.done + state.share, state.total)
        if state.path is not None:
            self._form.add_line(_about(state))

    def _on_returned(self, report: FolderReport) -> None:
        self._form.show_table(report.summary)
        for suffix, count in sorted(report.left_out.items()):
            what = f"'{suffix}'" if suffix else "files without a suffix"
            self._form.add_line(f"Left out, no images: {count} of {what}")
        text = f"{counted(report.segmented, 'image')} segmented"
        if report.kept:
            text += f", {report.kept} finished before"
        if report.problems:
            text += f", {len(report.problems)} skipped: the list says why"
        tone = Tone.WARNING if report.problems else Tone.DONE
        self.say(f"{text}.", tone)

    def _on_failed(self, error: Exception) -> None:
        text = f"Segmenting the folder failed ({error}); what is finished is kept."
        self.warn(text)

    def _on_cancelled(self) -> None:
        text = "Cancelled; what is finished is kept, and 'Segment folder' goes on."
        self.say(text)


def segment(order: FolderOrder) -> Generator[Step, None, FolderReport]:
    """Segment a folder, by processes if several images are wanted at a time."""
    from napari_metaseg.workflows.folder import segment_folder
    from napari_metaseg.workflows.folder_settings import FolderSettings
    from napari_metaseg.workflows.folder_work import Look

    if not order.images.is_dir():
        raise UserError(f"There is no folder '{order.images}'; choose another one.")
    settings = FolderSettings(Look(settings=order.settings), normalise=order.normalise)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        crew = _crew(order, Path(folder) / "model")
        steps = segment_folder(crew, [order.images], order.output, settings)
        return (yield from relay(steps, _step))


def _step(state: FolderProgress) -> Step:
    share = round(100 * (state.done + state.share))
    return Step(share, 100 * max(1, state.total), state)


def _crew(order: FolderOrder, folder: Path) -> Crew:
    from napari_metaseg.workflows.crews import Alone
    from napari_metaseg.workflows.processes import Processes

    if order.jobs == 1:
        return Alone(order.model.segmenter)
    order.model.save(folder)
    return Processes(order.model.segmenter, folder, order.jobs)


def _about(state: FolderProgress) -> str:
    name = "" if state.path is None else state.path.name
    if state.problem:
        return f"✗ {name}: {state.problem}"
    return f"✓ {name}: {state.message.rpartition(': ')[2]}"
