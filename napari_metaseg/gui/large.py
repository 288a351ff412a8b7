"""All of an image, whatever its size, is segmented into a file and shown from there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from . import file_layers, images, layers, world
from .asking import ask_path
from .decoding import UNLINKED, Link
from .guidance import Tone
from .teller import Teller
from .worker import Runner

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari.components import LayerList
    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from napari_metaseg.core.settings import DecodeSettings
    from napari_metaseg.workflows.adapt import AdaptedModel
    from napari_metaseg.workflows.results import Progress

    from .bench import Bench
    from .desk import Desk
    from .images import Reading
    from .panel_view import PanelView
    from .saving import Saver
    from .work import Work

_KIND = "OME-Zarr (*.zarr)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeOrder:
    """An image to segment, and where to.

    Attributes
    ----------
    model : AdaptedModel
        The current one.
    levels : tuple of array
        The image at falling resolutions; mostly one. None of it has been read.
    axes : str
        A letter for each axis.
    channel : int or None
        Channel used, None for all.
    settings : DecodeSettings
        How the network's output becomes cells.
    link : str
        Along which axes cells keep their number.
    pixel_size : tuple of float or None
        In µm, (y, x).
    z_step : float or None
        Distance between planes in µm.
    offset : tuple of float
        Where the first pixel lies, in pixels, (z, y, x).
    path : Path
        The result.
    device : str
        Name of the device.
    """

    model: AdaptedModel
    levels: tuple[Any, ...]
    axes: str
    channel: int | None
    settings: DecodeSettings
    link: str
    pixel_size: tuple[float, float] | None
    z_step: float | None
    offset: tuple[float, float, float]
    path: Path
    device: str


class Written(NamedTuple):
    """A result in a file.

    Attributes
    ----------
    path : Path
        The file.
    levels : list of array
        Its instances at falling resolutions.
    axes : str
        A letter for each of their axes.
    notes : tuple of str
        What a person would not expect of it.
    """

    path: Path
    levels: list[Any]
    axes: str
    notes: tuple[str, ...] = ()


class Large(Teller):
    """Segments one image at a time into an OME-Zarr."""

    def __init__(
        self,
        layer_list: LayerList,
        desk: Desk,
        bench: Bench,
        view: PanelView,
        saver: Saver,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._layers, self._desk, self._bench = layer_list, desk, bench
        self._view, self._form, self._saver = view, view.large, saver
        form = self._form
        self._window = parent
        self._at_work: tuple[Image, Reading] | None = None
        self._runner = Runner("Segmenting to a file", self)
        self._runner.progressed.connect(self._on_progress)
        self._runner.returned.connect(self._on_returned)
        self._runner.refused.connect(self.warn)
        self._runner.failed.connect(self._on_failed)
        self._runner.cancelled.connect(self._on_cancelled)
        self._runner.idle.connect(self._refresh)
        form.start.clicked.connect(self.press)
        for chooser in (form.images, form.links):
            chooser.currentIndexChanged.connect(self._refresh)
        desk.image_changed.connect(self._follow)
        for signal in (desk.changed, bench.changed, bench.shown):
            signal.connect(self._refresh)
        self._refresh()

    def press(self) -> None:
        """Ask for a file and segment to it; while that runs, cancel it."""
        if self._runner.running:
            self._runner.cancel()
        else:
            self._begin()
        self._refresh()

    def leave(self) -> None:
        """End whatever runs; what is done of it stays for another time."""
        self._runner.drop()

    def _begin(self) -> None:
        work, chosen = self._bench.works.of(self._desk), self._chosen()
        if work is None or work.last is None or chosen is None:
            return
        image, reading = chosen
        start = self._saver.beside(image, f"{work.reading.target.name}.zarr")
        path = ask_path(self._window, "Segment to a file", start, _KIND)
        if path is None:
            return
        order = LargeOrder(
            model=work.last.model,
            levels=images.levels(image),
            axes=reading.axes,
            channel=reading.channel,
            settings=work.last.decoded.settings,
            link=str(self._form.links.value),
            pixel_size=world.pixel_size(image),
            z_step=world.z_step(image, reading.axes),
            offset=world.offset(image, reading.axes),
            path=path,
            device=self._view.source.device,
        )
        self._at_work = image, reading
        self._form.bar.setValue(0)
        self._runner.start(partial(segment, order))
        if order.path.with_name(f"{path.name}.partial").exists():
            self.say(f"Going on with {path.name} where it was left.")

    def _chosen(self) -> tuple[Image, Reading] | None:
        """Return the image to segment, read as the one that was adapted to."""
        image, reading = self._form.images.value, self._desk.reading
        if image is None or reading is None:
            return None
        ways = images.readings(image)
        channels = [way for way in ways if way.channel == reading.channel]
        return (image, (channels or ways)[0]) if ways else None

    def _follow(self) -> None:
        """Choose the image on the desk, until a person chooses another one."""
        self._offer()
        if self._desk.image is not None:
            known = layers.image_layers(self._layers)
            self._form.images.choose(images.whole_of(self._desk.image, known))
        self._refresh()

    def _offer(self) -> None:
        self._form.offer(layers.image_layers(self._layers))

    def _refresh(self) -> None:
        self._offer()
        work, chosen = self._bench.works.of(self._desk), self._chosen()
        self._form.offer_links("" if chosen is None else chosen[1].axes)
        reading = self._desk.reading
        stack = reading is not None and len(reading.axes.replace("C", "")) > 2
        self._form.offer_scope(stack=stack)
        self._link(work)
        running, stopping = self._runner.running, self._runner.stopping
        possible = work is not None and work.last is not None and chosen is not None
        self._form.show_running(running, stopping, possible=possible)

    def _link(self, work: Work | None) -> None:
        """Let the cells shown be numbered in the way that is chosen."""
        if work is None:
            return
        axes, name = work.reading.axes.replace("C", ""), str(self._form.links.value)
        possible = name != "none" and set(name.upper()) <= set(axes)
        link = Link(axes, name) if possible else UNLINKED
        if link != work.link:
            work.link = link
            self._bench.follow(work)

    def _on_progress(self, progress: Progress) -> None:
        self._form.bar.setValue(progress.step)

    def _on_returned(self, found: Written) -> None:
        at_work, self._at_work = self._at_work, None
        if at_work is not None and at_work[0] in self._layers:
            name = found.path.stem
            file_layers.show_file(
                self._layers, *at_work, found.levels, found.axes, name
            )
        text = f"Saved {found.path}"
        if found.notes:
            self.warn(f"{text}. Note: {'; '.join(found.notes)}.")
        else:
            self.say(text, Tone.DONE)

    def _on_failed(self, error: Exception) -> None:
        text = f"Segmenting to a file failed ({error}); what is done of it is kept."
        self.warn(text)

    def _on_cancelled(self) -> None:
        text = "Cancelled; 'Segment to file' under the same name goes on from here."
        self.say(text)


def segment(order: LargeOrder) -> Generator[Progress, None, Written]:
    """Segment block by block."""
    from napari_metaseg.core.devices import pick_device
    from napari_metaseg.io.ome_zarr import open_ome_zarr
    from napari_metaseg.workflows.large.run import make_job, run_job
    from napari_metaseg.workflows.notes import notes_on

    finest, *coarser = order.levels
    job = make_job(
        order.model.segmenter.to(pick_device(order.device)),
        finest,
        order.path,
        axes=order.axes,
        channel=order.channel,
        settings=order.settings,
        coarser=coarser,
        link=order.link,
    )
    path = yield from run_job(
        job,
        pixel_size=order.pixel_size,
        z_step=order.z_step,
        offset=order.offset,
    )
    opened = open_ome_zarr(path)
    levels = [level.array for level in (opened.data, *opened.coarser)]  # type: ignore[attr-defined]
    notes = notes_on(order.model.segmenter.lens, job.measured, further=0)
    return Written(path, levels, job.plan.source.label_axes, tuple(notes))
