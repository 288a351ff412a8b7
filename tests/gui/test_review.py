"""The review: doubtful cells first, one key a decision; maps on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.gui import judged
from napari_metaseg.gui.corrections import Tool

from .acting import adapt, annotation_of, paint_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_metaseg.gui.adapt_panel import AdaptPanel
    from napari_metaseg.gui.review_part import ReviewPart

    from .acting import Open, Settle


@pytest.fixture
def panel(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> AdaptPanel:
    """Return a panel that has adapted to the blob at (8, 8).

    The others, at (8, 40), (40, 8) and (40, 40), are known less and less surely.
    """
    panel = open_panel(viewer)
    paint_cell(panel)
    adapt(panel, settle)
    return panel


def part_of(panel: AdaptPanel) -> ReviewPart:
    return panel.trust.part


def press(panel: AdaptPanel, key: str, settle: Settle) -> None:
    """Press a key over the canvas, on the annotation layer."""
    layer = annotation_of(panel)
    bound = {str(k): action for k, action in layer.keymap.items()}
    bound[key](layer)
    settle(panel)


def looks_at(viewer: ViewerModel, y: int, x: int) -> bool:
    """Whether the camera looks into the blob whose corner is (y, x)."""
    row, column = np.array(viewer.scene.camera.center[-2:]) / 0.5
    return y <= row < y + 10 and x <= column < x + 10


def test_the_walk_begins_with_the_least_certain_cell(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    part = part_of(panel)
    part.next.click()
    settle(panel)
    number = viewer.layers["plate cells"].data[45, 45]
    assert looks_at(viewer, 40, 40)
    assert panel.view.status.text == (
        f"Cell {number}, in the middle of the view, confidence 0.75: "
        "Accept (A), Reject (R), or go on (.)."
    )
    assert part.count.text() == "2 cells left to look at."

    press(panel, ".", settle)
    assert looks_at(viewer, 40, 8)
    assert "confidence 0.80" in panel.view.status.text
    press(panel, ",", settle)
    assert looks_at(viewer, 40, 40)
    press(panel, ".", settle)
    press(panel, ".", settle)
    assert looks_at(viewer, 8, 40)
    press(panel, ".", settle)
    assert panel.view.status.text.startswith("No cell is left to look at")


def test_one_key_accepts_or_rejects_and_goes_on(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    shown = viewer.layers["plate cells"].data.copy()
    press(panel, ".", settle)

    press(panel, "R", settle)
    assert (annotation_of(panel).data[40:50, 40:50] == -1).all()
    assert looks_at(viewer, 40, 8)
    assert panel.view.status.text.startswith("1 cell rejected.")
    press(panel, "A", settle)
    assert set(np.unique(annotation_of(panel).data[40:50, 8:18])) == {shown[45, 12]}
    assert panel.tools.tool is None
    assert looks_at(viewer, 8, 40)
    assert part_of(panel).count.text() == "0 cells left to look at."

    annotation_of(panel).undo()
    annotation_of(panel).undo()
    settle(panel)
    np.testing.assert_array_equal(viewer.layers["plate cells"].data, shown)


def test_going_back_to_a_judged_cell_says_so(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    press(panel, ".", settle)
    press(panel, "R", settle)

    press(panel, ",", settle)

    assert looks_at(viewer, 40, 40)
    assert panel.view.status.text.startswith("This cell is judged already")


def test_a_cell_judged_with_another_tool_leaves_the_queue(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    press(panel, ".", settle)
    assert panel.tools.judge(Tool.REJECT, (45, 12)) is not None
    settle(panel)

    press(panel, ".", settle)

    assert looks_at(viewer, 8, 40)


def test_without_a_cell_under_review_the_keys_take_the_tools(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    before = annotation_of(panel).data.copy()
    press(panel, "A", settle)
    assert panel.tools.tool is Tool.ACCEPT
    press(panel, ".", settle)
    assert panel.tools.tool is None
    panel.view.tools.buttons[Tool.SPLIT].click()
    press(panel, "R", settle)
    assert panel.tools.tool is Tool.REJECT

    press(panel, ".", settle)
    annotation_of(panel).corner_pixels = np.array([[0, 0], [20, 20]])
    press(panel, "A", settle)

    assert panel.tools.tool is Tool.ACCEPT
    np.testing.assert_array_equal(annotation_of(panel).data, before)


def test_a_new_result_begins_the_queue_anew(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    press(panel, ".", settle)
    press(panel, ".", settle)

    panel.adapt()
    settle(panel)

    assert part_of(panel).count.text() == "Walks from the least certain cell on."
    assert not part_of(panel).previous.isEnabled()
    press(panel, ".", settle)
    assert looks_at(viewer, 40, 40)


def test_the_place_suggested_is_what_is_least_known(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    press(panel, "U", settle)

    assert looks_at(viewer, 40, 40)
    assert panel.view.status.text.startswith("One more annotation is likely to help")


@pytest.fixture
def first_round(panel: AdaptPanel, image: Image, settle: Settle) -> AdaptPanel:
    """Look at the first round, after a second that knows nothing at (40, 40)."""
    fewer = image.data.copy()
    fewer[40:50, 40:50] = 0
    image.data = fewer
    adapt(panel, settle)
    panel.rounds.table.setCurrentCell(0, 0)
    settle(panel)
    return panel


def test_the_round_that_is_looked_at_is_reviewed(
    first_round: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    part_of(first_round).next.click()
    settle(first_round)

    assert looks_at(viewer, 40, 40)
    assert "confidence 0.75" in first_round.view.status.text


def test_a_place_is_suggested_for_the_round_that_is_looked_at(
    first_round: AdaptPanel, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def suggest(model: object, *_: object) -> Iterator[None]:
        asked.append(model)
        yield from ()

    monkeypatch.setattr(judged, "suggest", suggest)
    part_of(first_round).suggest.click()
    settle(first_round)

    assert first_round.work is not None
    assert asked == [first_round.work.seen]


def test_a_map_is_of_the_round_that_is_looked_at(
    first_round: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    part_of(first_round).maps["probability"].click()
    settle(first_round)
    data = viewer.layers["plate probability"].data
    assert data[45, 45] > 0.5

    first_round.rounds.table.setCurrentCell(1, 0)
    settle(first_round)

    data = viewer.layers["plate probability"].data
    assert data[45, 45] < 0.5


def test_nothing_can_be_reviewed_before_the_first_round(
    viewer: ViewerModel, image: Image, open_panel: Open, settle: Settle
) -> None:
    part = part_of(open_panel(viewer))

    buttons = (part.next, part.previous, part.suggest, *part.maps.values())
    assert not any(button.isEnabled() for button in buttons)
    assert part.count.text() == "No cells yet: adapt first."


@pytest.mark.parametrize("role", ["uncertainty", "probability"])
def test_a_map_comes_stays_as_it_is_looked_at_and_goes(
    panel: AdaptPanel,
    viewer: ViewerModel,
    image: Image,
    settle: Settle,
    role: str,
) -> None:
    box = part_of(panel).maps[role]
    box.click()
    settle(panel)
    layer = viewer.layers[f"plate {role}"]
    np.testing.assert_array_equal(layer.scale, image.scale)
    assert layer.units == image.units
    assert viewer.layers.index(layer) == viewer.layers.index(image) + 1
    assert viewer.layers.selection.active is annotation_of(panel)
    sure, unsure = layer.data[12, 12], layer.data[45, 45]
    assert sure < unsure if role == "uncertainty" else sure > unsure
    assert panel.desk.image is image
    assert panel.view.source.images.titles == ["plate"]

    layer.contrast_limits, layer.opacity, layer.visible = (0.2, 0.4), 0.3, False
    layer.colormap = "gray"
    panel.adapt()
    settle(panel)
    assert viewer.layers[f"plate {role}"] is layer
    assert layer.contrast_limits == [0.2, 0.4]
    assert (layer.opacity, layer.visible) == (0.3, False)
    assert layer.colormap.name == "gray"

    box.click()
    settle(panel)
    assert layer not in viewer.layers


def test_a_map_follows_the_result_before_adaptation(
    panel: AdaptPanel, viewer: ViewerModel, settle: Settle
) -> None:
    part_of(panel).maps["probability"].click()
    settle(panel)
    layer = viewer.layers["plate probability"]
    seen = []
    layer.events.data.connect(lambda _event: seen.append(True))

    annotation_of(panel).paint((30, 30), 2)
    settle(panel)
    assert not seen
    panel.view.before.click()
    settle(panel)

    assert seen


def test_the_layers_tell_which_boxes_are_ticked(
    panel: AdaptPanel, viewer: ViewerModel, image: Image, settle: Settle
) -> None:
    box = part_of(panel).maps["uncertainty"]
    box.click()
    settle(panel)
    other = viewer.add_image(np.ones((32, 32)), name="other")
    panel.view.source.choose_image(other)
    settle(panel)
    assert not box.isChecked()
    panel.view.source.choose_image(image)
    settle(panel)
    assert box.isChecked()

    viewer.layers.remove("plate uncertainty")
    settle(panel)

    assert not box.isChecked()


def test_stacks_are_reviewed_plane_by_plane(
    viewer: ViewerModel, blobs: NDArray[np.float32], open_panel: Open, settle: Settle
) -> None:
    viewer.add_image(np.stack([blobs, 0 * blobs, blobs]), name="stack")
    panel = open_panel(viewer)
    rows, columns = np.mgrid[8:18, 8:18]
    zeros = np.zeros(rows.size, int)
    annotation_of(panel).data_setitem((zeros, rows.ravel(), columns.ravel()), 1)
    settle(panel)
    panel.adapt()
    settle(panel)
    viewer.dims.set_point(0, 1)

    press(panel, ".", settle)

    assert viewer.dims.point[0] == 2
    press(panel, "R", settle)
    assert (annotation_of(panel).data[2] == -1).sum() == 100
