"""A paragraph for a paper: what was done, with which versions and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_metaseg import __version__
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping


_TITLES = {
    "maml": "MAML",
    "fomaml": "first-order MAML",
    "imaml": "iMAML",
    "reptile": "Reptile",
}
_MAML = "MAML (Finn, Abbeel and Levine, ICML 2017)"
_PAPERS = {
    "MAML": _MAML,
    "first-order MAML": _MAML,
    "iMAML": "iMAML (Rajeswaran, Finn, Kakade and Levine, NeurIPS 2019)",
    "Reptile": "Reptile (Nichol, Achiam and Schulman, arXiv:1803.02999, 2018)",
}
_ALWAYS = (
    "U-Net (Ronneberger, Fischer and Brox, MICCAI 2015)",
    "napari (napari contributors, doi:10.5281/zenodo.3555620)",
)


def methods_text(card: Mapping[str, Any], settings: DecodeSettings) -> str:
    """Describe an adapted model in words, for the methods part of a paper.

    Parameters
    ----------
    card : mapping
        The card of an adapted model, see `Segmenter.card`; what it does not tell is
        left out.
    settings : DecodeSettings
        How its output is decoded.

    Returns
    -------
    str
        A paragraph in one line.
    """
    report = card.get("report", {})
    origin = card.get("initialization", {})
    title = _TITLES.get(origin.get("algorithm", ""), "")
    sentences = [
        _learned(report),
        _began(origin, title),
        _weighed(card.get("recipe", {})),
        _verdict(card.get("recipe", {}), report),
        _averaged(card.get("recipe", {}), report),
        _voted(card.get("recipe", {}), report),
        _tested(report),
        _decoded(settings, card.get("recipe", {})),
        _cited(title),
    ]
    return " ".join(filter(None, sentences))


def _learned(report: Mapping[str, Any]) -> str:
    tools = f"napari-metaseg {__version__} (PyTorch {torch.__version__})"
    if not report:
        return f"Cells were segmented with {tools}."
    painted = counted(report["n_cells"], "annotated cell")
    if report["n_strokes"]:
        painted += f" and {counted(report['n_strokes'], 'background stroke')}"
    return (
        f"Cells were segmented with {tools}, adapted to {painted} "
        f"(object size {report['diameter']:.1f} px)."
    )


def _began(origin: Mapping[str, Any], title: str) -> str:
    if not origin.get("name"):
        return ""
    known = [f"meta-trained with {title}"] if title else []
    if origin.get("sha256"):
        known.append(f"SHA-256 {origin['sha256']}")
    beside = f" ({'; '.join(known)})" if known else ""
    began = f"Adaptation began from the initialization '{origin['name']}'{beside}."
    other = origin.get("unadapted")
    if other is None:
        return began
    told = ["pooled pre-training"] if other.get("algorithm") == "pooled" else []
    if other.get("sha256"):
        told.append(f"SHA-256 {other['sha256']}")
    beside = f" ({'; '.join(told)})" if told else ""
    return f"{began} The un-adapted network was another one{beside}."


def _verdict(recipe: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    if not report:
        return ""
    if not report["kept"]:
        return (
            "The result of the un-adapted network was used, because adapting did not "
            "improve the annotated cells."
        )
    before, after = report["own_iou_before"], report["own_iou_after"]
    steps = counted(recipe.get("steps", report["steps"]), "step")
    return (
        "On these cells the mean intersection over union (IoU) was "
        f"{before:.2f} with the un-adapted network and {after:.2f} after {steps} of "
        "the inner loop."
    )


def _weighed(recipe: Mapping[str, Any]) -> str:
    mix = recipe.get("mix")
    if mix is None:
        return ""
    shares = " : ".join(f"{share:.2f}" for share in mix)
    return f"The channels of the image were weighed {shares}, by gradient steps."


def _averaged(recipe: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    mirrors, share = recipe.get("mirrors", 1), recipe.get("unadapted_share", 0.0)
    others = []
    if mirrors > 1:
        others.append(f"over {mirrors} mirror images")
    if share:
        others.append(f"with that of the un-adapted network (weight {share:.2f})")
    if not others or not report.get("kept"):
        return ""
    return f"Its output was averaged {' and '.join(others)}."


def _voted(recipe: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    scales = recipe.get("scales", 1)
    if scales == 1 or not report.get("kept"):
        return ""
    return (
        f"Cells were learned at {scales} scales, and those were taken on which most "
        "looks agreed."
    )


def _tested(report: Mapping[str, Any]) -> str:
    before, after = (report.get(f"held_out_iou_{when}") for when in ("before", "after"))
    if before is None or after is None:
        return ""
    return (
        "On annotated cells that were held out from adaptation the mean IoU went "
        f"{_change(before, after)}."
    )


def _decoded(settings: DecodeSettings, recipe: Mapping[str, Any]) -> str:
    border = "left out" if settings.clear_border else "kept"
    if settings.region:
        return (
            f"All that was found with threshold {settings.threshold:g} in parts of at "
            f"least {settings.min_size:g} of an annotated object's area was taken as "
            f"one region; parts at the border were {border}."
        )
    chosen = ""
    if settings.is_chosen(recipe):
        chosen = "chosen by how well the annotated cells were found"
        if settings.threshold != DecodeSettings().threshold:
            chosen = f"both {chosen}, and struck ones not"
        chosen = f" ({chosen})"
    return (
        f"Instances were decoded with threshold {settings.threshold:g}, splitting "
        f"{settings.split:g}{chosen} and smallest size {settings.min_size:g} of an "
        f"annotated cell's area; cells at the border were {border}."
    )


def _cited(title: str) -> str:
    papers = [_PAPERS[title]] if title in _PAPERS else []
    return f"Please cite: {'; '.join([*papers, *_ALWAYS])}."


def _change(before: float, after: float) -> str:
    return f"from {before:.2f} to {after:.2f}"
