"""Exports and measurements of cells, as they run in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from napari_metaseg.workflows.results import Progress

    from .figure_form import Looks


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Cells as they are shown, and the image they were found in.

    Attributes
    ----------
    labels : array of int32
        The cells.
    pixels : array
        The image.
    axes : str
        A letter for each axis of the image.
    channel : int or None
        The channel that was segmented; None for all.
    pixel_size : tuple of float or None
        In µm, (y, x).
    name : str
        Name of the image.
    plane : tuple of int
        Index of the plane in view; empty for a single one.
    z_step : float or None
        Distance between planes in µm.
    offset : tuple of float
        Where the first pixel lies, in pixels, (z, y, x).
    """

    labels: NDArray[np.int32]
    pixels: Any
    axes: str
    channel: int | None
    pixel_size: tuple[float, float] | None
    name: str
    plane: tuple[int, ...] = ()
    z_step: float | None = None
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def _known(self) -> dict[str, Any]:
        return {"axes": self.axes.replace("C", ""), "pixel_size": self.pixel_size}

    @property
    def _channel_names(self) -> tuple[str, ...] | None:
        """The colours of an RGB image."""
        rgb = self.axes.endswith("YXC") and self.pixels.shape[-1] == 3
        return ("red", "green", "blue") if rgb else None

    def write(self, path: Path, looks: Looks) -> Generator[Progress, None, Path]:
        """Write the cells; that a file may be replaced was confirmed in the dialog.

        Parameters
        ----------
        path : Path
            Its suffix says in which format.
        looks : Looks
            How a figure is drawn.
        """
        from napari_metaseg.io.images import ImageFile
        from napari_metaseg.workflows.export import export_labels
        from napari_metaseg.workflows.figure import FigureSettings

        yield from ()
        figure = FigureSettings(
            self.plane, self.channel, looks.line_width, looks.colour, looks.scale_bar
        )
        return export_labels(
            path,
            self.labels,
            **self._known,
            image=ImageFile(
                self.pixels, self.axes, self.pixel_size, self.z_step, self.offset
            ),
            image_name=self.name,
            channel_names=self._channel_names,
            figure=figure,
            overwrite=True,
        )

    def measure(self) -> Generator[Progress, None, pd.DataFrame]:
        """Measure the cells, one row for each number."""
        import numpy as np

        from napari_metaseg.workflows.features import features_of

        yield from ()
        return features_of(
            self.labels,
            **self._known,
            image=np.asarray(self.pixels),
            image_axes=self.axes,
            channel_names=self._channel_names,
        )


def kinds_of_files() -> str:
    """List the formats as the filter of a dialog."""
    from napari_metaseg.workflows.export import FORMATS

    named = (f"{f.title} ({' '.join(f'*{s}' for s in f.suffixes)})" for f in FORMATS)
    return ";;".join(named)


def is_figure(path: Path) -> bool:
    """Whether a file of this name is a figure."""
    from napari_metaseg.workflows.export import FIGURE

    return path.suffix.lower() in FIGURE.suffixes
