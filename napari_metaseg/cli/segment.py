"""What ``napari-metaseg segment`` does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_metaseg.core.generators import relay_to
from napari_metaseg.io.gather import PATTERNS
from napari_metaseg.workflows.folder import segment_folder
from napari_metaseg.workflows.folder_settings import FolderSettings
from napari_metaseg.workflows.folder_work import Look
from napari_metaseg.workflows.loading import load_segmenter

from .crew import make_crew
from .status import BAD_INPUT, SOME_FAILED

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.workflows.folder_settings import FolderProgress, FolderReport


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg segment``."""
    segmenter = load_segmenter(options.model)
    settings = FolderSettings(
        look=Look(axes=options.axes, channel=options.channel, link=options.link),
        patterns=tuple(options.pattern or PATTERNS),
        normalise=options.normalise,
        also=tuple(options.also_write),
        fields=options.fields,
        overwrite=options.overwrite,
    )
    crew = make_crew(segmenter, options)
    steps = segment_folder(crew, options.images, options.output_dir, settings)
    report = relay_to(steps, _tell)
    count = report.segmented + report.kept + len(report.problems)
    if count > 1:
        _print_report(report)
    if not report.problems:
        return 0
    return BAD_INPUT if count == 1 else SOME_FAILED


def _tell(state: FolderProgress) -> None:
    """Tell what has just ended; problems on stderr."""
    if state.path is None:
        return
    if state.problem:
        print(f"napari-metaseg: {state.message}", file=sys.stderr)
    else:
        print(f"[{state.done}/{state.total}] {state.message}", flush=True)


def _print_report(report: FolderReport) -> None:
    told = [
        f"{report.segmented} segmented",
        f"{report.kept} finished before",
        f"{len(report.problems)} skipped",
    ]
    print(f"{', '.join(told)}; the table is {report.summary}.")
    for path, problem in report.problems.items():
        print(f"  skipped {path}: {problem}")
    if report.left_out:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in report.left_out.items())
        print(f"Left out, as their names are not asked for: {kinds}.")
