"""The dock "MetaSeg: Meta-train": plan a run, start it, watch it, keep its result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.words import counted
from napari_metaseg.gui import rounds
from napari_metaseg.gui.asking import ask_folder, open_file
from napari_metaseg.gui.dock import Dock
from napari_metaseg.gui.guidance import Line, Tone
from napari_metaseg.gui.news import LIBRARY, STARTS
from napari_metaseg.gui.worker import Runner
from napari_metaseg.io.sources.history import task_library

from . import closing, jobs, words
from .history import free_name, history_file, runs_folder
from .launch import ERRORS
from .office import Office
from .sharing import Sharing
from .train_view import TrainView

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtGui import QShowEvent

    from napari_metaseg.io.sources.check import SourceProgress

    from .jobs import Preview, Recent


class TrainPanel(Dock):
    """The dock widget.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to; training needs none of its layers.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.view = TrainView()
        self.fill(self.view)
        self.office = Office(history_file(), self)
        self.sharing = Sharing(self)
        self._farewell = closing.Farewell(self, self._on_closing)
        self._data: Path | None = None
        self._place: Path | None = None
        self._seen: Preview | None = None
        self._refusal: str | None = None
        self._reading_at = (0, 0)
        self._known: dict[Path, str] = {}
        self._titles: list[tuple[str, Path]] | None = None
        self._preparing = Runner("Loading", self)
        self._surveying = Runner("Looking for runs", self)
        self._reading = Runner("Reading tasks", self)
        self._connect()
        self._propose_name()
        self._offer_runs()
        self._refresh()
        self.begin_soon(self._prepare)

    def read_data(self, folder: Path) -> None:
        """Look through a folder of data."""
        self._data = folder
        self._seen, self._refusal, self._reading_at = None, None, (0, 0)
        self.view.setup.show_data(None, f"Looking through {folder}…")
        self.view.setup.tasks.setVisible(False)
        self._reading.start(partial(jobs.preview, folder))
        self._refresh()

    def start(self) -> None:
        """Start the run that is planned."""
        plan = self.view.setup.plan
        if plan is not None and self._seen is not None:
            self.office.start(plan, self._seen)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Know the window that this dock is in."""
        super().showEvent(event)
        self._farewell.find_window()

    def leave(self) -> None:
        """End whatever runs here; training goes on."""
        self.office.leave()
        self.sharing.leave()
        self._reading.drop()
        self._surveying.drop()

    def _on_closing(self) -> None:
        """Ask whether a run that was started here is to go on without napari."""
        run = self.office.monitor.folder
        if run is None or run not in self.office.monitor.launched:
            return
        if self.office.going and not closing.ask_to_keep(self, run.name):
            jobs.pause_now(run)

    def _prepare(self) -> None:
        self._preparing.start(rounds.prepare)
        self._surveying.start(partial(jobs.survey, history_file()))

    def _connect(self) -> None:
        view, office = self.view, self.office
        view.setup.choose.clicked.connect(self._choose_data)
        view.setup.library.clicked.connect(self._choose_library)
        view.setup.place.clicked.connect(self._choose_place)
        view.setup.changed.connect(self._refresh)
        view.setup.algorithms.currentIndexChanged.connect(self._propose_name)
        view.runs.currentIndexChanged.connect(self._show_run)
        view.start.clicked.connect(self.start)
        view.pause.clicked.connect(office.pause)
        view.stop.clicked.connect(office.stop)
        view.resume.clicked.connect(office.resume)
        view.log.clicked.connect(self._open_log)
        view.export.clicked.connect(self._export)
        view.setup.take_in.clicked.connect(self.sharing.take_in)
        self.sharing.told.connect(office.tell)
        self.sharing.installed.connect(view.setup.choose_start)
        office.changed.connect(self._refresh)
        office.opened.connect(self._on_opened)
        self._preparing.returned.connect(view.setup.offer_ready)
        self._preparing.refused.connect(self._on_refused)
        self._surveying.returned.connect(self._on_surveyed)
        self._reading.progressed.connect(self._on_progress)
        self._reading.returned.connect(self._on_read)
        self._reading.refused.connect(self._on_refused)
        self._reading.failed.connect(self._on_failed)
        STARTS.changed.connect(self._prepare)
        LIBRARY.changed.connect(self._on_library)

    def _choose_data(self) -> None:
        start = Path.home() if self._seen is None else self._seen.folder
        folder = ask_folder(self, "Folder of images with masks", start)
        if folder is not None:
            self.read_data(folder)

    def _choose_library(self) -> None:
        self.read_data(task_library())

    def _on_library(self) -> None:
        """Read the library again, or for the first time if no data were chosen yet."""
        if self._data in (None, task_library()):
            self._choose_library()

    def _choose_place(self) -> None:
        setup = self.view.setup
        folder = ask_folder(self, "Keep runs in", setup.runs)
        if folder is not None:
            self._place = folder
            setup.show_place(folder, setup.name.text())
            self._propose_name()

    def _propose_name(self) -> None:
        """Propose a name that says what the run is, unless one was given."""
        setup = self.view.setup
        if setup.named_by_hand:
            return
        data = "" if self._seen is None else f"{self._seen.folder.name}-"
        runs = self._place or runs_folder()
        setup.show_place(runs, free_name(runs, f"{data}{setup.algorithms.value}"))

    def _on_progress(self, progress: SourceProgress) -> None:
        self._reading_at = progress.step, progress.total
        self.view.setup.show_data(None, f"Reading {progress.message}")
        self._refresh()

    def _on_read(self, seen: Preview) -> None:
        self._seen = seen
        setup = self.view.setup
        setup.show_data(seen.folder, f"{words.place(seen.folder)} ({seen.layouts})")
        setup.tasks.show_tasks(seen.rows, seen.split)
        self._propose_name()
        self._refresh()

    def _on_refused(self, reason: str) -> None:
        self.view.setup.show_data(None, "")
        self._refusal = reason
        self._refresh()

    def _on_failed(self, error: Exception) -> None:
        self._on_refused(f"The data could not be read ({error}).")

    def _on_surveyed(self, known: tuple[Recent, ...]) -> None:
        """Offer the known runs; one that is going on is shown at once."""
        for run, state in known:
            self._known[run] = "" if state is None else state.state
        going = [run for run, state in known if state is not None and state.going]
        self._offer_runs()
        if going and self.office.monitor.folder is None and self._seen is None:
            self.view.runs.choose(going[0])

    def _on_opened(self, run: Path) -> None:
        self._known = {run: "starting"} | {
            k: v for k, v in self._known.items() if k != run
        }
        self._offer_runs(run)
        self.view.setup.named_by_hand = False
        self._propose_name()

    def _offer_runs(self, chosen: Path | None = None) -> None:
        runs = self.view.runs
        titles = [
            (f"{run.name} ({state})" if state else run.name, run)
            for run, state in self._known.items()
        ]
        if titles != self._titles:
            self._titles = titles
            shown = runs.value if chosen is None else chosen
            runs.offer([("New run", None), *titles], shown)

    def _show_run(self) -> None:
        self.office.show(self.view.runs.value)

    def _export(self) -> None:
        if self.office.glimpse is not None:
            self.sharing.export(self.office.glimpse.installed)

    def _open_log(self) -> None:
        if self.office.monitor.folder is not None:
            open_file(self.office.monitor.folder / ERRORS)

    def _refresh(self) -> None:
        """Bring every part of the view in line with what is there."""
        view, office = self.view, self.office
        glimpse, setup = office.glimpse, office.monitor.folder is None
        state = None if glimpse is None else glimpse.state
        if glimpse is not None and state is not None:
            self._known[glimpse.folder] = state.state
            self._offer_runs()
        view.show_page(setup=setup)
        view.status.show_line(self._line())
        busy = office.preparing or self._reading.running
        view.start.setEnabled(view.setup.plan is not None and not busy)
        view.setup.setEnabled(not office.preparing)
        if setup:
            at = office.progress if office.preparing else self._reading_at
            view.progress.show_progress(*at, busy=busy)
            return
        view.run.show_glimpse(glimpse)
        view.show_actions(
            going=office.going and state is not None and not office.busy,
            ended=not office.going and not office.busy and glimpse is not None,
            finished=state is not None and state.state == "finished",
            installed=glimpse is not None and bool(glimpse.installed),
        )
        view.log.setVisible(glimpse is not None and bool(glimpse.complaint))
        view.progress.show_progress(
            *words.progress(state), busy=office.going or office.preparing
        )

    def _line(self) -> Line:
        """Return what to tell: what happens, then what is wrong, then what to do."""
        line = self.office.line
        if line is not None:
            return line
        if self._reading.running:
            return Line("Looking through the data; nothing is changed there.")
        if self._refusal is not None:
            return Line(self._refusal, Tone.WARNING)
        if self._seen is None:
            return Line(
                "Choose a folder of images with masks, or your task library: a start "
                "is learned from them for images like yours."
            )
        tasks = self.view.setup.tasks
        if not tasks.validation:
            note = self._seen.split.note or "No task is ticked for validation."
            return Line(f"{note} Without validation, nothing tells whether it helped.")
        train = counted(len(tasks.training), "task")
        validate = counted(len(tasks.validation), "task")
        return Line(f"Ready: train on {train}, validate on {validate}. Press Start.")
