"""Reading a model that `Segmenter.save` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import Architecture, PrototypeUNet
from napari_metaseg.core.settings import MIRRORS, DecodeSettings
from napari_metaseg.io.model_folder import read_card, read_tensors

from .lens import Lens
from .network import Network
from .segmenter import Segmenter
from .state import read_state

if TYPE_CHECKING:
    import torch


def load_segmenter(path: str | Path) -> Segmenter:
    """Load what `Segmenter.save` wrote; see `napari_metaseg.load`."""
    folder = Path(path)
    card = read_card(folder, "adapted-model")
    architecture = Architecture.from_dict(card.get("architecture"))
    tensors = read_tensors(folder, card)
    module = PrototypeUNet(architecture)
    kept = card.pop("kept", True) is True
    settings = _settings(card.pop("decode", {}), folder)
    told = {k: card.pop(k) for k in ("lens", "unadapted_share", "mirrors") if k in card}
    network, lens = _read_scale(told, tensors, "", module, folder)
    others = []
    further_scales = card.pop("others", [])
    if not isinstance(card.get("initialization", {}), dict):
        raise UserError(
            f"The card of '{folder}' does not say what the model was adapted from; "
            "save the model again."
        )
    if not isinstance(further_scales, list):
        raise UserError(
            f"The card of '{folder}' does not say at which scales cells were learned; "
            "save the model again."
        )
    for number, further in enumerate(further_scales):
        read = _read_scale(further, tensors, f"others/{number}/", module, folder)
        others.append(Segmenter(*read, kept, card, settings))
    return Segmenter(network, lens, kept, card, settings, tuple(others))


def _read_scale(
    told: object,
    tensors: dict[str, torch.Tensor],
    prefix: str,
    module: PrototypeUNet,
    folder: Path,
) -> tuple[Network, Lens]:
    """Read what has learned at one scale, see `Segmenter.save`."""
    known = told if isinstance(told, dict) else {}
    lens = Lens.from_dict(known.get("lens"), folder)
    initial, adapted = (
        read_state(f"{prefix}{part}", tensors, module, len(lens.ranges), folder)
        for part in ("initial", "adapted")
    )
    match known.get("unadapted_share", 0.0), known.get("mirrors", 1):
        case (float() | int() as share, int(mirrors)) if (
            0 <= share <= 1 and mirrors in MIRRORS
        ):
            return Network(module, initial, adapted, float(share), mirrors), lens
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
