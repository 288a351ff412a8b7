"""The small parts: sentences, measurements, forms, samples, files."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QWidget

import napari_metaseg.io.bundle
import napari_metaseg.io.model_folder
from napari_metaseg.core.annotation import check_annotation
from napari_metaseg.core.devices import DeviceInfo
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.data.synthetic import SAMPLES
from napari_metaseg.gui import rounds, samples, saving, world
from napari_metaseg.gui.asking import ask_path
from napari_metaseg.gui.choosers import SourceForm
from napari_metaseg.gui.decode_form import DecodeForm
from napari_metaseg.gui.exports import Snapshot
from napari_metaseg.gui.form import Fold
from napari_metaseg.gui.guidance import Situation, Tone, next_step
from napari_metaseg.gui.images import readings
from napari_metaseg.gui.painted import Painted, painted
from napari_metaseg.gui.rounds import Initialization, Ready

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        (Situation(), "Open an image"),
        (Situation(image=True, readable=False), "too many axes"),
        (Situation(image=True, large=True), "zoom in on a few of its cells"),
        (Situation(image=True), "Next cell"),
        (Situation(image=True, annotation=True), "Paint one whole cell"),
        (
            Situation(image=True, annotation=True, background=True),
            "Background alone shows no cell",
        ),
        (
            Situation(image=True, annotation=True, cells=1),
            "1 cell painted: press Adapt (Ctrl+Enter). Or paint one more",
        ),
        (
            Situation(image=True, annotation=True, cells=2, background=True),
            "2 cells painted",
        ),
        (
            Situation(image=True, annotation=True, cells=2, seconds=2.14),
            "The last round took 2.1 s.",
        ),
    ],
)
def test_there_is_always_a_next_step(situation: Situation, says: str) -> None:
    assert says in next_step(situation).text


def test_dead_ends_are_warnings() -> None:
    assert next_step(Situation(image=True, readable=False)).tone is Tone.WARNING
    assert next_step(Situation(image=True)).tone is Tone.NEXT


def test_an_empty_annotation_has_no_size() -> None:
    assert painted(np.zeros((5, 5), np.int32)) == Painted(0, False, None)


def test_painted_agrees_with_what_adaptation_will_count() -> None:
    labels = np.zeros((2, 40, 40), np.int32)
    labels[0, 3:13, 3:13] = 1
    labels[0, 20:34, 20:34] = 2
    labels[1, 5:15, 20:30] = 1
    labels[1, 25:35, 20:30] = 1
    labels[1, 0, :] = -1

    found, checked = painted(labels), check_annotation(labels)

    assert found.cells == checked.n_cells == 4
    assert found.diameter == pytest.approx(checked.diameter)
    assert found.background


@pytest.mark.parametrize("first", [0, 1])
def test_painted_tells_cells_at_the_edge_as_adaptation_does(first: int) -> None:
    labels = np.zeros((40, 40), np.int32)
    for k in range(4):
        labels[first : first + 3, 2 + 9 * k : 8 + 9 * k] = 1 + k
        labels[20:29, 2 + 9 * k : 8 + 9 * k] = 5 + k
    labels[38:, 39] = -1

    assert painted(labels).diameter == check_annotation(labels[None]).diameter


def test_the_sliders_are_the_settings(qtbot: QtBot) -> None:
    form = DecodeForm()
    qtbot.addWidget(form)
    assert form.settings == DecodeSettings()

    with qtbot.waitSignal(form.changed) as told:
        form.fields["threshold"].value = 0.2
        form.fields["split"].value = 1.0
        form.fields["min_size"].value = 0.0
        form.fields["clear_border"].value = True
        form.fields["region"].value = True

    assert told.args == [DecodeSettings(0.2, 1.0, 0.0, True, True)]


@pytest.mark.parametrize("end", ["min", "max"])
def test_the_ends_of_all_sliders_are_allowed(qtbot: QtBot, end: str) -> None:
    form = DecodeForm()
    qtbot.addWidget(form)
    for name in ("threshold", "split", "min_size"):
        form.fields[name].value = getattr(form.fields[name], end)

    assert isinstance(form.settings, DecodeSettings)


def test_a_slider_that_moves_on_is_heard_once(qtbot: QtBot) -> None:
    form = DecodeForm()
    qtbot.addWidget(form)
    told: list[DecodeSettings] = []
    form.changed.connect(told.append)

    with qtbot.waitSignal(form.changed):
        for value in (0.3, 0.4, 0.6):
            form.fields["threshold"].value = value

    assert [settings.threshold for settings in told] == [0.6]


def test_a_device_that_cannot_be_used_is_grey_and_says_why(qtbot: QtBot) -> None:
    form = SourceForm()
    qtbot.addWidget(form)
    form.offer_ready(
        Ready(
            (
                Initialization("maml", "MAML", "m"),
                Initialization("imaml", "iMAML", "i"),
            ),
            (
                DeviceInfo("auto", "Automatic: CPU", True),
                DeviceInfo("cpu", "CPU", True),
                DeviceInfo("cuda", "NVIDIA GPU", False, "No driver."),
            ),
        )
    )

    assert (form.init, form.device) == ("imaml", "auto")
    assert form.inits.titles == ["MAML", "iMAML"]
    assert form.inits.itemData(1, Qt.ItemDataRole.ToolTipRole) == "i"
    assert form.devices.titles[2] == "NVIDIA GPU: No driver."
    flags = [form.devices.model().index(row, 0).flags() for row in range(3)]
    usable = [bool(flag & Qt.ItemFlag.ItemIsEnabled) for flag in flags]
    assert usable == [True, True, False]
    form.devices.choose("cpu")
    assert form.device == "cpu"


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("phase-contrast", samples.phase_contrast),
        ("fluorescence", samples.fluorescence),
        ("tissue", samples.tissue),
    ],
)
def test_samples_open_in_napari(kind: str, make: Any) -> None:
    ((data, arguments, layer_type),) = make()
    layer = Image(data, **arguments)

    assert kind in SAMPLES
    assert layer_type == "image"
    assert layer.rgb == (kind == "tissue")
    assert str(layer.units[0]) == "micrometer"
    assert layer.scale[0] < 2


def finish(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_what_is_ready_is_read_from_the_bundles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cards = {"maml": 5, "fomaml": 3, "pooled": 0, "mine": 1}
    monkeypatch.setattr(napari_metaseg.io.bundle, "bundled_names", lambda: list(cards))
    monkeypatch.setattr(napari_metaseg.io.bundle, "find_bundle", lambda name: name)
    monkeypatch.setattr(
        napari_metaseg.io.model_folder,
        "read_card",
        lambda name, kind: {"algorithm": "fomaml", "recipe": {"steps": cards[name]}},
    )

    ready = finish(rounds.prepare())

    assert [(i.name, i.title) for i in ready.initializations] == [
        ("maml", "MAML"),
        ("mine", "mine"),
    ]
    assert "adapts in 5 steps" in ready.initializations[0].summary
    assert "adapts in 1 step." in ready.initializations[1].summary
    assert "auto" in [device.name for device in ready.devices]


def test_torch_that_fails_after_qt_is_met_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "torch":
                raise OSError("[WinError 1114] c10.dll")

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])

    with pytest.raises(UserError, match=r"napari_metaseg\.gui\.demo"):
        finish(rounds.prepare())


def test_opening_the_panel_loads_no_torch() -> None:
    code = "import sys, napari_metaseg.gui.adapt_panel; print('torch' in sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", code]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.fixture
def image() -> Image:
    data = np.zeros((30, 40))
    return Image(data, name="Plate 1/2: left", scale=(0.5, 0.25), units="um")


@pytest.fixture
def saver(qtbot: QtBot) -> saving.Saver:
    window = QWidget()
    qtbot.addWidget(window)
    return saving.Saver(window)


def cells_in(image: Image, labels: Any = None) -> Snapshot:
    """Return a snapshot of cells; of none, if no labels are given."""
    shown = np.zeros((30, 40), np.int32) if labels is None else labels
    return Snapshot(shown, image.data, "YX", None, world.pixel_size(image), image.name)


def test_export_keeps_type_shape_and_pixel_size(
    qtbot: QtBot,
    saver: saving.Saver,
    image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "out.tif"
    monkeypatch.setattr(saving, "ask_path", lambda *_: path)
    labels = np.arange(1200, dtype=np.int32).reshape(30, 40)

    with qtbot.waitSignal(saver.saved) as told:
        saver.export(image, readings(image)[0], cells_in(image, labels))

    assert told.args == [f"Saved {path}"]
    with tifffile.TiffFile(path) as tif:
        assert tif.asarray().dtype == np.uint16
        np.testing.assert_array_equal(tif.asarray(), labels)
        assert tif.imagej_metadata["unit"] == "um"
        assert tif.pages.first.tags.valueof("XResolution") == (4, 1)
        assert tif.pages.first.tags.valueof("YResolution") == (2, 1)
    qtbot.waitUntil(lambda: not saver.busy)


def test_what_cannot_be_written_is_told(
    qtbot: QtBot,
    saver: saving.Saver,
    image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "missing" / "out.tif"
    monkeypatch.setattr(saving, "ask_path", lambda *_: path)

    with qtbot.waitSignal(saver.refused) as told:
        saver.export(image, readings(image)[0], cells_in(image))

    assert "folder" in told.args[0]
    qtbot.waitUntil(lambda: not saver.busy)


def test_nothing_is_written_when_the_person_changes_their_mind(
    saver: saving.Saver, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "ask_path", lambda *_: None)

    saver.export(image, readings(image)[0], cells_in(image))

    assert not saver.busy


def test_the_model_is_saved_beside_the_last_file(
    qtbot: QtBot,
    saver: saving.Saver,
    image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposed: list[Path] = []

    def ask(_window: QWidget, _title: str, start: Path, _kinds: str) -> Path:
        proposed.append(start)
        return tmp_path / start.name

    monkeypatch.setattr(saving, "ask_path", ask)
    saved: list[tuple[Path, DecodeSettings]] = []

    def save(path: Path, *, settings: DecodeSettings) -> None:
        saved.append((path, settings))

    model: Any = SimpleNamespace(save=save)
    settings = DecodeSettings(region=True)

    for _ in range(2):
        with qtbot.waitSignal(saver.idle):
            saver.save_model(image, model, settings)

    assert saved == [(tmp_path / "Plate_1_2_left_model", settings)] * 2
    assert proposed[1].parent == tmp_path


def test_the_dialog_adds_the_suffix(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    monkeypatch.setattr(
        QFileDialog, "exec", lambda dialog: dialog.selectFile("chosen") or True
    )

    found = ask_path(window, "Export", tmp_path / "a.tif", "TIFF (*.tif)")

    assert found == tmp_path / "chosen.tif"


def test_a_fold_hides_its_part_until_its_heading_is_clicked(qtbot: QtBot) -> None:
    part = QLabel("inside")
    fold = Fold("More", part)
    qtbot.addWidget(fold)
    fold.show()
    assert not part.isVisible() and not fold.is_open
    qtbot.mouseClick(fold.heading, Qt.MouseButton.LeftButton)
    assert part.isVisible() and fold.is_open
    qtbot.keyClick(fold.heading, Qt.Key.Key_Space)
    assert not part.isVisible()
