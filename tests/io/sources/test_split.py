"""The proposed split never shows one image or source on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.sources.check import TaskRow
from napari_metaseg.io.sources.split import split_tasks


def row(name: str, source: str, hashes: set[str], images: int = 1) -> TaskRow:
    return TaskRow(
        name, "own", source, "", images, images, 9.0, (), (), frozenset(hashes)
    )


many = st.lists(
    st.tuples(
        st.sampled_from("uvwxyz"), st.sets(st.sampled_from("abcdefghij"), max_size=3)
    ),
    max_size=12,
).map(lambda drawn: [row(f"t{k}", *args) for k, args in enumerate(drawn)])


@given(rows=many, share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_no_image_and_no_source_is_on_both_sides(
    rows: list[TaskRow], share: float, seed: int
) -> None:
    split = split_tasks(rows, share=share, seed=seed)

    assert sorted(split.training + split.validation) == sorted(r.task for r in rows)
    left = [r for r in rows if r.task in split.training]
    right = [r for r in rows if r.task in split.validation]
    assert not {r.source for r in left} & {r.source for r in right}
    assert not {h for r in left for h in r.hashes} & {
        h for r in right for h in r.hashes
    }
    assert bool(split.note) is (not right)
    assert split == split_tasks(rows, share=share, seed=seed)
    if rows:
        assert left


def test_what_shares_nothing_is_split_as_wanted() -> None:
    rows = [row(f"t{k}", f"s{k}", {f"h{k}"}) for k in range(8)]

    split = split_tasks(rows, share=0.25)

    assert len(split.validation) == 2
    assert len({split_tasks(rows, seed=s).validation for s in range(9)}) > 1


def test_links_reach_through_a_third_task() -> None:
    rows = [
        row("a", "s", {"1"}),
        row("b", "t", {"1", "2"}),
        row("c", "u", {"2"}),
        row("d", "v", {"3"}),
    ]

    assert set(split_tasks(rows, share=0.25).validation) == {"d"}


def test_one_source_has_no_validation_and_empty_tasks_no_side() -> None:
    split = split_tasks(
        [row("a", "s", {"1"}), row("b", "s", {"2"}), row("c", "t", set(), 0)]
    )

    assert (split.training, split.validation) == (("a", "b"), ())
    assert "add a task from elsewhere" in split.note


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_out_of_range_gets_a_sentence(share: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        split_tasks([], share=share)
