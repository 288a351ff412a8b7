"""What is asked before a run: data, algorithm, start, device, budget and folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_metaseg.gui.choosers import Chooser
from napari_metaseg.gui.form import Form, beside, caption
from napari_metaseg.gui.look import make_button

from .plan import ALGORITHMS, Plan
from .task_table import TaskTable

if TYPE_CHECKING:
    from napari_metaseg.gui.rounds import Ready

_MINUTES, _STEPS = "minutes", "meta-steps"
_PROPOSED = {_MINUTES: 60, _STEPS: 1000}


class BudgetRow(QWidget):
    """How long a run may take: minutes, or meta-steps."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "When the run ends by itself. The same number of meta-steps always ends "
            "in the same weights; minutes depend on the machine."
        )
        self.amount = QSpinBox()
        self.amount.setRange(1, 1_000_000)
        self.unit = Chooser(self.toolTip())
        self.unit.setMinimumContentsLength(6)
        self.unit.offer([(unit, unit) for unit in _PROPOSED])
        self.unit.currentIndexChanged.connect(self._propose)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.amount, 1)
        layout.addWidget(self.unit, 1)
        self._propose()

    @property
    def minutes(self) -> int | None:
        """The budget if it is one of time."""
        return int(self.amount.value()) if self.unit.value == _MINUTES else None

    @property
    def steps(self) -> int | None:
        """The budget if it is one of meta-steps."""
        return int(self.amount.value()) if self.unit.value == _STEPS else None

    def _propose(self) -> None:
        self.amount.setValue(_PROPOSED[self.unit.value])


