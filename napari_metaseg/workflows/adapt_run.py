"""The stages of one adaptation: measure, look, adapt, segment, judge."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_metaseg.core.generators import relay
from napari_metaseg.core.inner_loop import fit_context, run_blankly
from napari_metaseg.core.recipe import GradientSteps
from napari_metaseg.core.settings import SCALES

from .adapted import AdaptedModel
from .blend import blend_left_out, blend_outputs, unadapted_share
from .drawer import drawer_of, draws_by_another
from .drawing import Drawings
from .fitting import fit_decoding
from .judging import beside, judge, own_iou_of
from .learning import learn
from .network import Network
from .preparing import prepare
from .preview import Preview
from .results import Progress, Report
from .scales import learn_at_other_scales, with_others
from .segmenter import Labels, Segmenter
from .sight import Sight
from .splitting import left_out_pairs
from .state import State
from .support import is_single
from .verdict import ANY_SIZE
from .wanted import parts_to_draw

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence
    from pathlib import Path

    from napari_metaseg.core.rehearsal import LeftOut
    from napari_metaseg.core.settings import DecodeSettings

    from .learning import Learned, Weighed
    from .preparing import Prepared
    from .preview import Frame, PlaneWindow
    from .splitting import Pair
    from .support import Axes
    from .wanted import Rectangle, Wanted

Array = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class AdaptRun:
    """The arguments of one adaptation, which may have to run twice."""

    image: Array | Sequence[Array]
    annotation: Array | Sequence[Array]
    axes: Axes
    channel: int | None
    diameter: float | None
    init: str | Path
    seed: int
    mirrors: int
    scales: int
    start: AdaptedModel | None
    previous: Labels | None
    only_first: bool
    previews: bool
    look_at: PlaneWindow | None
    held_out: Array | Sequence[Array] | None
    planes: Collection[int] | None
    part: Rectangle | None
    settings: DecodeSettings
    fit_decoding: bool
    weighed: Weighed | None = None
    """What channels count, where it is known already."""

    def steps(
        self, device: torch.device, note: str
    ) -> Generator[Progress, None, AdaptedModel]:
        """Run the stages on a device."""
        torch.manual_seed(self.seed)
        seconds: dict[str, float] = {}
        yield Progress("prepare", 0, 100, "Reading the image and the painted cells")
        with _timed(seconds, "prepare"):
            ready = yield from prepare(self, device)
        views, lens, module = ready.views, ready.lens, ready.module
        wanted: list[Wanted | None] = [None] * len(views)
        wanted[0] = parts_to_draw(
            views[0].planes, views[0].known, self.planes, self.part
        )
        # One bar over all: a quarter before, a quarter adapting, half after. Of a large
        # plane what a person waits for comes first, and the rest in the end.
        with _timed(seconds, "before"):
            before = Drawings(module, ready.initial, lens, views, wanted)
            yield from _told(before.draw(before.around()), "before", 0, 25)
            usual = replace(ANY_SIZE, region=self.settings.region)
            known_before = own_iou_of(views, before.outputs, usual)
            share = unadapted_share(known_before, ready.known.n_cells)
            sight = Sight(views, lens, self.look_at, self.previous, self.settings)
            told, close = sight.before(before)
            yield told
        with _timed(seconds, "adapt"):
            last, left_out = yield from self._learn(ready, close)
            with torch.no_grad():
                context = fit_context(module, last.params, ready.support)
                adapted = State(last.params, context)
        with _timed(seconds, "segment"):
            after = Drawings(module, adapted, lens, views, wanted, self.mirrors)
            large = not before.complete
            end = 65 if self._votes else 100
            around = after.draw(after.around())
            yield from _told(around, "segment", 50, 52 if large else end)
            new = blend_outputs(before.outputs, after.outputs, share)
            settings = self.settings
            if self.fit_decoding:
                settings = self._fitted(ready, beside(views, new), left_out, share)
            if large and self.previews:
                yield from sight.after(before, after, share, settings)
            rest = after.draw(after.left())
            yield from _told(rest, "segment", 55, end - 5)
            yield from _told(before.draw(before.left()), "segment", end - 5, end)
            new = blend_outputs(before.outputs, after.outputs, share)
            del after  # its maps are not needed while further scales are looked at
            if self._votes and self.previews:
                yield sight.so_far(new[0], settings, end)
        others: list[AdaptedModel] = []
        if self._votes:
            again = replace(self, diameter=lens.diameter, weighed=ready.weighed)
            learned = yield from learn_at_other_scales(again, device, end)
            for model in learned:
                for stage, taken in model.seconds.items():
                    seconds[stage] += taken
            others = [model for model in learned if model.segmenter.kept]
        with _timed(seconds, "segment"):
            new = [
                with_others(drawn, [m.views[k].outputs[1] for m in others])
                for k, drawn in enumerate(new)
            ]
            judged = ready.known, views, before.outputs, new, known_before, last.index
            report = judge(*judged, lens, settings)
            note = " ".join(filter(None, (note, ready.known.note)))
            report = replace(report, device=device.type, note=note)
            network = Network(module, ready.initial, adapted, share, self.mirrors)
            final = Segmenter(
                network,
                lens,
                report.kept,
                _card(ready, report, self, share, settings, voted=bool(others)),
                settings if report.kept else self.settings,
                tuple(m.segmenter for m in others),
            )
        pairs = zip(before.outputs, new, strict=True)
        return AdaptedModel(
            final.to(torch.device("cpu")),
            [
                replace(view, planes=view.planes.without_data(), outputs=pair)
                for view, pair in zip(views, pairs, strict=True)
            ],
            report=report,
            seconds=seconds,
            single=self.only_first or is_single(self.image),
            previous=self.previous,
        )

    @property
    def _votes(self) -> bool:
        return bool(SCALES[self.scales])

    def _learn(
        self, ready: Prepared, close: Frame
    ) -> Generator[Progress, None, Learned]:
        """Follow the bundle's recipe, and show a small part of the image meanwhile."""
        recipe, preview = ready.bundle.recipe, None
        if self.previews:
            seen = ready.support, ready.lens, ready.views[0]
            preview = Preview(ready.module, *seen, close, recipe.moving)
        chosen = self.fit_decoding and not self.settings.region
        leave_out = chosen or isinstance(recipe, GradientSteps)
        return learn(
            recipe,
            ready.module,
            ready.params,
            ready.support,
            rehearsed=ready.rehearsed.support if leave_out else None,
            start=ready.start,
            preview=preview,
        )

    def _fitted(
        self,
        ready: Prepared,
        shown: Sequence[Pair],
        left_out: Sequence[LeftOut],
        share: float,
    ) -> DecodeSettings:
        """Choose how what is drawn becomes instances, by what is painted."""
        with torch.no_grad():
            plain = ready.rehearsed.plain
            looked = run_blankly(ready.module, ready.initial.params, plain)
        drawn = blend_left_out(looked.logits.sigmoid(), left_out, share)
        working = ready.lens.working_diameter
        pairs = left_out_pairs(drawn, ready.rehearsed.crops, working)
        return fit_decoding(shown, pairs, self.settings)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start


