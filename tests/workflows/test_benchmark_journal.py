from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_metaseg.core.errors import UserError
from napari_metaseg.workflows.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"data": "val", "images": 3, "seed": 0, "device": "cpu"}
ROWS = [{"task": "a", "score": 0.25}, {"task": "b", "score": None}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    journal = Journal(path, SETTINGS)
    for row in ROWS:
        journal.append(row)
    return path


def test_rows_are_lines_of_json_and_are_read_again(path: Path) -> None:
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()]

    assert lines[0]["settings"] == SETTINGS
    assert lines[1:] == ROWS == Journal(path, SETTINGS).rows


def test_every_place_a_kill_may_strike_leaves_whole_rows(path: Path) -> None:
    data = path.read_bytes()
    header = data.index(b"\n") + 1
    for length in range(len(data)):
        path.write_bytes(data[:length])

        journal = Journal(path, SETTINGS)
        whole = data[:length].count(b"\n") - 1
        assert journal.rows == ROWS[: max(whole, 0)]
        journal.append({"task": "c"})

        again = Journal(path, SETTINGS).rows
        assert again == [*ROWS[: max(whole, 0)], {"task": "c"}]
        assert path.read_bytes().startswith(data[: min(length, header)])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, "'seed' = 0, not 1"),
        ({"data": "test"}, "'data' = val, not test"),
        ({"more": 1}, "'more' = None, not 1"),
    ],
)
def test_other_settings_are_refused(
    path: Path, changed: dict[str, object], words: str
) -> None:
    before = path.read_bytes()

    with pytest.raises(UserError, match=words):
        Journal(path, SETTINGS | changed)

    assert path.read_bytes() == before


def test_a_setting_that_is_retired_no_longer_has_to_be_the_same(path: Path) -> None:
    now = {k: v for k, v in SETTINGS.items() if k != "seed"}
    before = path.read_bytes()

    journal = Journal(path, now, retired=("seed",))

    assert (journal.rows, journal.settings) == (ROWS, SETTINGS)
    assert path.read_bytes() == before
    with pytest.raises(UserError, match="'seed' = 0, not None"):
        Journal(path, now)


@pytest.mark.parametrize(
    "content", ["notes", "[1, 2]\n", '{"kind": "other"}\nx', "not json\nmore\n", "{}\n"]
)
def test_a_file_that_is_no_benchmark_is_left_alone(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(UserError, match=r"choose another|remove that line"):
        Journal(path, SETTINGS)

    assert path.read_text(encoding="utf-8") == content


def test_a_line_that_is_broken_in_the_middle_is_told(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"task": "a"', b'"task": "a'))

    with pytest.raises(UserError, match="Line 2 of"):
        Journal(path, SETTINGS)


def test_without_a_file_rows_are_kept_in_memory() -> None:
    journal = Journal(None, SETTINGS)
    journal.append({"a": 1})

    assert journal.rows == [{"a": 1}]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        Journal(tmp_path / "no" / "rows.jsonl", SETTINGS)
