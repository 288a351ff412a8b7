"""Who does the work, as the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_metaseg.workflows.cluster import Cluster
from napari_metaseg.workflows.crews import Alone
from napari_metaseg.workflows.processes import Processes

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.workflows.crews import Crew
    from napari_metaseg.workflows.segmenter import Segmenter


def make_crew(segmenter: Segmenter, options: argparse.Namespace) -> Crew:
    """Gather those who work with a model: a cluster, processes, or this one alone."""
    if options.scheduler is not None:
        return Cluster(segmenter, options.model, options.scheduler)
    if options.jobs == 1:
        return Alone(segmenter)
    return Processes(segmenter, options.model, options.jobs)
