"""DeepSea (Zargari et al.), where it is installed: trained for phase contrast."""

from __future__ import annotations

import hashlib
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage as ndi
from skimage.segmentation import relabel_sequential

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.scaling import resize_labels
from napari_metaseg.workflows.benchmark.extras import need

from .fingerprint import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_metaseg.workflows.benchmark.draws import Labels, Painted

    from .protocol import Fitted

SHAPE = (383, 512)
"""Rows and columns to which it wants every image resized, whatever its shape."""

MEAN = DEVIATION = 0.5
"""Of the gray values, from 0 to 1, that it was trained on."""

LEAST = 20
"""Area (px, at that shape) of the smallest object."""

GRAY = (0.299, 0.587, 0.114)
"""What red, green and blue count in gray (ITU-R BT.601), as OpenCV reads images."""


@dataclass(frozen=True)
class DeepSea:
    """DeepSea's segmentation network, which learns nothing from what is painted.

    Zargari et al., Cell Reports Methods 3 (2023), 100500. Network and weights are those
    of the package ``deepsea`` 0.0.3; an image is prepared, and the result read, as its
    ``apply_img_segmentation`` does.

    Attributes
    ----------
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    """

    device: str = "auto"
    name: str = "deepsea"
    origin: str = "deepsea"
    starts: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Name the weights."""
        weights = weights_file(load_deepsea()).read_bytes()
        return fingerprint(self.name, hashlib.sha256(weights).hexdigest())

    def fit(self, painted: Painted, *, previous: Fitted | None = None) -> FittedDeepSea:
        """Load the network; nothing of what is painted is looked at."""
        start = time.perf_counter()
        device = pick_device(self.device)
        network = load_network(device)
        return FittedDeepSea(network, device, time.perf_counter() - start)


@dataclass(frozen=True)
class FittedDeepSea:
    """The network as it was published."""

    network: Any
    device: torch.device
    seconds: float
    reverted: bool = False

    def before(self, image: NDArray[np.generic]) -> None:
        """Return nothing: there are no steps to be seen before."""

    def after(self, image: NDArray[np.generic]) -> Labels:
        """Segment an image without having learned from it."""
        inputs = torch.from_numpy(prepared(image))[None, None].to(self.device)
        with torch.no_grad():
            mask, _ = self.network(inputs)
        cells = (mask.argmax(1)[0] > 0).cpu().numpy()
        return resize_labels(numbered(cells), (image.shape[0], image.shape[1]))


def load_deepsea() -> Any:
    """Import the module that defines the network; see `need`."""
    return need("deepsea.model", "deepsea")


def weights_file(module: Any) -> Path:
    """Return where the package keeps its weights.

    Raises
    ------
    UserError
        If they are not there.
    """
    path = Path(module.__file__).parent / "trained_models" / "segmentation.pth"
    if not path.is_file():
        raise _reinstall(f"'{path}' is missing")
    return path


def load_network(device: torch.device) -> Any:
    """Build the network and load its weights, without running what is in their file.

    Raises
    ------
    UserError
        If the weights are missing, damaged, or of another network.
    """
    module = load_deepsea()
    path = weights_file(module)
    network = module.DeepSeaSegmentation(n_channels=1, n_classes=2, bilinear=True)
    try:
        network.load_state_dict(
            torch.load(path, map_location=device, weights_only=True)
        )
    except (RuntimeError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise _reinstall(f"'{path}' does not fit its network") from error
    return network.to(device).eval()


def _reinstall(what: str) -> UserError:
    return UserError(f"{what}; run: pip install --force-reinstall deepsea.")


def prepared(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Bring an image to what the network was trained on.

    Parameters
    ----------
    image : (Y, X) or (Y, X, C) array
        Three channels are red, green and blue; of others the mean is taken.

    Returns
    -------
    `SHAPE` array of float32
        Gray, stretched to 8 bits between its extremes, from -1 to 1.
    """
    gray = image.astype(float)
    if gray.ndim == 3:
        gray = gray @ np.array(GRAY) if gray.shape[2] == 3 else gray.mean(2)
    low, high = gray.min(), gray.max()
    stretched = 255 * (gray - low) / (high - low) if high > low else np.zeros_like(gray)
    picture = Image.fromarray(stretched.astype(np.uint8))
    resized = picture.resize(SHAPE[::-1], Image.Resampling.BILINEAR)
    drawn = np.asarray(resized) / 255
    return np.asarray((drawn - MEAN) / DEVIATION, np.float32)


def numbered(cells: NDArray[np.bool_]) -> Labels:
    """Tell apart what touches by corners at most, and leave out specks."""
    parts, _ = ndi.label(cells)
    large = np.bincount(parts.ravel()) >= LEAST
    labels, _, _ = relabel_sequential(np.where(large[parts], parts, 0))
    numbers: Labels = labels.astype(np.int32)
    return numbers
