"""The local task library: found tasks, written in our own layout."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.files import atomic_file
from napari_metaseg.io.json_files import encode, read_json

from .check import SourceProgress, StepCounter, Tally, TaskRow
from .found import Skipped, task_name
from .rows import read_rows, write_row
from .sample_files import colour, file_name, write_sample
from .samples import Known, Sample, read_samples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from .found import FoundTask

ORIGIN = "origin.json"
"""File in each imported task that says where its images are from."""

PARTIAL = ".partial"
"""Folder of the library in which a task lies until it is complete."""


def import_tasks(
    tasks: Sequence[FoundTask],
    library: Path,
    *,
    overwrite: bool = False,
    licence: str | None = None,
    source: str | None = None,
) -> Generator[SourceProgress, None, list[TaskRow]]:
    """Write tasks as ``TASK/images/00000.tif`` and ``TASK/masks/00000.tif``.

    A task appears in the library once it is complete. Whatever stops this, the same
    call goes on where it was: tasks that are there and whose files have not changed
    are not read again.

    Parameters
    ----------
    tasks : sequence of FoundTask
        From `find_tasks`.
    library : Path
        Folder of tasks; made if it is missing.
    overwrite : bool
        Whether tasks of the same names are replaced.
    licence, source : str, optional
        Licence and source, where the data do not tell or tell wrongly.

    Yields
    ------
    SourceProgress
        After each image.

    Returns
    -------
    list of TaskRow
        What was taken and what was not, as `check_tasks` tells it.

    Raises
    ------
    UserError
        If a task of that name is there already, or the library cannot be written.
    """
    for task in tasks:
        if task_name(task.name) != task.name:
            raise UserError(f"'{task.name}' is no name of a task; choose another one.")
    with failures_told(library):
        library.mkdir(parents=True, exist_ok=True)
        _finish_replacements(library)
    # Read before anything is written: a damaged table would be lost.
    read_rows(library)
    tasks = [
        replace(t, licence=licence or t.licence, source=source or t.source)
        for t in tasks
    ]
    # Taken first: a file that changes while it is read is read again next time.
    prints = {t.name: fingerprint(t) for t in tasks}
    finished = {
        name: _finished(library / name, made, overwrite=overwrite)
        for name, made in prints.items()
    }
    known, rows = Known(), []
    counter = StepCounter(tasks)
    for task in tasks:
        record = finished[task.name]
        if record is None:
            made = prints[task.name]
            rows.append((yield from _import_one(task, made, library, known, counter)))
            continue
        for file, image_hash, masks_hash in record["planes"]:
            known.add(task.name, file, image_hash, masks_hash)
        record["row"] |= {"source": task.source, "license": task.licence}
        with failures_told(library):
            write_row(library, record["row"])
        rows.append(_row(record))
        yield counter.step(task, len(task.pairs))
    return rows


def _import_one(
    task: FoundTask, made: str, library: Path, known: Known, counter: StepCounter
) -> Generator[SourceProgress, None, TaskRow]:
    partial = library / PARTIAL / task.name
    tally = Tally(task)
    planes: list[list[str]] = []
    try:
        with failures_told(library):
            shutil.rmtree(partial, ignore_errors=True)
            for name in ("images", "masks"):
                (partial / name).mkdir(parents=True)
        for pair in task.pairs:
            for item in read_samples(task, pair, known):
                tally.add(item, known)
                if isinstance(item, Sample):
                    with failures_told(library):
                        write_sample(partial, len(planes), item)
                    planes.append([item.file, item.image_hash, item.masks_hash])
            yield counter.step(task)
        row = tally.row()
        if not planes:
            return row
        facts = _facts(task, tally)
        with failures_told(library):
            for number in tally.gray_among_colours:
                colour(partial / "images" / file_name(number))
            with atomic_file(partial / ORIGIN) as file:
                file.write(encode(_record(made, row, facts, planes)))
            _move_in(partial, library / task.name)
            write_row(library, facts)
        return row
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_if_empty(library / PARTIAL)


def _facts(task: FoundTask, tally: Tally) -> dict[str, Any]:
    """Return the row of the table ``tasks.json``."""
    diameter = tally.diameter
    return {
        "task": task.name,
        "n_images": len(tally.hashes),
        "n_objects": len(tally.diameters),
        "median_diameter_px": None if diameter is None else round(diameter, 1),
        "structure": task.structure,
        "layout": task.layout,
        "source": task.source,
        "license": task.licence,
        "weights_may_be_distributed": task.distributable,
        "all_objects_annotated": tally.complete,
    }


def _record(
    made: str, row: TaskRow, facts: dict[str, Any], planes: list[list[str]]
) -> dict[str, Any]:
    return {
        "fingerprint": made,
        "row": facts,
        "diameter": row.diameter,
        "problems": row.problems,
        "skipped": [[s.file, s.why] for s in row.skipped],
        "planes": planes,
    }


def _row(record: dict[str, Any]) -> TaskRow:
    facts = record["row"]
    return TaskRow(
        facts["task"],
        facts["layout"],
        facts["source"],
        facts["license"],
        facts["n_images"],
        facts["n_objects"],
        record["diameter"],
        tuple(record["problems"]),
        tuple(Skipped(file, why) for file, why in record["skipped"]),
        frozenset(image_hash for _, image_hash, _ in record["planes"]),
        facts["all_objects_annotated"] is True,
    )


def fingerprint(task: FoundTask) -> str:
    """Hash the names, sizes and times of change of a task's files.

    Not their folder, so that they are known again from another one.
    """
    digest = sha256(task.layout.encode())
    for pair in task.pairs:
        digest.update(f"\n{pair.plane}".encode())
        for path in (pair.image, *pair.masks.files):
            said = f"\n{path.name}/{_state(path)}"
            digest.update(said.encode(errors="surrogatepass"))
    return digest.hexdigest()


def _state(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:  # told when it is read
        return "missing"
    return f"{state.st_size}/{state.st_mtime_ns}"


def _finished(folder: Path, made: str, *, overwrite: bool) -> dict[str, Any] | None:
    """Return the record of a task that is there already, from the same files."""
    if not folder.exists():
        return None
    if (folder / ORIGIN).exists():
        record = read_json(folder / ORIGIN, ORIGIN)
        if _whole(record) and record["fingerprint"] == made:
            return record  # type: ignore[no-any-return]
    if overwrite:
        return None
    raise UserError(
        f"'{folder.parent}' holds a task '{folder.name}' already, from other files; "
        "allow overwriting it (in the shell --overwrite), or import into another "
        "folder."
    )


def _whole(record: Any) -> bool:
    """Tell whether a record has everything that is read of it."""
    try:
        return isinstance(record["fingerprint"], str) and bool(_row(record).task)
    except (AttributeError, LookupError, TypeError, ValueError):
        return False


def _move_in(partial: Path, final: Path) -> None:
    """Put a complete task in place; one that was there stays until then."""
    old = partial.with_name(f"{partial.name}.old")
    if final.exists():
        final.rename(old)
    partial.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _finish_replacements(library: Path) -> None:
    """Bring back a task whose replacement was stopped between two renames."""
    for old in sorted((library / PARTIAL).glob("*.old")):
        final = library / old.name.removesuffix(".old")
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(final)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


@contextmanager
def failures_told(library: Path) -> Iterator[None]:
    """Tell in one sentence why a library cannot be written."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UserError(
            f"'{library}' cannot be written ({reason}); free some space, or choose "
            "another folder."
        ) from error
