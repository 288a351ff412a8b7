"""Bundles of the classifier of cells: the weights of all layers but the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg.core.cell_network import CellNetwork
from napari_metaseg.core.errors import UserError

from .bundle import CLASSIFIER, models_folder
from .model_folder import check_finite, read_card, read_tensors, write_folder

if TYPE_CHECKING:
    from pathlib import Path

KIND = "cell-classifier"


@dataclass(frozen=True, slots=True)
class ClassBundle:
    """A start for classes of cells.

    Attributes
    ----------
    card : dict
        Everything that is known of it.
    body : dict of str to Tensor
        Weights, see `CellNetwork.body`.
    """

    card: dict[str, Any]
    body: dict[str, torch.Tensor]


def load_class_bundle(folder: Path | None = None) -> ClassBundle:
    """Load a start for classes of cells.

    Parameters
    ----------
    folder : Path, optional
        The one that comes with the program if missing.

    Raises
    ------
    UserError
        If anything about it is not as it should be.
    """
    folder = models_folder() / CLASSIFIER if folder is None else folder
    card = read_card(folder, KIND)
    tensors = read_tensors(folder, card)
    wanted = CellNetwork(1).body()
    fits = set(wanted) == set(tensors) and all(
        tensors[k].shape == v.shape and bool(torch.isfinite(tensors[k]).all())
        for k, v in wanted.items()
    )
    if not fits:
        raise UserError(
            f"The weights in '{folder}' do not fit the classifier of this version; "
            "train it again by 'napari-metaseg meta-train-classes'."
        )
    return ClassBundle(card, {k: v.float() for k, v in tensors.items()})


def save_class_bundle(
    folder: Path, net: CellNetwork, card: dict[str, Any], *, overwrite: bool = False
) -> None:
    """Write a start for classes of cells, in float16.

    Parameters
    ----------
    folder : Path
        Created if missing.
    net : CellNetwork
        All of its layers but the last are kept.
    card : dict
        What is known of it.
    overwrite : bool
        Whether an existing one is replaced.

    Raises
    ------
    UserError
        If the folder cannot be written, or weights are not finite.
    """
    half = {k: v.half() for k, v in net.body().items()}
    check_finite(half.values())
    write_folder(folder, half, card | {"kind": KIND}, overwrite=overwrite)
