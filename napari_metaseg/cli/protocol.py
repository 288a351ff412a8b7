"""What ``napari-metaseg protocol`` does."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.class_bundle import load_class_bundle
from napari_metaseg.io.sources.lesions import find_lesions
from napari_metaseg.workflows.meta_train_classes import pools_of
from napari_metaseg.workflows.protocols import lesions as lesion_protocol
from napari_metaseg.workflows.protocols import lesions_settings as lesion_settings
from napari_metaseg.workflows.protocols import livecell as livecell_protocol
from napari_metaseg.workflows.protocols import livecell_settings
from napari_metaseg.workflows.protocols.cell_images import read_cell_images
from napari_metaseg.workflows.protocols.cell_lines import read_cell_lines
from napari_metaseg.workflows.protocols.class_tables import write_tables
from napari_metaseg.workflows.protocols.classes import run_classes
from napari_metaseg.workflows.protocols.classes_settings import ClassesSettings
from napari_metaseg.workflows.protocols.report import write_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from napari_metaseg.workflows.protocols.report import Story
    from napari_metaseg.workflows.protocols.rows import Row

ROWS = "rows.jsonl"


def livecell(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg protocol livecell``."""
    settings = livecell_settings.LivecellSettings(
        **_given(options, livecell_settings.LivecellSettings)
    )
    folder = _folder(options)
    reading = read_cell_lines(
        options.data,
        side=settings.size,
        images=settings.images,
        shots=max(settings.shots),
    )
    lines = relay_to(reading, _tell)
    held_out = options.held_out or [line.name for line in lines]
    steps = livecell_protocol.run_livecell(
        lines,
        settings,
        held_out=held_out,
        output=folder / ROWS,
        encoder=options.encoder_weights,
        device=options.device,
    )
    rows = relay_to(steps, _tell)
    return _finish(
        folder, livecell_settings.story(settings, options.encoder_weights), rows
    )


def lesions(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg protocol lesions``."""
    settings = lesion_settings.LesionSettings(
        **_given(options, lesion_settings.LesionSettings)
    )
    folder = _folder(options)
    sets = [found for data in options.data for found in find_lesions(data)]
    steps = lesion_protocol.run_lesions(
        sets,
        settings,
        tested=options.test or [s.name for s in sets],
        output=folder / ROWS,
        device=options.device,
    )
    return _finish(folder, lesion_settings.story(settings), relay_to(steps, _tell))


def classes(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg protocol classes``."""
    settings = ClassesSettings(**_given(options, ClassesSettings))
    folder = _folder(options)
    reading = read_cell_images(
        options.data, options.tasks, images=settings.images, pair=options.pair
    )
    images = relay_to(reading, _tell)
    bundle = load_class_bundle(options.start)
    tasks = read_tasks(options.train, measured=False)
    steps = run_classes(
        images,
        settings,
        pools=pools_of(tasks),
        bundle=bundle,
        output=folder / ROWS,
    )
    rows = relay_to(steps, _tell)
    path, text = write_tables(folder, settings, bundle.card, rows)
    return _told(path, text)


def _given(options: argparse.Namespace, kind: Any) -> dict[str, Any]:
    """Return the settings that were given; the others are the paper's."""
    given = {f.name: getattr(options, f.name, None) for f in fields(kind)}
    return {
        k: tuple(v) if isinstance(v, list) else v
        for k, v in given.items()
        if v is not None
    }


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be made; choose another place."
        ) from error
    return folder


def _finish(folder: Path, story: Story, rows: Sequence[Row]) -> int:
    return _told(*write_report(folder, story, rows))


def _told(path: Path, text: str) -> int:
    print(text)
    print(path, file=sys.stderr)
    return 0


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
