"""The command ``segment-large``: one image of any size, or a long movie."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_metaseg.core.generators import relay_to
from napari_metaseg.io.open_images import open_image
from napari_metaseg.workflows.large.run import run_job
from napari_metaseg.workflows.large.shared import LargeOrder, Shared
from napari_metaseg.workflows.loading import load_segmenter
from napari_metaseg.workflows.notes import notes_on

from .crew import make_crew

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from napari_metaseg.workflows.results import Progress


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg segment-large``."""
    order = LargeOrder(
        options.image,
        options.output,
        axes=options.axes,
        channel=options.channel,
        link=options.link,
    )
    segmenter = load_segmenter(options.model)
    job, image = order.job(segmenter), open_image(options.image)
    with make_crew(segmenter, options) as crew:
        steps = run_job(
            job,
            pixel_size=image.pixel_size,
            z_step=image.z_step,
            offset=image.offset,
            overwrite=options.overwrite,
            helpers=Shared(crew, order),
        )
        print(relay_to(steps, _teller()))
    for note in notes_on(segmenter.lens, job.measured, image.further):
        print(f"Note: {note}.")
    return 0


def _teller() -> Callable[[Progress], None]:
    """Tell each block on stderr; bad input, found before the first, is told alone."""
    told = ""

    def tell(state: Progress) -> None:
        nonlocal told
        if state.step and state.message != told:
            told = state.message
            print(f"{state.step} %  {told}", file=sys.stderr)

    return tell
