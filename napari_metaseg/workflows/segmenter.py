"""A network and a lens: what it takes to segment images of one kind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.axes import Planes, as_planes
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust, relay
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.scaling import resize_labels, scaled_shape
from napari_metaseg.core.settings import MIRRORS, DecodeSettings
from napari_metaseg.io.model_folder import read_card, read_tensors, write_folder

from .lens import Lens
from .network import Network
from .state import name_tensors, read_state

if TYPE_CHECKING:
    from collections.abc import Generator

    import torch

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
    """

    network: Network
    lens: Lens
    kept: bool
    card: dict[str, Any] = field(repr=False)
    settings: DecodeSettings = field(default_factory=DecodeSettings)

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
        tensors = dict(name_tensors("initial", self.network.initial))
        tensors |= name_tensors("adapted", self.network.adapted)
        card = self.card | {
            "kind": "adapted-model",
            "architecture": self.network.module.architecture.as_dict(),
            "kept": self.kept,
            "unadapted_share": self.network.share,
            "mirrors": self.network.mirrors,
            "lens": self.lens.as_dict(),
            "decode": asdict(self.settings),
        }
        cpu = {k: v.detach().cpu().clone() for k, v in tensors.items()}
        write_folder(Path(path), cpu, card, overwrite=overwrite)

    def to(self, device: torch.device) -> Segmenter:
        """Copy to a device."""
        n = self.network
        moved = replace(n, initial=n.initial.to(device), adapted=n.adapted.to(device))
        return replace(self, network=moved)


def load_segmenter(path: str | Path) -> Segmenter:
    """Load what `Segmenter.save` wrote; see `napari_metaseg.load`."""
    folder = Path(path)
    card = read_card(folder, "adapted-model")
    architecture = Architecture.from_dict(card.get("architecture"))
    tensors = read_tensors(folder, card)
    lens = Lens.from_dict(card.pop("lens", None), folder)
    module = PrototypeUNet(architecture)
    initial, adapted = (
        read_state(part, tensors, module, len(lens.ranges), folder)
        for part in ("initial", "adapted")
    )
    kept = card.pop("kept", True) is True
    settings = _settings(card.pop("decode", {}), folder)
    match card.pop("unadapted_share", 0.0), card.pop("mirrors", 1):
        case (float() | int() as share, int(mirrors)) if (
            0 <= share <= 1 and mirrors in MIRRORS
        ):
            network = Network(module, initial, adapted, float(share), mirrors)
            return Segmenter(network, lens, kept, card, settings)
    raise UserError(
        f"The card of '{folder}' tells a share of the un-adapted network or a number "
        "of mirror images that cannot be; save the model again."
    )


def _settings(known: object, folder: Path) -> DecodeSettings:
    try:
        return DecodeSettings(**known)  # type: ignore[arg-type]
    except (TypeError, UserError) as error:
        raise UserError(
            f"The card of '{folder}' does not say how cells are decoded; save the "
            "model again."
        ) from error


def decode_planes(outputs: list[PlaneOutput], settings: DecodeSettings) -> Labels:
    """Decode all planes, each numbered from 1.

    Returns
    -------
    (P, Y, X) array of int32
    """
    return np.stack([output.instances(settings) for output in outputs])
