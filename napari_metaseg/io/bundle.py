"""Bundles: a folder with weights and the card that says what they are.

Nothing in a bundle is ever executed. The card is JSON, the weights are
safetensors; size, hash, names and shapes are checked before a number is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.network import Architecture, Params, PrototypeUNet

from .model_folder import CARD, check_finite, read_card, read_tensors, write_folder
from .recipes import read_recipe
from .user_folder import user_folder

if TYPE_CHECKING:
    from napari_metaseg.core.recipe import Recipe

CLASSIFIER = "reptile-classes"
"""Folder of the start for classes of cells, see `napari_metaseg.io.class_bundle`."""

CONTROL = "pooled"
"""Folder of the bundle that was trained on all tasks pooled, which the others are
compared with. It draws best as it is, and is no start to adapt from."""

COMPARED = CONTROL, "fomaml"
"""Those that are there for the benchmark: the control, and the first-order MAML from
which the others were trained on. Panels do not offer them."""

UNADAPTED = "unadapted/"
"""What the names of weights begin with that draw before adaptation."""

LARGEST_BUNDLED = 4 * 2**20
"""Largest weights file (bytes) of a meta-initialization."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A meta-initialization, ready for use.

    Attributes
    ----------
    path : Path
        Its folder.
    card : dict
        Everything the card says.
    architecture : Architecture
        The network.
    params : Params
        Weights from which the inner loop begins, float32.
    unadapted : Params
        Weights that draw before adaptation: of another network of the same
        architecture, as one that was trained to adapt draws worse as it is; or the
        same.
    recipe : Recipe
        Its inner loop.
    diameter : float
        Working diameter (px).
    """

    path: Path
    card: dict[str, Any]
    architecture: Architecture
    params: Params
    unadapted: Params
    recipe: Recipe
    diameter: float


def models_folder() -> Path:
    """Return the folder of the bundled initializations."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def builtin_names() -> list[str]:
    """Names of the initializations that come with the program, MAML first."""
    order = {"maml": 0, "imaml": 1, "reptile": 2, "fomaml": 3}
    names = {p.parent.name for p in models_folder().glob(f"*/{CARD}")}
    return sorted(names - {CLASSIFIER}, key=lambda n: (order.get(n, len(order)), n))


def bundled_names() -> list[str]:
    """Names of all initializations: the built-in ones, then the person's own.

    `napari_metaseg.io.sharing` adds to the latter.
    """
    builtin = builtin_names()
    own = {p.parent.name for p in user_folder("models").glob(f"*/{CARD}")}
    # While one is being written, its folder begins with a dot.
    hidden = {name for name in own if name.startswith(".")}
    return builtin + sorted(own - hidden - set(builtin))


def find_bundle(name: str | Path) -> Path:
    """Find a bundle by name or folder.

    Parameters
    ----------
    name : str or Path
        A name of `bundled_names`, or a folder.

    Raises
    ------
    UserError
        If there is neither.
    """
    if isinstance(name, str) and name in bundled_names():
        own = name not in builtin_names()
        return (user_folder("models") if own else models_folder()) / name
    if (Path(name) / CARD).is_file():
        return Path(name)
    raise UserError(
        f"There is no initialization '{name}'; choose one of "
        f"{', '.join(bundled_names())} or a folder that holds a {CARD}."
    )


def check_params(
    tensors: dict[str, torch.Tensor],
    architecture: Architecture,
    where: Path,
    prefix: str = "",
) -> Params:
    """Check names, shapes and values of weights against their architecture.

    Parameters
    ----------
    tensors : dict of str to Tensor
        By the names that the network gives them.
    architecture : Architecture
        The network.
    where, prefix : Path, str
        Folder, and what the names begin with there, for messages.

    Returns
    -------
    Params
        As float32.

    Raises
    ------
    UserError
        If one is missing, unknown, of another shape or not finite.
    """
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in PrototypeUNet(architecture).named_parameters()}
    wrong = sorted(set(shapes) ^ set(tensors)) or [
        k for k, shape in shapes.items() if tensors[k].shape != shape
    ]
    wrong = wrong or [k for k in shapes if not torch.isfinite(tensors[k]).all()]
    if wrong:
        raise UserError(
            f"The weights in '{where}' do not fit their network "
            f"('{prefix}{wrong[0]}' is missing, unknown or wrong); copy or train the "
            "bundle again."
        )
    return {k: tensors[k].to(torch.float32) for k in shapes}


def load_bundle(name: str | Path) -> Bundle:
    """Load a meta-initialization.

    Parameters
    ----------
    name : str or Path
        A bundled name, or a folder.

    Raises
    ------
    UserError
        If anything about it is not as it should be.
    """
    folder = find_bundle(name)
    card = read_card(folder, "meta-initialization")
    architecture = Architecture.from_dict(card.get("architecture"))
    own: dict[str, torch.Tensor] = {}
    other: dict[str, torch.Tensor] = {}
    for key, tensor in read_tensors(folder, card).items():
        part = other if key.startswith(UNADAPTED) else own
        part[key.removeprefix(UNADAPTED)] = tensor
    params = check_params(own, architecture, folder)
    unadapted = params
    if other:
        unadapted = check_params(other, architecture, folder, UNADAPTED)
    recipe = read_recipe(card, set(params), folder)
    diameter = float(card["working_diameter"])
    return Bundle(folder, card, architecture, params, unadapted, recipe, diameter)


def check_size(params: Params, unadapted: Params | None = None) -> None:
    """Check that weights fit into a bundle.

    Parameters
    ----------
    params, unadapted
        As in `save_bundle`.

    Raises
    ------
    UserError
        If they do not.
    """
    numbers = [v.numel() for part in (params, unadapted or {}) for v in part.values()]
    size = 2 * sum(numbers)
    if size > LARGEST_BUNDLED:
        two = "two networks have" if unadapted else "network has"
        raise UserError(
            f"The {two} {size / 2**20:.1f} MB of weights; a bundle holds at most "
            f"{LARGEST_BUNDLED // 2**20} MB, so choose smaller widths."
        )


def save_bundle(
    folder: Path,
    params: Params,
    card: dict[str, Any],
    *,
    unadapted: Params | None = None,
    overwrite: bool = False,
) -> None:
    """Write a meta-initialization: float16 weights, then the card with their hash.

    Parameters
    ----------
    folder : Path
        Created if missing.
    params : Params
        Weights.
    card : dict
        Card without ``schema``, ``kind`` and ``sha256``.
    unadapted : Params, optional
        Weights that draw before adaptation; by default the same.
    overwrite : bool
        Whether an existing bundle is replaced.

    Raises
    ------
    UserError
        If the folder cannot be written, or the weights are too large or not finite.
    """
    check_size(params, unadapted)
    named = params | {f"{UNADAPTED}{k}": v for k, v in (unadapted or {}).items()}
    half = {k: v.detach().cpu().to(torch.float16) for k, v in named.items()}
    check_finite(half.values())
    write_folder(
        folder, half, card | {"kind": "meta-initialization"}, overwrite=overwrite
    )
