"""Segment many images: mirrored, resumable, with a table of what was found."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.intensity import Range, measure_range
from napari_metaseg.core.words import counted
from napari_metaseg.io.gather import RESULT, gather
from napari_metaseg.io.tables import write_table

from .conditions import ABOUT, Conditions
from .crews import Done
from .folder_settings import FolderProgress, FolderReport, FolderSettings
from .folder_work import Look, Order, Outcome, sample_file, segment_file
from .journal import Journal
from .outputs import further_files
from .prints import digest, file_hash, glance

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_metaseg.io.gather import Source

    from .crews import Crew

JOURNAL = "metaseg-journal.jsonl"
SUMMARY = "metaseg-summary.csv"

_LOST = Outcome(
    "Each worker that began it was lost, most likely for lack of memory; give workers "
    "more of it, or crop the image.",
    {},
)
_SAMPLE = 1_000_000
_LEAST_SAMPLE = 1_000


def segment_folder(
    crew: Crew,
    inputs: Sequence[Path],
    output: Path,
    settings: FolderSettings | None = None,
) -> Generator[FolderProgress, None, FolderReport]:
    """Segment images, as a generator that can be closed at any yield.

    Results mirror the folders and names of the images. A journal beside them says
    which model and settings each came from: what is finished is not done again, and
    what came from others is not replaced unless that is allowed. An image that cannot
    be used does not stop the others.

    Parameters
    ----------
    crew : Crew
        Who does the work, with which model; closed at the end.
    inputs : sequence of Path
        Files and folders.
    output : Path
        Folder of the results; created if missing.
    settings : FolderSettings, optional
        How.

    Yields
    ------
    FolderProgress

    Returns
    -------
    FolderReport

    Raises
    ------
    UserError
        If there is nothing to segment, or no place for the results.
    """
    chosen = settings or FolderSettings()
    with crew:
        run = _Run(crew, chosen, output, *gather(inputs, chosen.patterns))
        return (yield from run.steps())


class _Run:
    """One run over a folder."""

    def __init__(
        self,
        crew: Crew,
        settings: FolderSettings,
        output: Path,
        sources: list[Source],
        left_out: dict[str, int],
    ) -> None:
        self.crew, self.settings, self.output = crew, settings, output
        self.sources, self.left_out = sources, left_out
        self.conditions = Conditions(settings.fields)
        self.model = crew.segmenter.digest()
        _make_folder(output)
        self.journal = Journal(output / JOURNAL, {}, "folder")
        self.finished: dict[str, dict[str, Any]] = {}
        self.begun: dict[str, str] = {}
        for row in self.journal.rows:
            match row:
                case {"begun": dict(begun)}:
                    self.begun |= begun
                case {"place": str(place), "key": _, "file": _, "model": _}:
                    self.finished[place] = row
        self.problems: dict[Path, str] = {}

    def steps(self) -> Generator[FolderProgress, None, FolderReport]:
        look = self.settings.look
        look = replace(look, settings=look.settings or self.crew.segmenter.settings)
        if self.settings.normalise == "all":
            look = replace(look, ranges=(yield from self._common_ranges()))
        keys = [self._key(source, look) for source in self.sources]
        left = [
            k
            for k, source in enumerate(self.sources)
            if not self._is_finished(source, keys[k])
        ]
        kept, total = len(self.sources) - len(left), len(self.sources)
        done, segmented = kept, 0
        yield FolderProgress(done, total, 0.0, f"{total} images, {kept} of them ready")
        orders = self._orders(left, keys, look)
        for state in self.crew.run(segment_file, orders):
            if isinstance(state, float):
                message = f"Image {done + 1} of {total}"
                yield FolderProgress(done, total, state, message)
                continue
            done += 1
            outcome = state.result if isinstance(state, Done) else _LOST
            source = self.sources[left[state.index]]
            if outcome.problem:
                self.problems[source.path] = outcome.problem
                message = f"{source.path}: {outcome.problem}"
            else:
                segmented += 1
                self._note(source, keys[left[state.index]], outcome)
                found = counted(int(outcome.numbers["cells"]), "cell")
                told = "; ".join(filter(None, (found, outcome.note)))
                message = f"{self._target(source)}: {told}"
            yield FolderProgress(
                done, total, 0.0, message, source.path, outcome.problem
            )
        table = self._table()
        summary = self.output / SUMMARY
        write_table(summary, table, overwrite=True)
        return FolderReport(
            segmented, kept, self.problems, self.left_out, summary, table
        )

    def _common_ranges(self) -> Generator[FolderProgress, None, tuple[Range, ...]]:
        """Return the ranges of all images together, as they were measured before."""
        look, total = self.settings.look, len(self.sources)
        kind = digest([self.model, look.axes, look.channel])
        if not self.settings.overwrite:
            for row in reversed(self.journal.rows):
                if row.get("ranges_of") == kind:
                    return tuple(Range(*pair) for pair in row["ranges"])
        count = max(_LEAST_SAMPLE, _SAMPLE // total)
        orders = [(s.path.absolute(), look, count) for s in self.sources]
        samples, done = [], 0
        for state in self.crew.run(sample_file, orders):
            if isinstance(state, Done):
                done += 1
                if state.result is not None:
                    samples.append(state.result)
            message = f"Measuring intensities, image {done} of {total}"
            yield FolderProgress(0, total, 0.0, message)
        if not samples:
            raise UserError(
                "No image can be used with this model, so there are no intensities to "
                "share; normalise each by its own to see why."
            )
        pooled = np.sort(np.concatenate(samples, axis=1))
        ranges = tuple(measure_range(channel) for channel in pooled)
        pairs = [[r.low, r.high] for r in ranges]
        self.journal.append({"ranges_of": kind, "ranges": pairs})
        return ranges

    def _key(self, source: Source, look: Look) -> str:
        """Tell apart all that a result depends on."""
        return digest([self.model, asdict(look), glance(source.path)])

    def _is_finished(self, source: Source, key: str) -> bool:
        row, target = self.finished.get(str(source.place)), self._target(source)
        files = target, *further_files(target, self.settings.also)
        if row is None or row.get("key") != key or not all(f.is_file() for f in files):
            return False
        # One that was edited since stays, unless it may be replaced.
        return not self.settings.overwrite or row.get("sha256") == file_hash(target)

    def _orders(self, left: list[int], keys: list[str], look: Look) -> list[Order]:
        """Order what is left, and note it, lest a kill leave files of unknown origin.

        So a result that was written but not noted as finished, or written twice
        because a worker was lost before it could tell, may be ours: it is, where it
        is what is found again.
        """
        orders, begun = [], {}
        for k in left:
            place, target = str(self.sources[k].place), self._target(self.sources[k])
            names = target, *further_files(target, self.settings.also)
            free = not any(name.exists() for name in names)
            noted = self.finished.get(place, {}).get("key")
            if free or keys[k] in (noted, self.begun.get(place)):
                begun[place] = keys[k]
            _make_folder(target.parent)
            orders.append(
                Order(
                    self.sources[k].path.absolute(),
                    target.absolute(),
                    look,
                    self.settings.also,
                    overwrite=self.settings.overwrite,
                    begun=place in begun,
                )
            )
        if begun:
            self.journal.append({"begun": begun})
        return orders

    def _note(self, source: Source, key: str, outcome: Outcome) -> None:
        row = {
            "place": str(source.place),
            "key": key,
            "sha256": file_hash(self._target(source)),
            "file": str(source.path),
            "model": self.model[:12],
            "numbers": outcome.numbers,
        }
        self.journal.append(row)
        self.finished[str(source.place)] = row

    def _target(self, source: Source) -> Path:
        return self.output / f"{source.place}{RESULT}.tif"

    def _table(self) -> pd.DataFrame:
        """List all results that are there, and what failed now."""
        failed = {str(s.place): s.path for s in self.sources if s.path in self.problems}
        known, fields, numbers = [], [], []
        for place in sorted({*self.finished, *failed}):
            path, row = failed.get(place), self.finished.get(place, {})
            there = (self.output / f"{place}{RESULT}.tif").is_file()
            if there and row and (path is None or row["file"] == str(path)):
                # What was found before stands, and why nothing was found now.
                problem = "" if path is None else self.problems[path]
                about = row["file"], "segmented", problem, row["model"]
            elif path is not None:
                about = str(path), "failed", self.problems[path], ""
                row = {}
            else:
                continue
            known.append(dict(zip(ABOUT, about, strict=True)))
            fields.append(self.conditions.read(PurePosixPath(place)))
            numbers.append(row.get("numbers", {}))
        parts = [
            pd.DataFrame(rows, index=range(len(known)))
            for rows in (known, fields, numbers)
        ]
        return pd.concat(parts, axis=1)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be made; choose another place."
        ) from error
