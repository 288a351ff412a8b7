"""How a folder is segmented, how far it has come, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_metaseg.io.gather import PATTERNS

from .folder_work import Look

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """How a folder is segmented.

    Attributes
    ----------
    look : Look
        How its images are looked at.
    patterns : tuple of str
        Files of folders that are taken, see `gather`.
    normalise : str
        ``"each"`` image by its own intensities, or ``"all"`` by those of all images
        together, which keeps differences between them and blank frames blank.
    also : tuple of str
        Formats that are written beside the label images.
    fields : str or None
        Pattern of file names, see `Conditions`.
    overwrite : bool
        Whether results of another model or other settings are replaced.
    """

    look: Look = field(default_factory=Look)
    patterns: tuple[str, ...] = PATTERNS
    normalise: str = "each"
    also: tuple[str, ...] = ()
    fields: str | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class FolderProgress:
    """How far a folder has come.

    Attributes
    ----------
    done, total : int
        Images, finished ones included.
    share : float
        Of the image under way, where it is known.
    message : str
        One line for a person.
    path : Path or None
        The image that has just ended.
    problem : str
        Why it has no result; empty if it has.
    """

    done: int
    total: int
    share: float
    message: str
    path: Path | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What came of a folder.

    Attributes
    ----------
    segmented, kept : int
        Images segmented now, and those that were finished before.
    problems : dict of Path to str
        Images without a result, and why.
    left_out : dict of str to int
        How many files of other kinds were left out, by suffix.
    summary : Path
        The table, as CSV.
    table : DataFrame
        A row for each image: ``file``, ``status``, ``problem``, ``model`` (the
        beginning of its digest), conditions, and the numbers of `summarise`.
    """

    segmented: int
    kept: int
    problems: dict[Path, str]
    left_out: dict[str, int]
    summary: Path
    table: pd.DataFrame
