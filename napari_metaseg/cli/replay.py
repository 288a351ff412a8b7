"""What ``napari-metaseg replay`` does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.core.words import counted
from napari_metaseg.io.labels import check_labels_path, write_labels
from napari_metaseg.workflows.outputs import label_axes
from napari_metaseg.workflows.replay import replay_steps
from napari_metaseg.workflows.session_file import read_session
from napari_metaseg.workflows.summary import count_cells

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.workflows.results import Progress

DIFFERENT = 1


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg replay``."""
    if options.output is not None:
        check_labels_path(options.output, overwrite=options.overwrite)
    session = read_session(options.session)
    if len(options.image) > len(session.images):
        raise UserError(
            f"The session has {len(session.images)} image(s), but {len(options.image)} "
            "are given; give each once."
        )
    given = [*options.image, *[None] * len(session.images)]
    references = [image.reference for image in session.images]
    pixels = [
        reference.read(reference.find(options.session, place))
        for reference, place in zip(references, given, strict=False)
    ]
    replay = relay_to(replay_steps(session, pixels, device=options.device), _tell)
    if options.output is not None:
        first, labels = references[0], replay.labels[0]
        write_labels(
            options.output,
            labels,
            axes=label_axes(first.axes, labels.shape),
            pixel_size=first.pixel_size,
            z_step=first.z_step,
            overwrite=options.overwrite,
        )
        print(options.output)
    for change in replay.changes:
        print(f"Note: {change}")
    for reference, view, labels, count in zip(
        references, replay.model.views, replay.labels, replay.different, strict=True
    ):
        cells = counted(count_cells(view.planes.split(labels)), "cell")
        told = f"{count} pixels differ from" if count else "the same labels as in"
        print(f"{reference.name or 'image'}: {cells}, {told} the session.")
    return DIFFERENT if any(replay.different) else 0


def _tell(state: Progress) -> None:
    if state.stage != "prepare":
        print(state.message, file=sys.stderr)
