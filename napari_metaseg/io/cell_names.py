"""Names of cells in files of outlines: ``cell 12``, in stacks ``cell 12 t3 z1``."""

from __future__ import annotations

import re

# ImageJ appends -1, -2, ... to names that it has already.
_NAME = re.compile(r"cell (\d{1,10})(?: [tz]\d+)*(?:-\d+)?")


def cell_name(label: int, axes: str = "", plane: tuple[int, ...] = ()) -> str:
    """Name a cell.

    Parameters
    ----------
    label : int
        Its number.
    axes : str
        Letters of the axes of planes, of T and Z.
    plane : tuple of int
        Index along each.
    """
    place = (f" {a.lower()}{i}" for a, i in zip(axes, plane, strict=True))
    return f"cell {label}{''.join(place)}"


def cell_number(name: object) -> int:
    """Return the number in a name that `cell_name` made; 0 for any other."""
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    return int(found[1]) if found else 0
