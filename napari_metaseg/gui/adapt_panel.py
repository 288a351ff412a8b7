"""The panel "MetaSeg": paint cells, adapt, see, correct, adapt again, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from . import guidance, rounds, snapshot
from .adapting import Adapting
from .before import Before
from .bench import Bench
from .desk import Desk
from .dock import Dock
from .guidance import Line, Situation, Tone
from .history import History
from .keeper import Keeper
from .look import ADAPT_KEY
from .masks import Masks
from .news import STARTS
from .opening import Opener
from .outlets import Outlets
from .panel_view import PanelView
from .parts import Parts
from .preferences import Preferences
from .round_table import RoundTable
from .sampling import Sampling
from .saving import Saver
from .targets import Targets
from .tools import Tools
from .trust import Trust
from .worker import Runner

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_metaseg.core.settings import DecodeSettings

    from .work import Work


class AdaptPanel(Dock):
    """The dock widget.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self._layers = napari_viewer.layers
        self._news: Line | None = None
        self.view = PanelView()
        self.fill(self.view)
        self.desk = Desk(self._layers, self.view.source, self)
        self.tools = Tools(napari_viewer, self.desk, self)
        self.bench = Bench(napari_viewer, self)
        self.before = Before(self.view.before, self.desk, self.bench, self)
        self.saver = Saver(self)
        self.keeper = Keeper(self.desk, self.view.offer, self)
        self.masks = Masks(self._layers, self.desk, self.view.masks, self)
        self.targets = Targets(self._layers, self.desk, self.view.target, self)
        self.adapting = Adapting(napari_viewer, self.view, self.desk, self.bench, self)
        self.rounds = RoundTable()
        self.view.add_fold("Rounds", self.rounds)
        self.history = History(self.bench, self.desk, self.rounds, self)
        self.outlets = Outlets(
            napari_viewer, self.desk, self.bench, self.view, self.saver, self
        )
        self.parts = Parts(napari_viewer, self.desk, self.view, self)
        self.opener = Opener(self.desk, self.bench, self.view, self)
        self.trust = Trust(
            napari_viewer, self.desk, self.bench, self.tools, self.view, self
        )
        self.view.first_steps.follow(self.desk, self.tools, self.bench)
        self.preferences = Preferences(self.view, self)  # knows all folds by now
        self._preparing = Runner("Loading", self)
        self._sampling = Sampling(self._layers, self.view.sample, self)
        self._connect_view()
        self._connect_parts()
        self._refresh()
        self.begin_soon(self._prepare)

    @property
    def work(self) -> Work | None:
        """The work on the chosen image, as its channels are read now."""
        return self.bench.works.of(self.desk)

    def adapt(self) -> None:
        """Adapt to what is painted; while that runs, cancel it."""
        self.adapting.press()

    def next_cell(self) -> None:
        """Paint one more cell."""
        self.desk.next_cell()
        self._refresh()

    def background(self) -> None:
        """Paint where no cell is."""
        self.desk.background()
        self._refresh()

    def leave(self) -> None:
        """Leave the layers alone and end whatever runs."""
        for part in (
            *(self.tools, self.adapting, self.desk, self.keeper, self.masks),
            *(self.targets, self.bench, self.trust, self.outlets, self.parts),
        ):
            part.leave()

    def _prepare(self) -> None:
        self._preparing.start(rounds.prepare)

    def _connect_view(self) -> None:
        view = self.view
        view.adapt.clicked.connect(self.adapt)
        view.next_cell.clicked.connect(self.next_cell)
        view.background.clicked.connect(self.background)
        view.tools.chosen.connect(self.tools.take)
        view.tools.accept_all.clicked.connect(self._accept_visible)
        view.save.clicked.connect(self._save_model)
        view.decode.changed.connect(self._decode)
        self.press_by_keys(self.adapt)
        self.enter_by_key(view.enter)

    def _connect_parts(self) -> None:
        keys = {"N": self.next_cell, "G": self.background, "Control-Enter": self.adapt}
        self.adapting.starting.connect(self._on_start)
        self.adapting.refused.connect(self._on_refused)
        self.rounds.compare.clicked.connect(self.adapting.compare)
        self.history.looking.connect(self._on_start)
        self.history.turned.connect(self.view.decode.show_settings)
        self.view.source.inits.currentIndexChanged.connect(self._refresh)
        self.desk.bind(keys | self.view.tools.keys | self.trust.keys)
        self.tools.told.connect(self._on_stroke)
        self.tools.edited.connect(self._follow)
        self.desk.image_changed.connect(self._on_image)
        self.desk.stroked.connect(self._on_stroke)
        self.desk.edited.connect(self._follow)
        self.desk.changed.connect(self.bench.forget_removed)
        self.desk.changed.connect(self._refresh)
        self.targets.removed.connect(self.bench.forget_target)
        self.bench.begun.connect(self._end_news)
        self.bench.changed.connect(self._refresh)
        self.view.before.clicked.connect(self._end_news)
        self.keeper.changed.connect(self._refresh)
        for part in (
            *(self.trust, self.keeper, self.masks),
            *(self.targets, self.outlets, self.parts),
        ):
            part.told.connect(self._tell)
        self.saver.begun.connect(self._refresh)
        self.saver.saved.connect(self._on_saved)
        self.saver.refused.connect(self._on_refused)
        self.saver.idle.connect(self._refresh)
        self._preparing.returned.connect(self.view.source.offer_ready)
        self._preparing.refused.connect(self._on_trouble)
        STARTS.changed.connect(self._prepare)

    def _decode(self, settings: DecodeSettings) -> None:
        self.before.go_back()
        self._end_news()
        if self.work is not None:
            self.bench.decode(self.work, settings, adapted=True)

    def _on_start(self) -> None:
        """Turn from what was told and compared to what comes now."""
        self._end_news()
        self.before.leave()

    def _end_news(self) -> None:
        """Let what is said of the work be seen again."""
        self._news = None

    def _on_image(self) -> None:
        self._end_news()
        self.bench.forget_removed()
        if self.work is not None:
            self.bench.turn_to(self.work)
        self._refresh()

    def _on_stroke(self) -> None:
        """Turn from what was said before to what the person does now."""
        if self.work is not None and not self.bench.running:
            self.work.line = None
        self._end_news()
        self._refresh()

    def _follow(self) -> None:
        """Let the cells shown follow what is annotated."""
        if self.work is not None:
            self.bench.follow(self.work)

    def _accept_visible(self) -> None:
        line = self.tools.accept_visible()
        if line is not None:
            self._tell(line)

    def _on_trouble(self, text: str) -> None:
        show_warning(text)
        self._on_refused(text)

    def _on_refused(self, text: str) -> None:
        self._tell(Line(text, Tone.WARNING))

    def _on_saved(self, text: str) -> None:
        self._tell(Line(text, Tone.DONE))

    def _tell(self, line: Line) -> None:
        """Show a line until the next stroke, run, decoding or image."""
        self._news = line
        self._refresh()

    def _save_model(self) -> None:
        if self.work is not None and (last := self.work.last) is not None:
            settings = last.decoded.settings
            self.saver.save_model(self.work.image, last.model, settings)

    def _refresh(self) -> None:
        """Bring every part of the view in line with what is there."""
        view, desk, bench, work = self.view, self.desk, self.bench, self.work
        annotation = desk.annotation
        last = None if work is None else work.last
        result = last is not None
        view.status.show_line(self._line())
        view.sample.setVisible(desk.image is None)
        view.object_size.show_measured(desk.painted.diameter)
        label = None if annotation is None else annotation.selected_label
        painting = None if self.tools.tool is not None else label
        paintable = work is not None and not self.parts.needed
        view.show_brush(painting, possible=paintable)
        view.tools.show_tool(
            self.tools.tool,
            possible=paintable,
            cells=result or desk.painted.cells > 0,
            result=result,
        )
        view.show_running(bench.running, bench.stopping, bench.progress)
        painted = desk.painted.cells > 0
        view.adapt.setEnabled(not bench.stopping if bench.running else painted)
        view.decode.setEnabled(result)
        why_not = snapshot.why_no_start(work, view.source.init)
        view.choices.offer_start(why_not)
        view.open.setEnabled(paintable and not bench.running)
        view.methods.setEnabled(result)
        # A model that was opened was not looked through before it had adapted.
        adapted = last is not None and last.model.report is not None
        view.before.setEnabled(adapted and not bench.running)
        view.save.setEnabled(result and not self.saver.busy)

    def _line(self) -> Line:
        """Return what to tell: news first, then the work, then the next step."""
        desk, work = self.desk, self.work
        if self.bench.stopping:
            return Line("Cancelling…")
        if self._news is not None:
            return self._news
        if work is not None and work.line is not None:
            return work.line
        if self.tools.line is not None:
            return self.tools.line
        if self.keeper.line is not None:
            return self.keeper.line
        situation = Situation(
            image=desk.image is not None,
            readable=desk.reading is not None,
            large=self.parts.needed,
            annotation=desk.annotation is not None,
            cells=desk.painted.cells,
            background=desk.painted.background,
            adapt_key=ADAPT_KEY,
            seconds=None if work is None else work.seconds,
        )
        return guidance.next_step(situation)
