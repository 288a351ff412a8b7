"""What runs in the worker: it knows neither widgets nor layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_metaseg.core.classes import CellClass, Classes
    from napari_metaseg.gui.images import Reading
    from napari_metaseg.workflows.classify import CellFeatures, Described


@dataclass(frozen=True, slots=True)
class Classified:
    """What a run gave.

    Attributes
    ----------
    features : CellFeatures
        The cells as the classifier sees them, for the next run.
    classes : Classes
        The class of every cell.
    """

    features: CellFeatures
    classes: Classes


def run(
    image: NDArray[Any],
    reading: Reading,
    labels: NDArray[np.integer],
    features: CellFeatures | None,
    examples: Mapping[int, str],
) -> Generator[Described, None, Classified]:
    """Give every cell a class; describe the cells first where that was not done."""
    from napari_metaseg.workflows.classify import classify_cells, describe_cells

    if features is None:
        features = yield from describe_cells(
            image, labels, axes=reading.axes, channel=reading.channel
        )
    return Classified(features, classify_cells(features, examples))


def export(
    path: Path,
    labels: NDArray[Any],
    classes: Mapping[int, CellClass],
    image: NDArray[Any] | None,
    reading: Reading | None,
    pixel_size: tuple[float, float] | None,
) -> Generator[Described, None, Path]:
    """Write cells with classes; replacing a file was confirmed in the dialog."""
    from napari_metaseg.io.images import ImageFile
    from napari_metaseg.workflows.export import export_labels

    yield from ()
    axes = "TZYX"[-labels.ndim :] if reading is None else reading.axes.replace("C", "")
    shown = None
    if image is not None and reading is not None:
        shown = ImageFile(image, reading.axes, pixel_size)
    return export_labels(
        path,
        labels,
        axes=axes,
        pixel_size=pixel_size,
        image=shown,
        channel=None if reading is None else reading.channel,
        classes=classes,
        overwrite=True,
    )