class ProcessesBox(QSpinBox):
    """How many processes share a run."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "How many processes share the tasks of each meta-step: each takes its part "
            "of the cores, or a GPU. Each needs memory of its own."
        )
        self.setPrefix("× ")
        # napari's style leaves room for large numbers.
        self.setStyleSheet("min-width: 72px; padding: 1px 2px;")
        self.setMaximumWidth(76)
        self.allow(1)

    def allow(self, gpus: int) -> None:
        """Allow as many as there are cores or GPUs."""
        self.setRange(1, max(os.cpu_count() or 1, gpus))


class SetupView(QWidget):
    """The questions, laid out.

    Signals
    -------
    changed :
        Something was answered otherwise.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._runs = Path()
        self._data: Path | None = None
        self._counts: dict[str, int] = {}
        self._proposed = 1
        self.named_by_hand = False
        self.choose = make_button(
            "Choose folder…",
            "A folder of images with masks, or of several such folders: task folders, "
            "Cellpose, StarDist, DSB 2018, COCO (LIVECell), Cell Tracking Challenge, "
            "label images, ImageJ ROIs, QuPath GeoJSON.",
        )
        self.library = make_button(
            "My task library", "What you annotated in MetaSeg and added as tasks."
        )
        self.found = QLabel()
        self.found.setWordWrap(True)
        self.found.hide()
        self.tasks = TaskTable()
        self.algorithms = Chooser("How to learn the start.")
        self.inits = Chooser(
            "The start that training sets out from. From one of these, minutes to "
            "hours are enough; from scratch it takes many hours."
        )
        self.take_in = make_button("…", "Install a start that was exported elsewhere.")
        self.devices = Chooser("Where the computing is done.")
        self.processes = ProcessesBox()
        self.budget = BudgetRow()
        self.name = QLineEdit()
        self.place = make_button("…", "Choose another folder to keep the run in.")
        self._lay_out()
        self.algorithms.offer([(a.title, a.key) for a in ALGORITHMS])
        for row, algorithm in enumerate(ALGORITHMS):
            role = Qt.ItemDataRole.ToolTipRole
            self.algorithms.setItemData(row, algorithm.words, role)
        self.inits.offer([("MAML", "maml"), _SCRATCH], "maml")
        self.devices.offer([("Automatic", "auto")])
        self.algorithms.currentIndexChanged.connect(self._explain)
        self._explain()
        self.devices.currentIndexChanged.connect(self._propose_processes)
        self.name.textEdited.connect(self._on_named)
        for signal in (self.tasks.changed, self.name.textChanged):
            signal.connect(self.changed)

    def offer_ready(self, ready: Ready) -> None:
        """Fill in what is known once torch is loaded."""
        known = ready.initializations
        starts = [(i.title, i.name) for i in known]
        self.inits.offer([*starts, _SCRATCH], self.inits.value)
        for row, init in enumerate(known):
            self.inits.setItemData(row, init.summary, Qt.ItemDataRole.ToolTipRole)
        titles = [
            d.label if d.available else f"{d.label}: {d.why}" for d in ready.devices
        ]
        names = [d.name for d in ready.devices]
        self.devices.offer(zip(titles, names, strict=True), self.devices.value)
        for row, device in enumerate(ready.devices):
            self.devices.setItemData(row, titles[row], Qt.ItemDataRole.ToolTipRole)
            self.devices.enable(row, device.available)
        self.devices.widen()
        self._counts = {d.name: d.count for d in ready.devices}
        self.processes.allow(max(self._counts.values(), default=1))
        self._propose_processes()

    def show_place(self, runs: Path, name: str) -> None:
        """Propose a folder for the run."""
        self._runs = runs
        self.name.setText(name)
        self._tell_folder()

    def show_data(self, data: Path | None, text: str) -> None:
        """Name the folder of the data, or say what is the matter with it."""
        self._data = data
        self.found.setText(text)
        self.found.setVisible(bool(text))

    @property
    def runs(self) -> Path:
        """Folder in which the run's folder will be made."""
        return self._runs

    @property
    def plan(self) -> Plan | None:
        """What has been answered; None as long as there are no data or no name."""
        if self._data is None or not self.name.text().strip():
            return None
        return Plan(
            data=self._data,
            training=self.tasks.training,
            validation=self.tasks.validation,
            algorithm=self.algorithms.value,
            init=self.inits.value or None,
            device=self.devices.value,
            processes=self.processes.value(),
            minutes=self.budget.minutes,
            steps=self.budget.steps,
            folder=self._runs / self.name.text().strip(),
        )

    def choose_start(self, name: str) -> None:
        """Choose a start that has just come in, before the list is made anew."""
        known = zip(self.inits.titles, self.inits.values, strict=True)
        self.inits.offer([*known, (name, name)], name)

    def _propose_processes(self) -> None:
        """Propose a process for each GPU; one for the CPU, which shares itself out."""
        count = self._counts.get(self.devices.value, 1)
        if count != self._proposed:
            self._proposed = count
            self.processes.setValue(count)

    def _on_named(self) -> None:
        self.named_by_hand = True

    def _explain(self) -> None:
        self.algorithms.setToolTip(ALGORITHMS[self.algorithms.currentIndex()].words)

    def _tell_folder(self) -> None:
        self.name.setToolTip(
            f"Name of the run and of the start that comes of it. It is kept in "
            f"{self._runs}"
        )

    def _lay_out(self) -> None:
        for more in (self.take_in, self.place):
            more.setMaximumWidth(34)
        self.devices.setMinimumContentsLength(6)
        form = Form()
        form.add("Algorithm", self.algorithms)
        form.add("Start from", _with_more(self.inits, self.take_in))
        form.add("Device", _with_more(self.devices, self.processes))
        form.add("Budget", self.budget)
        form.add("Name", _with_more(self.name, self.place))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (
            caption("Data"),
            beside(self.choose, self.library),
            self.found,
            self.tasks,
            caption("Training"),
            form,
        ):
            layout.addWidget(part)


_SCRATCH = ("Nothing: from scratch", "")


def _with_more(field: QWidget, more: QWidget) -> QWidget:
    """Put something small beside a field."""
    both = QWidget()
    both.setToolTip(field.toolTip())
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(field, 1)
    row.addWidget(more)
    return both
