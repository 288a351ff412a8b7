"""What adaptation hands out: instances, and a segmenter for more images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay
from napari_metaseg.core.instances import keep_numbers, one_region, respect_annotation

from .loading import load_segmenter
from .results import Progress, Report
from .segmenter import Labels, Segmenter, decode_planes

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_metaseg.core.axes import Planes
    from napari_metaseg.core.plane_output import PlaneOutput
    from napari_metaseg.core.settings import DecodeSettings

Array = NDArray[np.generic]


@dataclass(frozen=True)
class View:
    """One of the images, with its annotation, as planes.

    What is held out is in an annotation of its own, and in that one only.
    """

    planes: Planes
    annotation: Labels
    outputs: tuple[list[PlaneOutput], list[PlaneOutput]] = field(
        default=([], []), repr=False
    )
    held_out: Labels | None = field(default=None, repr=False)

    @property
    def known(self) -> list[Labels]:
        """What is painted: the annotation, and what is held out."""
        return [a for a in (self.annotation, self.held_out) if a is not None]


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
        views: Sequence[View] = (),
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
        self._previous = previous

    @property
    def labels(self) -> Labels | list[Labels]:
        """Instances of what was adapted on."""
        return self._hand_out(self._labels)

    @property
    def initial_labels(self) -> Labels | list[Labels]:
        """Instances before adaptation."""
        return self._hand_out(self._initial)

    @property
    def memory(self) -> int:
        """Bytes that the stored output takes."""
        sizes = [v.annotation.nbytes for v in self._views]
        for view in self._views:
            sizes += [o.nbytes for outputs in view.outputs for o in outputs]
        return sum(sizes)

    @cached_property
    def _labels(self) -> list[Labels]:
        labels = [self._relabel(v, self.segmenter.settings) for v in self._views]
        region = self.segmenter.settings.region
        if self._previous is not None and labels and not region:
            labels[0] = self._renumber(0, labels[0], self._previous)
        return labels

    @cached_property
    def _initial(self) -> list[Labels]:
        settings = self.segmenter.settings
        return [self._relabel(v, settings, False) for v in self._views]

    @property
    def views(self) -> tuple[View, ...]:
        """The images that it was adapted on, with what was drawn of them."""
        return tuple(self._views)

    @property
    def others(self) -> list[AdaptedModel]:
        """What has learned the same cells at other scales."""
        return [AdaptedModel(other) for other in self.segmenter.others]

    def _hand_out(self, labels: list[Labels]) -> Labels | list[Labels]:
        self._first_view()
        return labels[0] if self._single else labels

    def _first_view(self) -> View:
        if not self._views:
            raise UserError(
                "A saved model does not hold the image it was adapted on; use "
                "'segment' with an image."
            )
        return self._views[0]

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
        labels = self._relabel(self._first_view(), settings, adapted)
        if previous is None or settings.region:
            return labels
        return self._renumber(0, labels, previous)

    def found(
        self, settings: DecodeSettings, *, adapted: bool = True, index: int = 0
    ) -> Labels:
        """Decode the stored output of an image, whatever is annotated.

        Parameters
        ----------
        settings : DecodeSettings
            Threshold, splitting and rules.
        adapted : bool
            False: the output before adaptation.
        index : int
            Which of several images.

        Returns
        -------
        array of int32
            Instances of each plane, numbered from 1; nothing painted is among them.
        """
        self._first_view()
        view = self._views[index]
        return view.planes.join(self._found(view, settings, adapted))

    def drawn(self, *, adapted: bool = True) -> list[PlaneOutput]:
        """Return what the network drew of each plane of the first image.

        Parameters
        ----------
        adapted : bool
            False: the output before adaptation.

        Returns
        -------
        list of PlaneOutput
            In the order in which the planes are counted.
        """
        return self._outputs(self._first_view(), adapted)

    def _outputs(self, view: View, adapted: bool) -> list[PlaneOutput]:
        return view.outputs[int(adapted and self.segmenter.kept)]

    def _found(self, view: View, settings: DecodeSettings, adapted: bool) -> Labels:
        return decode_planes(self._outputs(view, adapted), settings)

    def _relabel(
        self, view: View, settings: DecodeSettings, adapted: bool = True
    ) -> Labels:
        found = self._found(view, settings, adapted)
        drawn = view.planes.split(view.annotation)
        put_in = one_region if settings.region else respect_annotation
        merged = [put_in(*pair) for pair in zip(found, drawn, strict=True)]
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
        return relay(
            steps,
            lambda share: Progress("segment", round(100 * share), 100, "Segmenting"),
        )

    def save(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        settings: DecodeSettings | None = None,
    ) -> None:
        """Save the model to a folder, see `Segmenter.save`.

        Parameters
        ----------
        path, overwrite
            As there.
        settings : DecodeSettings, optional
            How it decodes what it draws from now on; as before if missing.
        """
        chosen = settings or self.segmenter.settings
        replace(self.segmenter, settings=chosen).save(path, overwrite=overwrite)


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
