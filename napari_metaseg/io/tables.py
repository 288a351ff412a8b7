"""Tables as CSV, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .files import atomic_file

if TYPE_CHECKING:
    import pandas as pd

STRANGE = "backslashreplace"
"""How what is not UTF-8 is told: names of files from old systems may hold any byte."""


def write_table(
    path: str | Path, table: pd.DataFrame, *, overwrite: bool = False
) -> Path:
    """Write a table as CSV in UTF-8, numbers in full precision.

    Parameters
    ----------
    path : str or Path
        Name ending in ``.csv``.
    table : DataFrame
        Its index is not written.
    overwrite : bool
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    path = Path(path)
    text = table.to_csv(index=False, lineterminator="\n")
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(text.encode(errors=STRANGE))
    return path
