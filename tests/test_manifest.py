"""napari finds the manifest, and what it names exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from npe2 import PluginManifest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def manifest() -> PluginManifest:
    return PluginManifest.from_file(ROOT / "napari.yaml")


def test_every_python_name_can_be_imported(manifest: PluginManifest) -> None:
    manifest.validate_imports()


def test_the_installed_manifest_is_the_one_at_the_top_level(
    manifest: PluginManifest,
) -> None:
    """An editable install holds a copy, which a later edit leaves behind.

    `python3 scripts/test.py` makes it anew.
    """
    installed = PluginManifest.from_distribution("napari-metaseg")

    assert installed.contributions == manifest.contributions
    assert installed.display_name == manifest.display_name


def test_each_contribution_names_a_command(manifest: PluginManifest) -> None:
    contributions = manifest.contributions
    commands = {command.id for command in contributions.commands or ()}
    used = {
        item.command
        for group in (
            contributions.widgets,
            contributions.readers,
            contributions.sample_data,
            contributions.writers,
            *(contributions.menus or {}).values(),
        )
        for item in group or ()
    }

    assert used == commands


def test_the_panels_are_in_the_segment_menu_and_dock_right(
    manifest: PluginManifest,
) -> None:
    widgets = manifest.contributions.widgets or ()
    items = (manifest.contributions.menus or {})["napari/layers/segment"]

    assert [w.display_name for w in widgets] == [
        "MetaSeg",
        "MetaSeg: Meta-train",
        "MetaSeg: Classes",
    ]
    assert {w.default_dock_area for w in widgets} == {"right"}
    assert [i.command for i in items] == [w.command for w in widgets]
