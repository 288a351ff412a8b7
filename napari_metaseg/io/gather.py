"""Gathering image files from any mix of files and folders."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError

from .open_images import VENDORS
from .sources.found import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATTERNS = tuple(f"*{suffix}" for suffix in (*IMAGE_SUFFIXES, *VENDORS, ".zarr"))
"""What is taken from a folder unless other patterns are given."""

RESULT = "_labels"
"""What the stems of results end in, which are no images to segment."""


@dataclass(frozen=True, slots=True)
class Source:
    """An image file, and where its results belong.

    Attributes
    ----------
    path : Path
        The file.
    place : PurePosixPath
        Path of its results within their folder, without suffix: it mirrors the
        folder that the file was found in.
    """

    path: Path
    place: PurePosixPath


def gather(
    inputs: Sequence[Path], patterns: Sequence[str] = PATTERNS
) -> tuple[list[Source], dict[str, int]]:
    """List the images among files and folders, in the order of their names.

    Parameters
    ----------
    inputs : sequence of Path
        Files, which are taken as they are, and folders, which are searched with all
        their sub-folders. What is hidden or a result of this program is left out.
        Of several folders, each gets a folder of its own name for its results.
    patterns : sequence of str
        File names of a folder that are taken, as ``*.tif``; a pattern with a ``/``
        is compared with the whole path within the folder. Case does not matter.

    Returns
    -------
    list of Source
        What to segment.
    dict of str to int
        How many files of each other suffix were left out.

    Raises
    ------
    UserError
        If a folder cannot be read, nothing is found, or two results would have the
        same name.
    """
    several = sum(path.is_dir() for path in inputs) > 1
    sources: list[Source] = []
    others: Counter[str] = Counter()
    for path in inputs:
        if not path.is_dir() or _is_image(path.name):
            sources.append(Source(path, PurePosixPath(path.stem)))
            continue
        top = PurePosixPath(path.resolve().name if several else "")
        for within in _files(path):
            if within.stem.endswith(RESULT):
                continue
            if _fits(within, patterns):
                sources.append(Source(path / within, top / within.with_suffix("")))
            else:
                others[within.suffix.lower() or within.name] += 1
    if not sources:
        raise UserError(
            f"There is no image in {', '.join(map(str, inputs))} that fits "
            f"{' or '.join(patterns)}; choose another folder or pattern."
        )
    _refuse_same_places(sources)
    return sources, dict(others)


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """List the files of a folder, by their paths within it; an OME-Zarr is one."""

    def fail(error: OSError) -> None:
        raise UserError(
            f"The folder {error.filename} cannot be read; check its permissions."
        ) from error

    been: set[str] = set()
    for top, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        # A link may lead back to where it lies.
        if (real := os.path.realpath(top)) in been:
            folders.clear()
            continue
        been.add(real)
        names += filter(_is_image, folders)
        folders[:] = sorted(n for n in folders if n[0] != "." and not _is_image(n))
        within = PurePosixPath(Path(top).relative_to(folder).as_posix())
        yield from (within / n for n in sorted(names) if not n.startswith("."))


def _is_image(folder: str) -> bool:
    return folder.lower().endswith(".zarr")


def _fits(path: PurePosixPath, patterns: Sequence[str]) -> bool:
    whole, name = str(path).lower(), path.name.lower()
    return any(
        fnmatchcase(whole if "/" in pattern else name, pattern.lower())
        for pattern in patterns
    )


def _refuse_same_places(sources: Sequence[Source]) -> None:
    # Not every file system tells upper from lower case.
    seen: dict[str, Path] = {}
    for source in sources:
        first = seen.setdefault(str(source.place).lower(), source.path)
        if first is not source.path:
            raise UserError(
                f"{first} and {source.path} are both named '{source.place.name}' and "
                "would share one result; segment them into different folders, or "
                "choose one of them with a pattern."
            )
