"""Adapt: from an image and a few painted cells to instances."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_metaseg.core.annotation import (
    Annotated,
    as_annotation,
    check_annotation,
    separate_parts,
)
from napari_metaseg.core.axes import Planes, as_planes
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.inner_loop import (
    Step,
    Support,
    fit_prototype,
    inner_loop,
)
from napari_metaseg.core.instances import (
    PlaneOutput,
    keep_numbers,
    respect_annotation,
)
from napari_metaseg.core.intensity import measure_range
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.support import make_support
from napari_metaseg.io.bundle import Bundle, load_bundle

from .model import (
    Labels,
    Lens,
    Network,
    Segmenter,
    decode_planes,
    load_segmenter,
)
from .results import Progress, Report
from .verdict import own_iou, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_ZOOM = 8.0
"""Images are enlarged at most this much; smaller cells than 3 px cannot be drawn."""

Array = NDArray[np.generic]


@dataclass(frozen=True)
class _View:
    """One of the images, with its annotation, as planes."""

    planes: Planes
    annotation: Labels
    outputs: tuple[list[PlaneOutput], list[PlaneOutput]] = field(
        default=([], []), repr=False
    )


class AdaptedModel:
    """The result of `adapt`, and a segmenter for more images of the kind.

    Attributes
    ----------
    labels : array of int32 or list of them
        Instances of the image (a list for a list of images), of its shape without
        the channel axis; contains the painted cells verbatim.
    initial_labels : array of int32 or list of them
        The same before adaptation.
    report : Report or None
        What adaptation did; None for a model loaded from a file.
    seconds : dict of str to float
        Wall time (s) of the stages prepare, before, adapt and segment.
    segmenter : Segmenter
        The network and how it looks at images.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        views: Sequence[_View] = (),
        *,
        report: Report | None = None,
        seconds: dict[str, float] | None = None,
        single: bool = True,
        previous: Labels | None = None,
    ) -> None:
        self.segmenter = segmenter
        self._views = list(views)
        self._single = single
        self.report = report
        self.seconds = dict(seconds or {})
        self._initial = [self._relabel(v, DecodeSettings(), False) for v in self._views]
        self._labels = [self._relabel(v, DecodeSettings()) for v in self._views]
        if previous is not None and self._views:
            self._labels[0] = self._renumber(0, self._labels[0], previous)

    @property
    def labels(self) -> Labels | list[Labels]:
        """Instances of what was adapted on."""
        return self._hand_out(self._labels)

    @property
    def initial_labels(self) -> Labels | list[Labels]:
        """Instances before adaptation."""
        return self._hand_out(self._initial)

    def _hand_out(self, labels: list[Labels]) -> Labels | list[Labels]:
        if not labels:
            raise UserError(
                "A saved model does not hold the image it was adapted on; use "
                "'segment' with an image."
            )
        return labels[0] if self._single else labels

    def relabel(
        self,
        settings: DecodeSettings,
        previous: Labels | None = None,
        *,
        adapted: bool = True,
    ) -> Labels:
        """Decode the stored output of the first image again; no network is run.

        Parameters
        ----------
        settings : DecodeSettings
            Threshold, splitting and rules.
        previous : array of int32, optional
            Labels whose numbers are kept.
        adapted : bool
            False: the output before adaptation.

        Returns
        -------
        array of int32
        """
        self._hand_out(self._labels)
        labels = self._relabel(self._views[0], settings, adapted)
        return labels if previous is None else self._renumber(0, labels, previous)

    def _relabel(
        self, view: _View, settings: DecodeSettings, adapted: bool = True
    ) -> Labels:
        outputs = view.outputs[int(adapted and self.segmenter.kept)]
        found = decode_planes(outputs, settings)
        drawn = view.planes.split(view.annotation)
        merged = [respect_annotation(*pair) for pair in zip(found, drawn, strict=True)]
        return view.planes.join(np.stack(merged))

    def _renumber(self, index: int, labels: Labels, previous: Labels) -> Labels:
        view = self._views[index]
        if previous.shape != labels.shape:
            return labels
        split = view.planes.split
        planes = zip(
            split(labels), split(previous), split(view.annotation), strict=True
        )
        return view.planes.join(np.stack([keep_numbers(*plane) for plane in planes]))

    def segment(
        self,
        other: Array,
        *,
        adapted: bool = True,
        axes: str | None = None,
        channel: int | None = None,
        settings: DecodeSettings | None = None,
    ) -> Labels:
        """Segment another image of the same kind, see `Segmenter.segment`."""
        return self.segmenter.segment(
            other, adapted=adapted, axes=axes, channel=channel, settings=settings
        )

    def segment_steps(
        self,
        other: Array,
        *,
        adapted: bool = True,
        axes: str | None = None,
        channel: int | None = None,
        settings: DecodeSettings | None = None,
    ) -> Generator[Progress, None, Labels]:
        """Segment another image, as a generator that can be closed at any yield."""
        steps = self.segmenter.segment_steps(
            other, adapted=adapted, axes=axes, channel=channel, settings=settings
        )
        while True:
            try:
                share = next(steps)
            except StopIteration as stop:
                labels: Labels = stop.value
                return labels
            yield Progress("segment", round(100 * share), 100, "Segmenting")

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the model to a folder, see `Segmenter.save`."""
        self.segmenter.save(path, overwrite=overwrite)


def load(path: str | Path) -> AdaptedModel:
    """Load a model that was saved.

    Parameters
    ----------
    path : str or Path
        Folder that `AdaptedModel.save` wrote.

    Returns
    -------
    AdaptedModel
        It can `segment`; the image it was adapted on is not part of it.

    Raises
    ------
    UserError
        If there is no intact model.
    """
    return AdaptedModel(load_segmenter(path))


def adapt(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    *,
    axes: str | None = None,
    channel: int | None = None,
    diameter: float | None = None,
    init: str | Path = "maml",
    device: str = "auto",
    seed: int = 0,
    progress: Callable[[Progress], object] | None = None,
) -> AdaptedModel:
    """Learn a kind of cell from a few painted ones and find them all.

    Parameters
    ----------
    image : array or list of arrays
        (Y, X), (Y, X, C) or as ``axes`` says; any real type.
    annotation : array or list of arrays
        Of the image's shape without its channel axis: 0 = not annotated
        (unknown), k > 0 = one whole cell, -1 = background stroke.
    axes : str, optional
        One letter an axis, of T, Z, C, Y, X.
    channel : int, optional
        Channel to use; by default the mean of all.
    diameter : float, optional
        Object size (px), instead of that of the painted cells.
    init : str or Path
        Name of a bundled meta-initialization, or the folder of another.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    seed : int
        Fixes what is random.
    progress : callable, optional
        Called with a `Progress` now and then.

    Returns
    -------
    AdaptedModel

    Raises
    ------
    UserError
        If the image, the annotation or the initialization cannot be used.
    """
    steps = adapt_steps(
        image,
        annotation,
        axes=axes,
        channel=channel,
        diameter=diameter,
        init=init,
        device=device,
        seed=seed,
    )
    while True:
        try:
            state = next(steps)
        except StopIteration as stop:
            model: AdaptedModel = stop.value
            return model
        if progress is not None:
            progress(state)


def adapt_steps(
    image: Array | Sequence[Array],
    annotation: Array | Sequence[Array],
    *,
    axes: str | None = None,
    channel: int | None = None,
    diameter: float | None = None,
    init: str | Path = "maml",
    device: str = "auto",
    seed: int = 0,
    previous: Labels | None = None,
) -> Generator[Progress, None, AdaptedModel]:
    """Do what `adapt` does, as a generator that can be closed at any yield.

    Parameters
    ----------
    image, annotation, axes, channel, diameter, init, device, seed
        As in `adapt`.
    previous : array of int32, optional
        Labels of the last round of the first image, whose numbers are kept.

    Yields
    ------
    Progress

    Returns
    -------
    AdaptedModel
    """
    chosen = pick_device(device)
    run = _Run(image, annotation, axes, channel, diameter, init, seed, previous)
    try:
        return (yield from run.steps(chosen, ""))
    except (torch.OutOfMemoryError, NotImplementedError) as error:
        if chosen.type == "cpu":
            raise
        name = chosen.type.upper()
        cause = (
            "ran out of memory"
            if isinstance(error, torch.OutOfMemoryError)
            else "lacks an operation"
        )
    note = f"{name} {cause}; this ran on the CPU instead."
    return (yield from run.steps(torch.device("cpu"), note))


@dataclass(frozen=True)
class _Run:
    """The arguments of one adaptation, which may have to run twice."""

    image: Array | Sequence[Array]
    annotation: Array | Sequence[Array]
    axes: str | None
    channel: int | None
    diameter: float | None
    init: str | Path
    seed: int
    previous: Labels | None

    def steps(
        self, device: torch.device, note: str
    ) -> Generator[Progress, None, AdaptedModel]:
        """Run the stages on a device."""
        torch.manual_seed(self.seed)
        seconds: dict[str, float] = {}
        yield Progress("prepare", 0, 1, "Reading the image and the painted cells")
        with _timed(seconds, "prepare"):
            bundle = load_bundle(self.init)
            views, single = self._views()
            known = _check_views(views)
            lens = _make_lens(views[0].planes, known, bundle, self)
            support = _support_of(views, lens).to(device)
            module, initial = _on_device(bundle, device)
        base = Segmenter(
            Network(module, initial, initial, torch.zeros(0)), lens, False, {}
        )
        # One bar over all: a quarter before, a quarter adapting, half after.
        with _timed(seconds, "before"):
            before = yield from _draw_all(
                base, views, False, ("before", 0, 25, "Looking at the image")
            )
            first = decode_planes(before[0], DecodeSettings())
        preview = views[0].planes.join(first)
        yield Progress("before", 25, 100, "Before adaptation", preview=preview)
        with _timed(seconds, "adapt"):
            last = yield from _adapt(module, initial, support, bundle)
            prototype = fit_prototype(module, last.params, support).detach()
        network = Network(module, initial, last.params, prototype)
        adapted = Segmenter(network, lens, True, {})
        with _timed(seconds, "segment"):
            after = yield from _draw_all(
                adapted, views, True, ("segment", 50, 100, "Finding all cells")
            )
            report = _judge(known, views, before, after, last.index, device, lens)
            report = replace(report, note=" ".join(filter(None, (note, report.note))))
            card = _card(bundle, report, self.seed)
            views = [
                replace(view, outputs=pair)
                for view, pair in zip(
                    views, zip(before, after, strict=True), strict=True
                )
            ]
            final = replace(adapted, kept=report.kept, card=card)
            model = AdaptedModel(
                final.to(torch.device("cpu")),
                views,
                report=report,
                single=single,
                previous=self.previous,
            )
        model.seconds.update(seconds)
        return model

    def _views(self) -> tuple[list[_View], bool]:
        single = isinstance(self.image, np.ndarray) or not isinstance(
            self.image, Sequence
        )
        images = [self.image] if single else list(self.image)
        annotations = [self.annotation] if single else list(self.annotation)
        if not images or len(images) != len(annotations):
            raise UserError(
                f"There are {len(images)} images but {len(annotations)} annotations; "
                "give one annotation for each image."
            )
        views = []
        for image, annotation in zip(images, annotations, strict=True):
            annotation = np.asarray(annotation)
            planes = as_planes(
                np.asarray(image),
                axes=self.axes,
                channel=self.channel,
                annotated=annotation.shape,
            )
            views.append(_View(planes, as_annotation(annotation, planes.shape)))
        return views, single


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start


def _check_views(views: list[_View]) -> Annotated:
    """Check all annotations together: one painted cell on one image is enough."""
    painted = [v.planes.split(v.annotation) for v in views]
    stack = [plane for planes in painted for plane in planes if plane.any()]
    if len({p.shape for p in stack}) <= 1:
        return check_annotation(np.stack(stack) if stack else painted[0])
    shape = tuple(np.max([p.shape for p in stack], axis=0))
    padded = [
        np.pad(p, [(0, n - m) for n, m in zip(shape, p.shape, strict=True)])
        for p in stack
    ]
    return check_annotation(np.stack(padded))


def _make_lens(planes: Planes, known: Annotated, bundle: Bundle, run: _Run) -> Lens:
    ranges = tuple(
        measure_range(planes.data[:, c]) for c in range(planes.data.shape[1])
    )
    if all(r.high <= r.low for r in ranges):
        raise UserError(
            "The image is constant, so there is nothing to learn from; choose another "
            "image or channel."
        )
    diameter = known.diameter if run.diameter is None else float(run.diameter)
    if not np.isfinite(diameter) or diameter <= 0:
        raise UserError(
            f"The object size is {diameter}; give it in pixels, above 0, or leave it "
            "out."
        )
    diameter = max(diameter, bundle.diameter / LARGEST_ZOOM)
    return Lens(run.channel, ranges, diameter, bundle.diameter)


def _support_of(views: list[_View], lens: Lens) -> Support:
    pairs = []
    for view in views:
        for index, painted in enumerate(view.planes.split(view.annotation)):
            if painted.any():
                shape = scaled_shape((painted.shape[0], painted.shape[1]), lens.zoom)
                parts = resize_labels(separate_parts(painted), shape)
                pairs.append((lens.look(view.planes, index), parts))
    return make_support(pairs)


def _on_device(
    bundle: Bundle, device: torch.device
) -> tuple[PrototypeUNet, dict[str, torch.Tensor]]:
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    module = PrototypeUNet(bundle.architecture).to(device)
    params = {
        k: v.to(device).to(memory_format=layout) if v.ndim == 4 else v.to(device)
        for k, v in bundle.params.items()
    }
    return module, params


def _draw_all(
    segmenter: Segmenter,
    views: list[_View],
    adapted: bool,
    bar: tuple[str, int, int, str],
) -> Generator[Progress, None, list[list[PlaneOutput]]]:
    stage, start, stop, message = bar
    outputs = []
    for number, view in enumerate(views):
        drawing = segmenter.draw(view.planes, adapted=adapted)
        while True:
            try:
                share = (number + next(drawing)) / len(views)
            except StopIteration as end:
                outputs.append(end.value)
                break
            yield Progress(stage, round(start + share * (stop - start)), 100, message)
    return outputs


def _adapt(
    module: PrototypeUNet,
    initial: dict[str, torch.Tensor],
    support: Support,
    bundle: Bundle,
) -> Generator[Progress, None, Step]:
    rates = {
        k: torch.tensor(bundle.recipe.rates[k], device=v.device)
        for k, v in initial.items()
    }
    total = bundle.recipe.steps
    last = Step(0, initial, None)
    for last in inner_loop(module, initial, support, rates, total):
        loss = None if last.loss is None else float(last.loss)
        shown = "" if loss is None else f", loss {loss:.2f}"
        bar = 25 + round(25 * last.index / max(total, 1))
        yield Progress(
            "adapt", bar, 100, f"Step {last.index} of {total}{shown}", loss=loss
        )
    return last


def _judge(
    known: Annotated,
    views: list[_View],
    before: list[list[PlaneOutput]],
    after: list[list[PlaneOutput]],
    steps: int,
    device: torch.device,
    lens: Lens,
) -> Report:
    painted = [p for v in views for p in v.planes.split(v.annotation)]
    old = [o for outputs in before for o in outputs]
    new = [o for outputs in after for o in outputs]
    iou_old, iou_new = own_iou(old, painted), own_iou(new, painted)
    reason = verdict(old, new, painted, iou_old, iou_new)
    return Report(
        n_cells=known.n_cells,
        n_strokes=known.n_strokes,
        diameter=lens.diameter,
        steps=0 if reason else steps,
        own_iou_before=iou_old,
        own_iou_after=iou_new,
        kept=not reason,
        reason=reason,
        device=device.type,
        note=known.note,
    )


def _card(bundle: Bundle, report: Report, seed: int) -> dict[str, Any]:
    return {
        "initialization": {
            "name": bundle.card.get("name"),
            "algorithm": bundle.card.get("algorithm"),
            "sha256": bundle.card.get("sha256"),
        },
        "recipe": {"steps": bundle.recipe.steps},
        "report": asdict(report),
        "seed": seed,
    }


__all__ = ["AdaptedModel", "Progress", "Report", "adapt", "adapt_steps", "load"]
