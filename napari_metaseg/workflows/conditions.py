"""Conditions of an experiment, read from the names of its files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import PurePosixPath

ABOUT = ("file", "status", "problem", "model")
"""Columns that come before the fields in the table of a folder."""

_TAKEN = {*ABOUT, "cells", "covered", "area_px2", "area_um2", "intensity"}

_FIELD = re.compile(r"\{(\w*)\}")


class Conditions:
    """Reads named fields from paths.

    Parameters
    ----------
    pattern : str, optional
        Such as ``{plate}/{well}_{field}``, compared with the end of the path without
        its suffix; ``*`` stands for anything that is of no interest. Without a
        pattern, names are split at underscores.

    Raises
    ------
    UserError
        If the pattern has no fields, or they cannot be told apart.
    """

    def __init__(self, pattern: str | None = None) -> None:
        self.pattern = pattern
        self._compiled = None if pattern is None else _compile(pattern)

    def read(self, place: PurePosixPath) -> dict[str, str]:
        """Read the fields of one path; none if it does not fit the pattern.

        Parameters
        ----------
        place : PurePosixPath
            Path without suffix.

        Returns
        -------
        dict of str to str
            Without a pattern: ``part_1``, ``part_2``, ... of the file's name, and
            ``folder`` where it lies in one.
        """
        if self._compiled is None:
            parts = enumerate(place.name.split("_"), start=1)
            folder = {"folder": str(place.parent)} if place.parent.name else {}
            return folder | {f"part_{n}": part for n, part in parts}
        found = self._compiled.fullmatch(str(place))
        return {} if found is None else found.groupdict()


def _compile(pattern: str) -> re.Pattern[str]:
    names = _FIELD.findall(pattern)
    literal = _FIELD.sub("", pattern)
    usable = names and all(n.isidentifier() for n in names)
    if not usable or len(set(names)) < len(names) or set("{}") & set(literal):
        raise UserError(
            f"The pattern '{pattern}' names no fields; write each once in braces, for "
            "example '{plate}_{well}_{field}'."
        )
    taken = sorted(_TAKEN & set(names))
    if taken:
        raise UserError(
            f"The field '{taken[0]}' of '{pattern}' is a column of the table already; "
            "give it another name."
        )
    if "}{" in pattern or "}*{" in pattern:
        raise UserError(
            f"The fields of '{pattern}' cannot be told apart; put what separates them "
            "between them, for example '_'."
        )
    pieces = re.split(r"(\{\w+\}|\*)", pattern)
    text = "".join(map(_as_regex, pieces))
    return re.compile(rf"(?:.*/)?{text}")


def _as_regex(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    field = _FIELD.fullmatch(piece)
    return re.escape(piece) if field is None else rf"(?P<{field[1]}>[^/]+?)"
