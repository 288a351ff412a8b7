"""A start as a package for bioimage.io.

The package holds the network that draws before the start adapts: what others run with
it is the zero-shot result. It is only ever written; no such package is loaded here.
"""

from __future__ import annotations

import io
import json
import zipfile
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_metaseg.core.intensity import HIGH, LOW
from napari_metaseg.core.network import STRIDE, PrototypeUNet
from napari_metaseg.core.plain_network import PlainUNet
from napari_metaseg.core.scaling import WORKING_DIAMETER
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.io.bundle import load_bundle
from napari_metaseg.io.files import atomic_file

from .drawer import drawer_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.io.bundle import Bundle

_SIDE = 2 * PrototypeUNet.HALO + 32  # px of the test image
_EPSILON = 1e-6
_FORMAT = "0.5.4"
_DESCRIPTION, _README = "bioimageio.yaml", "README.md"
_CARD, _WEIGHTS = "card.json", "weights.pt"
_INPUT, _OUTPUT = "test-input.npy", "test-output.npy"
_ABOUT = """# {name}

What a meta-learned start of napari-metaseg {version} draws with before it adapts to
painted cells: a network that was trained by {algorithm} and draws what is usual. To
adapt the start, use napari-metaseg.

- **Input**: one channel, in which objects are {diameter:.0f} px wide. Rescale first.
- **Output**: foreground (how likely a pixel belongs to an object) and cue (high inside
  objects, low at every outline), each from 0 to 1. Seeds are maxima of the cue.
- **Trained on**: {tasks}.

## Validation

{validation}

## Use

The weights are a plain PyTorch state dict; `napari-metaseg` must be installed, because
the architecture is imported from it. `card.json` holds all that is known of the
training. Before an upload, add authors, a licence and a citation, and look at the
licences of the training images.
"""


def export_bioimageio(name: str | Path, file: Path, *, overwrite: bool = False) -> Path:
    """Write a start as a package that bioimage.io's tools accept.

    Parameters
    ----------
    name : str or Path
        Name or folder of the bundle.
    file : Path
        Zip file to write.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        ``file``.

    Raises
    ------
    UserError
        If the bundle is damaged, or the file cannot be written.
    """
    bundle = load_bundle(name)
    parts = _make_parts(bundle)
    hashes = {part: sha256(content).hexdigest() for part, content in parts.items()}
    # JSON is YAML, too.
    described = json.dumps(_describe(bundle, hashes), indent=1).encode()
    with (
        atomic_file(file, overwrite=overwrite) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part, content in {_DESCRIPTION: described, **parts}.items():
            # Without a date, so that the same start is the same file.
            member = zipfile.ZipInfo(part)
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return file


def _make_parts(bundle: Bundle) -> dict[str, bytes]:
    """Return the files of a package, but for the one that describes them."""
    network = PlainUNet(bundle.architecture.widths).eval()
    network.network.load_state_dict(bundle.unadapted)
    image = sample_scene("fluorescence", size=(_SIDE, _SIDE)).image
    raw = image[None, None].astype(np.float32)
    with torch.no_grad():
        drawn = network(torch.from_numpy(_scaled(raw))).numpy()
    return {
        _INPUT: _written(partial(np.save, arr=raw)),
        _OUTPUT: _written(partial(np.save, arr=drawn)),
        _WEIGHTS: _written(partial(torch.save, network.state_dict())),
        _CARD: json.dumps(bundle.card, indent=1).encode(),
        _README: _readme(bundle).encode(),
    }


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _scaled(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the percentiles to 0 and 1, as the description tells others to do."""
    low, high = np.percentile(raw, [LOW, HIGH])
    scaled: NDArray[np.float32] = (raw - low) / (high - low + _EPSILON)
    return scaled.astype(np.float32)


def _describe(bundle: Bundle, hashes: dict[str, str]) -> dict[str, Any]:
    card, known = bundle.card, drawer_of(bundle).card

    def source(part: str) -> dict[str, str]:
        return {"source": part, "sha256": hashes[part]}

    any_size = {"min": _SIDE, "step": STRIDE}
    sides = [{"type": "space", "id": a, "size": any_size} for a in "yx"]
    found = [
        {
            "type": "space",
            "id": a,
            "size": {"tensor_id": "image", "axis_id": a},
            "halo": PrototypeUNet.HALO,
        }
        for a in "yx"
    ]
    batch = {"type": "batch"}
    return {
        "type": "model",
        "format_version": _FORMAT,
        "name": f"napari-metaseg start {card.get('name', '')}".strip(),
        "description": (
            f"Instances of cells: the network (trained by {known.get('algorithm')}) "
            f"that draws before the start '{card.get('name', '')}' of napari-metaseg "
            "adapts to painted cells."
        ),
        "documentation": _README,
        "tags": ["instance-segmentation", "cells", "meta-learning", "2d", "pytorch"],
        "attachments": [source(_CARD)],
        "inputs": [
            {
                "id": "image",
                "axes": [batch, {"type": "channel", "channel_names": ["gray"]}, *sides],
                "test_tensor": source(_INPUT),
                "preprocessing": [
                    {
                        "id": "scale_range",
                        "kwargs": {
                            "axes": ["channel", "y", "x"],
                            "min_percentile": LOW,
                            "max_percentile": HIGH,
                            "eps": _EPSILON,
                        },
                    }
                ],
            }
        ],
        "outputs": [
            {
                "id": "maps",
                "axes": [
                    batch,
                    {"type": "channel", "channel_names": ["foreground", "cue"]},
                    *found,
                ],
                "test_tensor": source(_OUTPUT),
            }
        ],
        "weights": {
            "pytorch_state_dict": {
                **source(_WEIGHTS),
                "architecture": {
                    "import_from": PlainUNet.__module__,
                    "callable": PlainUNet.__name__,
                    "kwargs": {"widths": list(bundle.architecture.widths)},
                },
                "pytorch_version": torch.__version__.partition("+")[0],
            }
        },
        "config": {
            "napari_metaseg": {
                "sha256": known.get("sha256"),
                "working_diameter_px": WORKING_DIAMETER,
            }
        },
    }


def _readme(bundle: Bundle) -> str:
    card, drawing = bundle.card, drawer_of(bundle).card
    known = card.get("metrics", {}).get("validation") or {}
    scores = "None is known."
    if known:
        scores = (
            "Mean AP@0.5 on kinds of images that it was not trained on: "
            f"{known['mean_before']:.2f} as it is, {known['mean_after']:.2f} adapted "
            "to three cells."
        )
    tasks = drawing.get("training", {}).get("tasks", [])
    named = [f"{t['task']} ({t.get('licence', 'unknown')})" for t in tasks]
    return _ABOUT.format(
        name=card.get("name", "start"),
        version=card.get("version", ""),
        algorithm=drawing.get("algorithm"),
        diameter=WORKING_DIAMETER,
        validation=scores,
        tasks=", ".join(named) or "nothing that is known",
    )
