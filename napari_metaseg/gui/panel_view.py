"""How the panel looks: its parts and their order, and nothing they do."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from .choices import AdaptChoices
from .choosers import SourceForm
from .decode_form import DecodeForm
from .first_steps import FirstSteps
from .folder_form import FolderForm
from .form import Column, Fold, Form, below, beside, caption
from .large_form import LargeForm
from .library_form import LibraryForm
from .look import ADAPT_KEY, STYLE, Bar, StatusCard, make_button, make_main_button
from .mask_form import MaskForm
from .offer_row import OfferRow
from .session_form import SessionForm
from .target_row import TargetRow
from .tool_row import ToolRow


class SizeRow(QWidget):
    """The object size: measured on the painted cells, or set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Diameter of the cells, in pixels of the image.")
        self.by_hand = QCheckBox("by hand")
        self.by_hand.setToolTip(
            "Tick to give the cells' diameter yourself; "
            "otherwise it is measured on the cells you paint."
        )
        self._value = QSpinBox()
        self._value.setRange(0, 9999)
        self._value.setSuffix(" px")
        self._value.setSpecialValueText("–")
        self._value.setEnabled(False)
        self.by_hand.toggled.connect(self._value.setEnabled)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._value, 1)
        layout.addWidget(self.by_hand)

    def show_measured(self, diameter: float | None) -> None:
        """Show the measured diameter, unless one was set by hand."""
        if not self.by_hand.isChecked():
            self._value.setValue(0 if diameter is None else max(1, round(diameter)))

    @property
    def shown(self) -> int:
        """The number shown, in px; 0 while there is none."""
        return int(self._value.value())

    @property
    def chosen(self) -> float | None:
        """The diameter set by hand, in px; None if it is to be measured."""
        return float(self.shown) if self.by_hand.isChecked() and self.shown else None

    def set_by_hand(self, diameter: int) -> None:
        """Set the diameter, in px."""
        self.by_hand.setChecked(True)
        self._value.setValue(diameter)


class PanelView(QWidget):
    """All parts of the panel, laid out.

    Signals
    -------
    folded :
        A part was brought into sight or out of it.
    """

    folded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setStyleSheet(STYLE)
        self.status = StatusCard()
        self.offer = OfferRow()
        self.sample = make_button("Open sample", "Opens an image made for trying out.")
        self.part = make_button(
            "Work on the part in view",
            "Makes a layer of what is in view, at full resolution: paint cells there "
            "and adapt. The whole image is segmented under 'Stacks and big images'.",
        )
        self.first_steps = FirstSteps(ADAPT_KEY)
        self.source = SourceForm()
        self.target = TargetRow()
        self.next_cell = make_button("Next cell", "Paints one more cell.", "N")
        self.background = make_button(
            "Background", "Marks where no cell is. Never paints over cells.", "G"
        )
        self.next_cell.setCheckable(True)
        self.background.setCheckable(True)
        self.object_size = SizeRow()
        self.adapt = make_main_button(
            "Adapt",
            "Learns from what is painted and finds all cells. "
            "Press again to cancel; nothing is lost.",
            ADAPT_KEY,
        )
        self.progress = Bar(stays=True)
        self.choices = AdaptChoices()
        self.tools = ToolRow()
        self.decode = DecodeForm()
        self.before = QCheckBox("Show the result before adaptation")
        self.before.setToolTip("Compares: untick to see the adapted result again.")
        self.export = make_button(
            "Export…",
            "Saves the cells shown: label image, ImageJ ROIs, GeoJSON, COCO, "
            "measurements or a figure.",
        )
        self.measure = make_button(
            "Measure",
            "Measures size, shape and intensity of the cells shown, into the features "
            "of their layer.",
        )
        self.save = make_button(
            "Save model…", "Saves the adapted model, for other images of this kind."
        )
        self.masks = MaskForm()
        self.large = LargeForm()
        self.folder = FolderForm()
        self.library = LibraryForm()
        self.reset = make_button(
            "Reset settings", "Brings all settings back as they were."
        )
        self.folds: list[Fold] = []
        self.open = make_button(
            "Open model…",
            "Segments this image with a saved model, and says whether it fits.",
        )
        self.methods = make_button(
            "Copy methods text",
            "Puts a paragraph for a paper on the clipboard: versions and settings.",
        )
        self.session = SessionForm(self.methods)
        self._lay_out()

    def add_fold(self, title: str, part: QWidget) -> None:
        """Add a part that is out of sight at first, below all others."""
        self._column.add(self._fold(title, part))

    def enter(self) -> None:
        """Take the keyboard, at the top."""
        heading = self.folds[0].heading
        heading.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._column.ensureWidgetVisible(heading)

    def _fold(self, title: str, part: QWidget) -> Fold:
        fold = Fold(title, part)
        self.folds.append(fold)
        fold.turned.connect(self.folded)
        return fold

    def show_brush(self, label: int | None, *, possible: bool) -> None:
        """Show with which of the two buttons' labels the brush is loaded."""
        self.next_cell.setEnabled(possible)
        self.background.setEnabled(possible)
        self.next_cell.setChecked(label is not None and label > 0)
        self.background.setChecked(label is not None and label < 0)

    def show_running(
        self, running: bool, stopping: bool, progress: tuple[int, int]
    ) -> None:
        """Turn Adapt into Cancel while a run is at work, and show how far it is."""
        cancel = "Cancelling…" if stopping else f"Cancel  ({ADAPT_KEY})"
        self.adapt.setText(cancel if running else f"Adapt  ({ADAPT_KEY})")
        step, total = progress
        self.progress.show_progress(step, max(total, 1), busy=running)
        if running != bool(self.adapt.property("running")):
            self.adapt.setProperty("running", running)
            style = self.adapt.style()
            if style is not None:
                style.polish(self.adapt)

    def _lay_out(self) -> None:
        size = Form()
        size.add("Object size", self.object_size)
        target = Form()
        target.add("Target", self.target)
        self._column = Column(
            (
                self._fold("First steps", self.first_steps),
                self.source,
                target,
                caption("Paint"),
                beside(self.next_cell, self.background),
                self.adapt,
                self.progress,
                self.choices,
                caption("Correct"),
                self.tools,
                caption("Result"),
                self.decode,
                self.before,
                beside(self.export, self.measure),
                beside(self.save, self.open),
            )
        )
        self.add_fold("Use existing masks", self.masks)
        self.add_fold("Stacks and big images", self.large)
        self.add_fold("Many images", self.folder)
        self.add_fold("Task library", self.library)
        self.add_fold("Session and methods", self.session)
        self.add_fold("Advanced", below(self.source.advanced, size, self.reset))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.status)
        layout.addWidget(self.offer)
        layout.addWidget(self.sample)
        layout.addWidget(self.part)
        layout.addWidget(self._column, 1)