def _told(
    steps: Generator[float, None, None], stage: str, start: int, stop: int
) -> Generator[Progress, None, None]:
    """Tell of drawing, as a part of the bar."""
    message = "Looking at the image" if stage == "before" else "Finding all cells"
    yield from relay(
        steps,
        lambda share: Progress(
            stage, round(start + share * (stop - start)), 100, message
        ),
    )


def _card(
    ready: Prepared,
    report: Report,
    run: AdaptRun,
    share: float,
    settings: DecodeSettings,
    *,
    voted: bool,
) -> dict[str, Any]:
    recipe: dict[str, Any] = {"steps": report.steps, "mirrors": run.mirrors}
    if voted:
        recipe["scales"] = run.scales
    if share:
        recipe["unadapted_share"] = round(share, 3)
    if ready.weighed.mix is not None:
        recipe["mix"] = [round(counts, 3) for counts in ready.weighed.mix.tolist()]
    if run.fit_decoding and report.kept:
        recipe |= settings.chosen()
    bundle = ready.bundle
    initialization = {k: bundle.card.get(k) for k in ("name", "algorithm", "sha256")}
    if draws_by_another(bundle):
        other = drawer_of(bundle).card
        initialization["unadapted"] = {k: other.get(k) for k in ("algorithm", "sha256")}
    return {
        "initialization": initialization,
        "recipe": recipe,
        "report": asdict(report),
        "seed": run.seed,
    }
