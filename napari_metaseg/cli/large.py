"""The command ``segment-large``: one image of any size, or a long movie."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_metaseg.core.generators import relay_to
from napari_metaseg.io.open_images import open_image
from napari_metaseg.workflows.large.run import make_job, run_job
from napari_metaseg.workflows.segmenter import load_segmenter

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.workflows.results import Progress


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg segment-large``."""
    image = open_image(options.image)
    job = make_job(
        load_segmenter(options.model),
        image.data,
        options.output,
        axes=options.axes or image.axes,
        channel=options.channel,
        coarser=image.coarser,
        link=options.link,
    )
    steps = run_job(job, pixel_size=image.pixel_size, overwrite=options.overwrite)
    print(relay_to(steps, _tell))
    return 0


def _tell(state: Progress) -> None:
    """Tell each block on stderr; bad input, found before the first, is told alone."""
    if state.step:
        print(f"{state.step} %  {state.message}", file=sys.stderr)
