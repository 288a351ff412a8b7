from __future__ import annotations

from typing import Any

import pytest
import torch

from napari_metaseg import __version__
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.workflows.methods_text import methods_text

REPORT: dict[str, Any] = {
    "n_cells": 3,
    "n_strokes": 1,
    "diameter": 31.26,
    "steps": 5,
    "own_iou_before": 0.613,
    "own_iou_after": 0.888,
    "kept": True,
}
CARD: dict[str, Any] = {
    "initialization": {"name": "imaml", "algorithm": "imaml", "sha256": "0a1b"},
    "recipe": {"steps": 5, "mirrors": 4},
    "report": REPORT,
}


def test_it_tells_versions_cells_start_scores_and_settings() -> None:
    text = methods_text(CARD, DecodeSettings(threshold=0.55, clear_border=True))

    for said in (
        f"napari-metaseg {__version__} (PyTorch {torch.__version__})",
        "3 annotated cells and 1 background stroke (object size 31.3 px)",
        "'imaml' (meta-trained with iMAML; SHA-256 0a1b)",
        "was 0.61 with the un-adapted network and 0.89 after 5 steps of the inner loop",
        "threshold 0.55, splitting 0.5 and smallest size 0.1",
        "at the border were left out",
        "iMAML (Rajeswaran",
    ):
        assert said in text
    assert "held out" not in text
    assert "\n" not in text
    assert "  " not in text


def test_held_out_cells_are_told() -> None:
    report = REPORT | {"held_out_iou_before": 0.5, "held_out_iou_after": 0.75}

    text = methods_text(CARD | {"report": report}, DecodeSettings())

    assert "held out from adaptation the mean IoU went from 0.50 to 0.75." in text


def test_a_result_that_was_not_kept_is_told() -> None:
    text = methods_text(CARD | {"report": REPORT | {"kept": False}}, DecodeSettings())

    assert "The result of the un-adapted network was used" in text
    assert "0.89" not in text
    assert "mirror images" not in text


def test_mirror_images_are_told() -> None:
    once = methods_text(CARD | {"recipe": {"steps": 5, "mirrors": 1}}, DecodeSettings())
    often = methods_text(
        CARD | {"recipe": {"steps": 5, "mirrors": 4}}, DecodeSettings()
    )

    assert "averaged over 4 mirror images" in often
    assert "mirror images" not in once


def test_the_share_of_the_un_adapted_network_is_told() -> None:
    recipe = {"steps": 5, "mirrors": 4, "unadapted_share": 0.375}

    both = methods_text(CARD | {"recipe": recipe}, DecodeSettings())
    alone = methods_text(CARD | {"recipe": recipe | {"mirrors": 1}}, DecodeSettings())

    said = "with that of the un-adapted network (weight 0.38)."
    assert f"averaged over 4 mirror images and {said}" in both
    assert f"Its output was averaged {said}" in alone


def test_another_network_that_drew_before_is_named() -> None:
    alone = methods_text(CARD, DecodeSettings())
    other = {"algorithm": "pooled", "sha256": "2b3c"}
    origin = CARD["initialization"] | {"unadapted": other}

    both = methods_text(CARD | {"initialization": origin}, DecodeSettings())

    said = "The un-adapted network was another one (pooled pre-training; SHA-256 2b3c)."
    assert said in both
    assert "another" not in alone


@pytest.mark.parametrize(
    ("algorithm", "paper"),
    [
        ("maml", "MAML (Finn"),
        ("fomaml", "MAML (Finn"),
        ("reptile", "Reptile (Nichol"),
        ("pooled", "U-Net"),
    ],
)
def test_the_paper_of_the_learner_is_cited(algorithm: str, paper: str) -> None:
    start = {"name": "own", "algorithm": algorithm}

    text = methods_text(CARD | {"initialization": start}, DecodeSettings())

    cited = text.partition("Please cite: ")[2]
    assert cited.startswith(paper)
    assert "'own'" in text


def test_first_order_maml_is_called_so() -> None:
    start = {"name": "own", "algorithm": "fomaml"}

    text = methods_text(CARD | {"initialization": start}, DecodeSettings())

    assert "first-order MAML" in text.partition("Please cite: ")[0]


def test_a_card_that_tells_nothing_gives_a_text_all_the_same() -> None:
    text = methods_text({}, DecodeSettings())

    assert text.startswith("Cells were segmented with napari-metaseg")
    assert "initialization" not in text
