"""Open napari with a sample image and the panel: paint a cell and press Adapt."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

# Before Qt: on Windows torch's libraries cannot be loaded after it.
import torch  # noqa: F401  isort: skip
import napari

from . import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .adapt_panel import AdaptPanel

_SAMPLES = {
    "phase_contrast": samples.phase_contrast,
    "fluorescence": samples.fluorescence,
    "tissue": samples.tissue,
}


def open_demo(sample: str) -> tuple[napari.Viewer, AdaptPanel]:
    """Open a window with a sample and the panel.

    Parameters
    ----------
    sample : str
        ``"phase_contrast"``, ``"fluorescence"`` or ``"tissue"``.

    Returns
    -------
    napari.Viewer
        Its annotation layer is ready in paint mode.
    AdaptPanel
    """
    viewer = napari.Viewer(title="napari-metaseg")
    for data, arguments, _ in _SAMPLES[sample]():
        viewer.add_image(data, **arguments)
    _, panel = viewer.window.add_plugin_dock_widget("napari-metaseg", "MetaSeg")
    viewer.window.resize(1280, 800)
    viewer.reset_view()
    return viewer, panel


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, open the window and wait until it is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", choices=list(_SAMPLES), default="phase_contrast")
    open_demo(parser.parse_args(arguments).sample)
    napari.run()


if __name__ == "__main__":
    main()
