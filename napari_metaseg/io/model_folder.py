"""Folders of either kind of model: weights beside a card, checked before use.

Nothing in them is ever executed. The card is JSON, the weights are safetensors,
and the card holds the hash of the weights.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from napari_metaseg.core.errors import UserError

from .files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCHEMA = 1
WEIGHTS = "weights.safetensors"
CARD = "card.json"
LARGEST = 64 * 2**20
"""Largest weights file (bytes) that is read."""


def read_card(folder: Path, kind: str) -> dict[str, Any]:
    """Read a card and check its schema and kind.

    Parameters
    ----------
    folder : Path
        The bundle.
    kind : str
        ``"meta-initialization"`` or ``"adapted-model"``.

    Raises
    ------
    UserError
        If there is no card of that kind.
    """
    path = folder / CARD
    if not folder.is_dir():
        raise UserError(
            f"There is no model in '{folder}', which is no folder; name one that "
            "was saved, or an initialization where one is asked for (--init)."
        )
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"'{path}' is missing or damaged; copy the whole folder again."
        ) from error
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise UserError(
            f"'{path}' was written by another version of napari-metaseg; update the "
            "program or save the model again."
        )
    if card.get("kind") != kind:
        raise UserError(
            f"'{folder}' is no {kind} but '{card.get('kind')}'; choose another folder."
        )
    return card


def read_tensors(folder: Path, card: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Read the weights file after checking its size and hash.

    Raises
    ------
    UserError
        If the file is missing, too large, not what the card describes, or not in
        safetensors format.
    """
    path = folder / WEIGHTS
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"'{path}' is too large to be a model of this program.")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"'{path}' is missing or cannot be read; copy the whole folder again."
        ) from error
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise UserError(
            f"'{path}' does not match its card (SHA-256 differs), so it is damaged or "
            "was replaced; copy the whole folder again."
        )
    try:
        return load_tensors(data)
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f"'{path}' is not in safetensors format; only such files are read."
        ) from error


def write_folder(
    folder: Path,
    tensors: dict[str, torch.Tensor],
    card: dict[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write weights and card of either kind of folder.

    Both are written beside what is there before either takes its name, the card last:
    what ends the program meanwhile leaves an earlier model as it was.

    Raises
    ------
    UserError
        If the folder cannot be written or holds a model already.
    """
    data = save_tensors({k: v.contiguous() for k, v in tensors.items()})
    full = {"schema": SCHEMA} | card | {"sha256": hashlib.sha256(data).hexdigest()}
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be made; choose another place."
        ) from error
    with (
        atomic_file(folder / CARD, overwrite=overwrite) as told,
        atomic_file(folder / WEIGHTS, overwrite=overwrite) as weights,
    ):
        weights.write(data)
        told.write((json.dumps(full, indent=1) + "\n").encode())


def check_finite(tensors: Iterable[torch.Tensor]) -> None:
    """Check weights before they are kept.

    Raises
    ------
    UserError
        If some are not finite.
    """
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        raise UserError(
            "The weights are not finite, so the training has failed and is not kept; "
            "train again at a lower rate."
        )


def check_model_folder(folder: Path, *, overwrite: bool) -> None:
    """Check that a model may be written to a folder.

    Raises
    ------
    UserError
        If it is a file, holds a model already or what is left of one, or lies in no
        folder.
    """
    if not folder.parent.is_dir():
        raise UserError(
            f"The folder {folder.parent} does not exist; create it or choose another."
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; choose the name of a folder.")
    there = next((f for f in (CARD, WEIGHTS) if (folder / f).exists()), None)
    if there is not None and not overwrite:
        raise UserError(
            f"{folder / there} exists already; choose another name or add --overwrite."
        )


def recipe_words(card: dict[str, Any]) -> str:
    """Say in words how an initialization is adapted."""
    match card.get("recipe"):
        case {"steps": 1}:
            return "adapts in 1 step"
        case {"steps": int(steps)}:
            return f"adapts in {steps} steps"
        case _:
            return "adapts by solving a proximal problem"
