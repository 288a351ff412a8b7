"""Settings outlive the panel, and no stored value breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui import preferences

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_metaseg.gui.adapt_panel import AdaptPanel

    from .acting import Open, Settle


def advanced(panel: AdaptPanel) -> Any:
    return next(fold for fold in panel.view.folds if fold.title == "Advanced")


def test_what_is_set_is_there_in_the_next_panel(
    viewer: ViewerModel, open_panel: Open, settle: Settle, stored: Any
) -> None:
    first = open_panel(viewer)
    first.view.decode.fields["threshold"].value = 0.3
    first.view.decode.fields["clear_border"].value = True
    first.view.source.devices.choose("cpu")
    first.view.choices.automatic.click()
    first.view.choices.continue_.setChecked(True)
    first.view.source.mirrors.click()
    first.view.source.scales.click()
    first.view.decode.fields["split"].value = 0.7
    first.view.decode.fitted.setChecked(True)
    advanced(first).heading.click()
    settle(first)
    first.adapting.leave()

    assert "threshold: 0.3" in stored.config_path.read_text()
    second = open_panel(viewer)
    assert second.view.decode.settings == DecodeSettings(0.3, 0.7, clear_border=True)
    assert second.view.decode.fitted.isChecked()
    assert second.view.source.device == "cpu"
    assert second.view.choices.automatic.isChecked()
    assert second.view.choices.continue_.isChecked()
    assert not second.view.source.mirrors.isChecked()
    assert second.view.source.scales.isChecked()
    assert advanced(second).is_open


def test_the_manifest_and_the_panel_begin_alike(
    viewer: ViewerModel, open_panel: Open, stored: Any
) -> None:
    panel = open_panel(viewer)
    source = panel.view.source

    assert panel.view.decode.settings == DecodeSettings()
    assert (source.init, source.device) == ("imaml", "auto")
    assert source.mirrors.isChecked()
    assert not source.scales.isChecked()
    assert panel.view.decode.fitted.isChecked()
    assert [f.title for f in panel.view.folds if f.is_open] == ["First steps"]
    assert not stored.config_path.exists()


def test_the_manifest_says_of_the_box_what_its_tool_tip_says(
    viewer: ViewerModel, open_panel: Open, stored: Any
) -> None:
    told = type(stored.panel).model_fields["fitted"].description
    tip = open_panel(viewer).view.decode.fitted.toolTip()

    assert "threshold" in told
    assert told.removeprefix("Each round ") in tip


def test_reset_brings_the_defaults_back(
    viewer: ViewerModel, open_panel: Open, settle: Settle, stored: Any
) -> None:
    stored.panel.threshold, stored.panel.device = 0.9, "cpu"
    stored.panel.folds, stored.panel.automatic = "Advanced", True
    panel = open_panel(viewer)
    panel.view.object_size.set_by_hand(20)

    panel.view.reset.click()
    settle(panel)

    assert panel.view.decode.settings == DecodeSettings()
    assert panel.view.source.device == "auto"
    assert panel.view.object_size.chosen is None
    assert not advanced(panel).is_open
    assert not panel.view.choices.automatic.isChecked()
    assert (stored.panel.threshold, stored.panel.device) == (0.6, "auto")


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", "gone"), ("device", "abacus"), ("folds", "Nothing, , Advanced ")],
)
def test_a_stale_value_does_not_break_the_panel(
    viewer: ViewerModel, open_panel: Open, stored: Any, name: str, value: str
) -> None:
    setattr(stored.panel, name, value)

    panel = open_panel(viewer)

    assert panel.view.source.device == "auto"
    assert panel.view.source.devices.count() > 1


@pytest.mark.parametrize("store", [None, object()])
def test_without_a_store_the_panel_works(
    viewer: ViewerModel,
    open_panel: Open,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    store: Any,
) -> None:
    monkeypatch.setattr(preferences, "stored", lambda: store)
    panel = open_panel(viewer)

    panel.view.decode.fields["threshold"].value = 0.3
    settle(panel)

    assert panel.view.decode.settings.threshold == 0.3


def test_values_that_nobody_can_have_set_are_passed_over(
    viewer: ViewerModel, open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Store:
        start = device = folds = threshold = split = "?"
        min_size, clear_border = 7.0, False

    monkeypatch.setattr(preferences, "stored", Store)

    assert open_panel(viewer).view.decode.settings == DecodeSettings()


def test_outside_an_installed_plugin_there_is_no_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(name: str) -> Any:
        raise KeyError(name)

    monkeypatch.undo()
    monkeypatch.setattr(preferences, "get_plugin_settings", unknown)

    assert preferences.stored() is None
