"""A network and a lens: what it takes to segment images of one kind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.axes import Planes, as_planes
from napari_metaseg.core.generators import exhaust, relay
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.io.model_folder import write_folder

from .scales import with_others
from .state import name_tensors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import torch

    from .lens import Lens
    from .network import Network
    from .wanted import Wanted

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Segmenter:
    """What it takes to segment images of one kind: network and lens.

    Attributes
    ----------
    network : Network
        Parameters before and after adaptation.
    lens : Lens
        How to look at images.
    kept : bool
        Whether the adapted parameters are what counts.
    card : dict
        Provenance: initialization, recipe, report.
    settings : DecodeSettings
        How what the network draws becomes instances, unless others are asked for.
    others : tuple of Segmenter
        What has learned the same cells at other scales, see
        `napari_metaseg.workflows.scales`.
    """

    network: Network
    lens: Lens
    kept: bool
    card: dict[str, Any] = field(repr=False)
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    others: tuple[Segmenter, ...] = ()

    def draw(
        self, planes: Planes, *, adapted: bool, only: Wanted | None = None
    ) -> Generator[float, None, list[PlaneOutput]]:
        """Run the network over all planes, or only parts of some.

        Parameters
        ----------
        planes : Planes
            The image.
        adapted : bool
            After (True) or before adaptation.
        only : Wanted, optional
            What is drawn, see `parts_to_draw`; the rest is blank.

        Yields
        ------
        float
            Share done.

        Returns
        -------
        list of PlaneOutput
        """
        looks = (self, *self.others) if adapted else (self,)
        # What a look takes goes with the pixels that it sees.
        ends = np.cumsum([0.0, *(look.lens.zoom**2 for look in looks)])
        drawn = []
        for look, part in zip(looks, pairwise(ends / ends[-1]), strict=True):
            steps = look._draw(planes, adapted=adapted, only=only)
            shares = relay(steps, partial(np.interp, xp=(0, 1), fp=part))
            drawn.append((yield from shares))
        return with_others(drawn[0], drawn[1:])

    def _draw(
        self, planes: Planes, *, adapted: bool, only: Wanted | None
    ) -> Generator[float, None, list[PlaneOutput]]:
        """Run the network over the planes at this scale alone, see `draw`."""
        outputs = []
        count = len(planes.data)
        lens = self.lens.on(planes)
        for index in range(count):
            shape = planes.data.shape[-2], planes.data.shape[-1]
            diameter = lens.working_diameter
            working = scaled_shape(shape, lens.zoom)
            if only is not None and index not in only:
                outputs.append(PlaneOutput.blank(working, shape, diameter))
                continue
            image = lens.look(planes, index)
            mask = None if only is None else only[index]
            where = None if mask is None else resize_labels(mask, working)
            maps = yield from relay(
                self.network.draw(image, adapted=adapted, where=where),
                lambda share, index=index: (index + share) / count,  # type: ignore[misc]
            )
            outputs.append(PlaneOutput(maps, shape, diameter))
        return outputs

    def segment_steps(
        self,
        image: NDArray[np.generic],
        *,
        adapted: bool = True,
        axes: str | None = None,
        channel: int | None = None,
        settings: DecodeSettings | None = None,
    ) -> Generator[float, None, Labels]:
        """Segment an image, as a generator that yields the share done.

        See `segment`.
        """
        chosen = self.lens.channel if channel is None else channel
        planes = as_planes(image, axes=axes, channel=chosen)
        outputs = yield from self.draw(planes, adapted=adapted and self.kept)
        return planes.join(decode_planes(outputs, settings or self.settings))

    def segment(
        self,
        image: NDArray[np.generic],
        *,
        adapted: bool = True,
        axes: str | None = None,
        channel: int | None = None,
        settings: DecodeSettings | None = None,
    ) -> Labels:
        """Segment another image of the same kind.

        Parameters
        ----------
        image : array
            (Y, X), (Y, X, C) or as ``axes`` says.
        adapted : bool
            False: as it was before adaptation.
        axes : str, optional
            One letter an axis, of T, Z, C, Y, X.
        channel : int, optional
            Channel; by default the one that was adapted to.
        settings : DecodeSettings, optional
            Threshold, splitting and rules; by default the model's own.

        Returns
        -------
        array of int32
            Instances, of the image's shape without its channel axis.

        Raises
        ------
        UserError
            If the image cannot be used.
        """
        steps = self.segment_steps(
            image, adapted=adapted, axes=axes, channel=channel, settings=settings
        )
        return exhaust(steps)

    def digest(self) -> str:
        """Tell this model from others: the SHA-256 of all that its results depend on.

        A model that was saved and loaded has the digest it had before.
        """
        known: list[Any] = [self.network.module.architecture.as_dict()]
        network = self.network
        known += [self.lens.as_dict(), self.kept, network.share, network.mirrors]
        whole = hashlib.sha256(json.dumps(known).encode())
        for part in ("initial", "adapted"):
            for name, tensor in name_tensors(part, getattr(network, part)):
                whole.update(name.encode())
                whole.update(tensor.detach().cpu().numpy().tobytes())
        for other in self.others:
            whole.update(other.digest().encode())
        return whole.hexdigest()

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the model to a folder, without the images it was adapted on.

        Parameters
        ----------
        path : str or Path
            Folder; created if missing.
        overwrite : bool
            Whether a model that is there already is replaced.

        Raises
        ------
        UserError
            If the folder cannot be written.
        """
        tensors = dict(self._tensors())
        card = self.card | {
            "kind": "adapted-model",
            "architecture": self.network.module.architecture.as_dict(),
            "kept": self.kept,
            "decode": asdict(self.settings),
            **self._told(),
        }
        if self.others:
            card["others"] = [other._told() for other in self.others]
        for number, other in enumerate(self.others):
            tensors |= other._tensors(f"others/{number}/")
        cpu = {k: v.detach().cpu().clone() for k, v in tensors.items()}
        write_folder(Path(path), cpu, card, overwrite=overwrite)

    def to(self, device: torch.device) -> Segmenter:
        """Copy to a device."""
        n = self.network
        moved = replace(n, initial=n.initial.to(device), adapted=n.adapted.to(device))
        others = tuple(other.to(device) for other in self.others)
        return replace(self, network=moved, others=others)

    def _told(self) -> dict[str, Any]:
        """Return what a card tells of this scale."""
        return {
            "unadapted_share": self.network.share,
            "mirrors": self.network.mirrors,
            "lens": self.lens.as_dict(),
        }

    def _tensors(self, prefix: str = "") -> Iterator[tuple[str, torch.Tensor]]:
        yield from name_tensors(f"{prefix}initial", self.network.initial)
        yield from name_tensors(f"{prefix}adapted", self.network.adapted)


def decode_planes(outputs: list[PlaneOutput], settings: DecodeSettings) -> Labels:
    """Decode all planes, each numbered from 1.

    Returns
    -------
    (P, Y, X) array of int32
    """
    return np.stack([output.instances(settings) for output in outputs])
