"""The stages of one adaptation: measure, look, adapt, segment, judge."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay
from napari_metaseg.core.inner_loop import blank_context, fit_context, run_blankly
from napari_metaseg.core.mixing import adapt_mix
from napari_metaseg.core.network import Params, PrototypeUNet
from napari_metaseg.io.bundle import Bundle, load_bundle

from .adapted import AdaptedModel, View
from .blend import blend_left_out, blend_outputs, unadapted_share
from .drawer import drawer_of, draws_by_another
from .drawing import Drawings
from .fitting import fit_decoding
from .held_out import hold_out
from .judging import beside, judge, own_iou_of
from .learning import learn, told_of
from .lens import Lens
from .network import Network
from .preview import Preview
from .results import Progress, Report
from .scales import learn_at_other_scales, with_others
from .segmenter import Labels, Segmenter
from .sight import Sight
from .splitting import left_out_pairs
from .state import State
from .support import as_views, check_views, crops_of, is_single
from .verdict import ANY_SIZE
from .wanted import parts_to_draw

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence
    from pathlib import Path

    from napari_metaseg.core.annotation import Annotated
    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.settings import DecodeSettings

    from .preview import PlaneWindow
    from .wanted import Rectangle, Wanted

Array = NDArray[np.generic]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class AdaptRun:
    """The arguments of one adaptation, which may have to run twice."""

    image: Array | Sequence[Array]
    annotation: Array | Sequence[Array]
    axes: str | None
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

    def steps(
        self, device: torch.device, note: str
    ) -> Generator[Progress, None, AdaptedModel]:
        """Run the stages on a device."""
        torch.manual_seed(self.seed)
        seconds: dict[str, float] = {}
        yield Progress("prepare", 0, 100, "Reading the image and the painted cells")
        with _timed(seconds, "prepare"):
            bundle = load_bundle(self.init)
            single = is_single(self.image)
            views = as_views(self.image, self.annotation, self.axes, self.channel)
            views = hold_out(views, self.held_out, single=single)
            known = check_views(views)
            lens = _make_lens(views[0].planes, known, bundle, self)
            crops = crops_of(views, lens).to(device)
            module, params = on_device(bundle, device)
            mix = yield from told_of(
                adapt_mix(module, params, crops), "prepare", 0, "Weighing the channels"
            )
            support = plain = crops.support()
            if mix is not None:
                support = crops.support(mix)
            start = self._start(bundle, device)
            with torch.no_grad():
                unadapted = to_device(bundle.unadapted, device)
                initial = State(unadapted, blank_context(module, unadapted, plain))
            if self.only_first:
                views = views[:1]
        wanted: list[Wanted | None] = [None] * len(views)
        wanted[0] = _wanted(views[0], self.planes, self.part)
        # One bar over all: a quarter before, a quarter adapting, half after. Of a large
        # plane what a person waits for comes first, and the rest in the end.
        with _timed(seconds, "before"):
            before = Drawings(module, initial, lens, views, wanted)
            yield from _told(before.draw(before.around()), "before", 0, 25)
            usual = replace(ANY_SIZE, region=self.settings.region)
            known_before = own_iou_of(views, before.outputs, usual)
            share = unadapted_share(known_before, known.n_cells)
            sight = Sight(views, lens, self.look_at, self.previous, self.settings)
            told, close = sight.before(before)
            yield told
        with _timed(seconds, "adapt"):
            preview = None
            if self.previews:
                moving = bundle.recipe.moving
                preview = Preview(module, support, lens, views[0], close, moving)
            last, drawn = yield from learn(
                bundle.recipe,
                module,
                params,
                support,
                start=start,
                leave_out=self.fit_decoding and not self.settings.region,
                preview=preview,
            )
            with torch.no_grad():
                adapted = State(last.params, fit_context(module, last.params, support))
            others = yield from learn_at_other_scales(self, lens.diameter, device)
        with _timed(seconds, "segment"):
            after = Drawings(module, adapted, lens, views, wanted, self.mirrors)
            large = not before.complete
            around = after.draw(after.around())
            yield from _told(around, "segment", 50, 52 if large else 100)
            settings = self.settings
            if self.fit_decoding:
                with torch.no_grad():
                    looked = run_blankly(module, initial.params, plain).logits.sigmoid()
                blended = blend_left_out(looked, drawn, share)
                left_out = left_out_pairs(blended, crops, lens.working_diameter)
                new = blend_outputs(before.outputs, after.outputs, share)
                settings = fit_decoding(beside(views, new), left_out, settings)
            if large and self.previews:
                yield from sight.after(before, after, share, settings)
            rest = after.draw(after.left())
            yield from _told(rest, "segment", 55, 80 if large else 100)
            yield from _told(before.draw(before.left()), "segment", 80, 100)
            old = before.outputs
            new = blend_outputs(old, after.outputs, share)
            new = [
                with_others(drawn, [m.views[k].outputs[1] for m in others])
                for k, drawn in enumerate(new)
            ]
            judged = known, views, old, new, known_before, last.index, lens
            report = judge(*judged, settings)
            note = " ".join(filter(None, (note, known.note)))
            report = replace(report, device=device.type, note=note)
            final = Segmenter(
                Network(module, initial, adapted, share, self.mirrors),
                lens,
                report.kept,
                _card(bundle, report, self, mix, share, settings, voted=bool(others)),
                settings if report.kept else self.settings,
                tuple(m.segmenter for m in others),
            )
            pairs = zip(old, new, strict=True)
            views = [
                replace(view, planes=view.planes.without_data(), outputs=pair)
                for view, pair in zip(views, pairs, strict=True)
            ]
            model = AdaptedModel(
                final.to(torch.device("cpu")),
                views,
                report=report,
                single=self.only_first or single,
                previous=self.previous,
            )
        model.seconds.update(seconds)
        return model

    def _start(self, bundle: Bundle, device: torch.device) -> Params | None:
        if self.start is None:
            return None
        segmenter = self.start.segmenter
        origin = segmenter.card.get("initialization", {})
        if origin.get("sha256") != bundle.card.get("sha256"):
            raise UserError(
                "The earlier model was adapted from another initialization; adapt "
                "without it, or choose the initialization it came from."
            )
        if not segmenter.kept:
            return None
        return segmenter.network.adapted.to(device).params


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start


def _make_lens(planes: Planes, known: Annotated, bundle: Bundle, run: AdaptRun) -> Lens:
    diameter = known.diameter if run.diameter is None else float(run.diameter)
    if not np.isfinite(diameter) or diameter <= 0:
        raise UserError(
            f"The object size is {diameter}; give it in pixels, above 0, or leave it "
            "out."
        )
    lens = Lens.of(planes, diameter, bundle.diameter, run.channel)
    if all(r.high <= r.low for r in lens.ranges):
        raise UserError(
            "The image is constant, so there is nothing to learn from; choose another "
            "image or channel."
        )
    return lens


def on_device(
    bundle: Bundle, device: torch.device
) -> tuple[PrototypeUNet, dict[str, torch.Tensor]]:
    """Build a bundle's network and copy the weights it adapts from to a device."""
    module = PrototypeUNet(bundle.architecture).to(device)
    return module, to_device(bundle.params, device)


def to_device(params: Params, device: torch.device) -> Params:
    """Copy weights to a device, in the layout that suits it."""
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    return {
        k: v.to(device).to(memory_format=layout) if v.ndim == 4 else v.to(device)
        for k, v in params.items()
    }


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


def _wanted(
    view: View, planes: Collection[int] | None, part: Rectangle | None
) -> Wanted | None:
    return parts_to_draw(view.planes, view.known, planes, part)


def _card(
    bundle: Bundle,
    report: Report,
    run: AdaptRun,
    mix: torch.Tensor | None,
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
    if mix is not None:
        recipe["mix"] = [round(share, 3) for share in mix.tolist()]
    if run.fit_decoding and report.kept:
        recipe |= settings.chosen()
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
