"""Conditions of an experiment, read from the names of its files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.conditions import Conditions


@pytest.mark.parametrize(
    ("pattern", "place", "fields"),
    [
        ("{plate}_{well}_{field}", "p1_B03_f2", "plate=p1 well=B03 field=f2"),
        ("{plate}/{well}_{field}", "day/p1/B03_f2", "plate=p1 well=B03 field=f2"),
        ("{well}_{field}", "day/p1/B03_f2", "well=B03 field=f2"),
        ("{well}_*_{dose}nM", "B03_x_y_10nM", "well=B03 dose=10"),
        ("img.{n}(a+b)", "img.3(a+b)", "n=3"),
        ("{rest}", "a_b", "rest=a_b"),
        ("{plate}_{well}_{field}", "p1_B03", ""),
        ("{a}-{b}", "a_b", ""),
        (None, "p1_B03_f2", "part_1=p1 part_2=B03 part_3=f2"),
        (None, "day/p1_B03", "folder=day part_1=p1 part_2=B03"),
    ],
)
def test_fields_are_read(pattern: str | None, place: str, fields: str) -> None:
    expected = dict(pair.split("=") for pair in fields.split())

    assert Conditions(pattern).read(PurePosixPath(place)) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("plate_well", "names no fields"),
        ("{plate}_{plate}", "each once"),
        ("{}_{well}", "names no fields"),
        ("{1st}", "names no fields"),
        ("{plate}_{well", "names no fields"),
        ("{plate}{well}", "cannot be told apart"),
        ("{plate}_{file}", "'file' .* another name"),
        ("{cells}", "'cells' .* another name"),
        ("{plate}*{well}", "cannot be told apart"),
    ],
)
def test_a_pattern_without_sense_gets_one_sentence(pattern: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Conditions(pattern)
