"""Cards name all that a bundle and its ancestors were trained on, each list once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_metaseg.core.network import Architecture
from napari_metaseg.core.recipe import GradientSteps
from napari_metaseg.data.folders import TaskFolder, TaskInfo
from napari_metaseg.io.bundle import Bundle
from napari_metaseg.workflows.drawer import Drawer, drawer_of
from napari_metaseg.workflows.run_card import ancestors_tasks, make_card
from napari_metaseg.workflows.run_settings import RunSettings

Card = dict[str, Any]


def bundle_of(card: Card | None) -> Bundle | None:
    if card is None:
        return None
    return Bundle(Path("a"), card, Architecture(), {}, {}, GradientSteps({}, 0), 24.0)


def card_of(
    names: str, parent: Card | None, share: float = 0.0, drawing: Card | None = None
) -> Card:
    """Train on the tasks of these letters, as far as a card tells."""
    tasks = [TaskFolder(n, (), (), (), TaskInfo(n, "CC0-1.0")) for n in names]
    settings = RunSettings("data", procedural_share=share)
    drawer = None if drawing is None else Drawer({}, drawing)
    card = make_card(
        settings,
        Architecture(),
        bundle_of(parent),
        drawer,
        tasks,
        f"on {names}",
        {},
    )
    # As it is read again.
    read: Card = json.loads(json.dumps(card | {"sha256": f"of {names}"}))
    return read


def lineage(card: Card) -> list[tuple[str, str | None]]:
    """Return command and named tasks of a bundle, its parent, and so on."""
    told = []
    training: Card | None = card["training"]
    while training is not None:
        rows = training.get("tasks")
        names = None if rows is None else "".join(row["task"] for row in rows)
        told.append((training["command"], names))
        parent = training["parent"]
        training = None if parent is None else parent["training"]
    return told


def test_an_ancestor_with_the_same_tasks_does_not_repeat_them() -> None:
    first = card_of("ab", None)
    second = card_of("ab", first)
    third = card_of("ab", second)

    assert lineage(third) == [("on ab", "ab"), ("on ab", None), ("on ab", None)]
    parent = third["training"]["parent"]
    assert parent["sha256"] == "of ab"
    assert parent["training"]["settings"] == second["training"]["settings"]
    assert ancestors_tasks(third) == {"a", "b"}


def test_other_tasks_are_named_wherever_they_come() -> None:
    card = None
    for names in ("a", "a", "bc", "bc", "a"):
        card = card_of(names, card)
    assert card is not None

    named = [names for _, names in lineage(card)]
    assert named == ["a", "bc", None, "a", None]
    assert ancestors_tasks(card) == {"a", "b", "c"}
    assert ancestors_tasks(card["training"]["parent"]) == {"a", "b", "c"}


def test_procedural_tasks_make_another_list() -> None:
    card = card_of("a", card_of("a", None), share=0.5)

    assert [names for _, names in lineage(card)] == ["aprocedural", "a"]


def test_a_card_that_repeats_its_ancestors_is_told_shorter() -> None:
    old, older = card_of("a", None), card_of("a", None)
    old["training"]["parent"] = {"algorithm": "maml", "training": older["training"]}

    card = card_of("b", old)

    assert [names for _, names in lineage(card)] == ["b", "a", None]
    assert ancestors_tasks(card) == {"a", "b"}


def test_what_is_known_of_the_network_that_draws_before_adaptation() -> None:
    control = card_of("ab", card_of("d", None))

    card = card_of("ab", card_of("e", None), drawing=control)
    bundle = bundle_of(card)
    assert bundle is not None
    known = drawer_of(bundle).card

    assert ancestors_tasks(card) == set("abe")
    assert "tasks" not in card["training"]["unadapted"]["training"]
    assert ancestors_tasks(known) == set("abd")
    assert known["sha256"] == "of ab"
