"""What ``napari-metaseg models`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.io.bundle import (
    builtin_names,
    bundled_names,
    find_bundle,
    load_bundle,
)
from napari_metaseg.io.model_folder import recipe_words
from napari_metaseg.io.sharing import export_bundle, import_bundle
from napari_metaseg.workflows.bioimageio import export_bioimageio
from napari_metaseg.workflows.run_card import card_warnings

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg models``."""
    if options.name is not None and options.import_from is None:
        raise UserError("--name needs --import, the file or folder of a bundle.")
    if options.bioimageio and options.export is None:
        raise UserError("--bioimageio needs --export, the initialization to export.")
    if options.export is not None:
        name, file = options.export
        export = export_bioimageio if options.bioimageio else export_bundle
        print(export(name, Path(file), overwrite=options.overwrite))
    elif options.import_from is not None:
        name = import_bundle(
            options.import_from, options.name, overwrite=options.overwrite
        )
        print(f"The initialization '{name}' is in {find_bundle(name)}")
    else:
        _list()
    return 0


def _list() -> None:
    builtin = builtin_names()
    for name in bundled_names():
        card = load_bundle(name).card
        training = card.get("training", {})
        whose = "built in" if name in builtin else "yours"
        print(
            f"{name}: {whose}, {card.get('algorithm')}, {recipe_words(card)}, "
            f"{training.get('meta_steps', '?')} meta-steps ({find_bundle(name)})"
        )
        for warning in card_warnings(card):
            print(f"    Warning: {warning}")
