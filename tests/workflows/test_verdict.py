"""Do no harm: what adapting made worse is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.targets import dense_target
from napari_metaseg.workflows import adapt_run
from napari_metaseg.workflows.adapt import adapt, load
from napari_metaseg.workflows.verdict import own_iou, verdict

if TYPE_CHECKING:
    from napari_metaseg.data.synthetic import Scene

MASKS = np.zeros((80, 80), np.int32)
MASKS[10:30, 10:30], MASKS[40:60, 40:60], MASKS[45:65, 5:25] = 1, 2, 3
PAINTED = np.where(MASKS == 1, 7, 0).astype(np.int32)


def drawn(masks: np.ndarray) -> PlaneOutput:
    target = dense_target(masks)
    maps = np.stack([target.foreground, target.cue]).astype(np.float16)
    return PlaneOutput(maps, (80, 80), diameter=20.0)


PERFECT = drawn(MASKS)
EMPTY = drawn(np.zeros_like(MASKS))
FLOOD = drawn(np.ones_like(MASKS))
SHIFTED = drawn(np.roll(MASKS, 5, 0))
ONE = DecodeSettings(min_size=0.0, region=True)


def judge(before: PlaneOutput, after: PlaneOutput, painted: np.ndarray) -> str:
    scores = (own_iou([output], [painted]) for output in (before, after))
    return verdict([before], [after], [painted], *scores)


def test_the_painted_cells_are_scored_by_their_best_instance() -> None:
    assert own_iou([PERFECT], [PAINTED]) == pytest.approx(1)
    assert own_iou([SHIFTED], [PAINTED]) == pytest.approx(15 / 25)
    assert own_iou([EMPTY], [PAINTED]) == 0
    assert own_iou([FLOOD], [PAINTED]) == pytest.approx(400 / 6400)


def test_planes_without_cells_have_no_score() -> None:
    strokes = np.where(MASKS == 2, -1, 0).astype(np.int32)

    assert own_iou([PERFECT, EMPTY], [PAINTED, strokes]) == pytest.approx(1)
    assert own_iou([PERFECT], [strokes]) == 0


def test_a_region_is_scored_as_a_whole() -> None:
    """Two parts of three are painted, and all are found."""
    parts = np.where((MASKS == 1) | (MASKS == 3), MASKS, 0).astype(np.int32)

    assert own_iou([PERFECT], [parts], rules=ONE) == pytest.approx(2 / 3, abs=0.03)
    assert own_iou([FLOOD], [parts], rules=ONE) == pytest.approx(800 / 6400)
    assert own_iou([EMPTY], [parts], rules=ONE) == 0


def test_the_score_is_the_mean_over_cells() -> None:
    both = np.where(MASKS < 3, MASKS, 0).astype(np.int32)
    one = drawn(np.where(MASKS == 1, 1, 0))

    assert own_iou([one], [both]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("number", "expected"), [(9, 3 / 3.25), (1, 2.25 / 3.25)], ids=["last", "first"]
)
def test_what_is_painted_later_counts_less(number: int, expected: float) -> None:
    """Three cells that are found, and a speck that is not."""
    painted = np.where(MASKS > 0, MASKS + 1, 0).astype(np.int32)
    painted[70:74, 70:74] = number

    assert own_iou([PERFECT], [painted]) == pytest.approx(expected)
    # Of a test, every cell counts alike.
    assert own_iou([PERFECT], [painted], equal=True) == pytest.approx(3 / 4)


def test_parts_of_a_region_count_alike() -> None:
    planes = [np.where(MASKS == 1, k, 0).astype(np.int32) for k in (1, 2, 3, 4)]
    outputs = [drawn(np.minimum(MASKS, 1))] * 3 + [EMPTY]
    whole = own_iou(outputs[:1], planes[:1], rules=ONE)

    assert own_iou(outputs, planes, rules=ONE) == pytest.approx(3 * whole / 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [(SHIFTED, PERFECT), (PERFECT, PERFECT), (EMPTY, SHIFTED), (EMPTY, EMPTY)],
)
def test_what_is_as_good_or_better_is_kept(
    before: PlaneOutput, after: PlaneOutput
) -> None:
    assert judge(before, after, PAINTED) == ""


def test_a_loss_within_the_noise_of_a_hand_is_kept() -> None:
    assert verdict([PERFECT], [PERFECT], [PAINTED], 0.80, 0.79) == ""


@pytest.mark.parametrize("after", [SHIFTED, EMPTY, FLOOD])
def test_what_fits_the_painted_cells_worse_is_not_kept(after: PlaneOutput) -> None:
    assert "fits your cells worse" in judge(PERFECT, after, PAINTED)


def test_finding_nothing_any_more_is_not_kept() -> None:
    others = drawn(np.where(MASKS == 2, 1, 0))

    assert "no cells at all" in judge(others, EMPTY, PAINTED)


def test_taking_everything_for_cells_is_not_kept() -> None:
    assert "everything for cells" in judge(EMPTY, FLOOD, PAINTED)


def test_one_cell_that_fills_most_of_its_image_is_no_flood() -> None:
    most = np.zeros_like(MASKS)
    most[:, :60] = 1

    assert judge(EMPTY, FLOOD, most) == ""


def test_packed_cells_that_are_cut_apart_are_kept() -> None:
    """Foreground is everywhere, as it is in tissue."""
    rows, columns = np.indices(MASKS.shape) // 20
    packed = (1 + 4 * rows + columns).astype(np.int32)
    painted = np.where(packed == 6, 1, 0).astype(np.int32)

    assert judge(EMPTY, drawn(packed), painted) == ""
    assert "everything for cells" in judge(EMPTY, FLOOD, painted)


def only_one(painted: np.ndarray) -> np.ndarray:
    return np.where(painted == painted.max(), painted, 0)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the adapted network alone: averaged with the start it does less harm."""
    monkeypatch.setattr(adapt_run, "unadapted_share", lambda *_: 0.0)


@pytest.mark.usefixtures("alone")
def test_a_harmful_initialization_does_no_harm(
    scene: Scene, painted: np.ndarray, sabotaged: str
) -> None:
    # One cell leaves none to be left out, so the harm shows only in the result.
    painted = only_one(painted)

    model = adapt(scene.image, painted, init=sabotaged, device="cpu")

    assert model.report is not None
    assert not model.report.kept
    assert model.report.steps == 0
    assert "the result before adaptation stays" in model.report.reason
    np.testing.assert_array_equal(model.labels, model.initial_labels)
    assert isinstance(model.labels, np.ndarray)
    np.testing.assert_array_equal(model.labels[painted > 0], painted[painted > 0])
    np.testing.assert_array_equal(
        model.segment(scene.image), model.segment(scene.image, adapted=False)
    )


def test_steps_that_harm_cells_left_out_are_not_even_taken(
    scene: Scene, painted: np.ndarray, sabotaged: str
) -> None:
    model = adapt(scene.image, painted, init=sabotaged, device="cpu")

    assert model.report is not None
    assert (model.report.steps, model.report.kept) == (0, True)
    assert model.report.own_iou_after >= model.report.own_iou_before


@pytest.mark.usefixtures("alone")
def test_a_model_that_was_not_kept_stays_so_when_saved(
    scene: Scene,
    painted: np.ndarray,
    sabotaged: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("models") / "harmless"
    model = adapt(scene.image, only_one(painted), init=sabotaged, device="cpu")

    assert model.report is not None and not model.report.kept
    model.save(folder)

    np.testing.assert_array_equal(
        load(folder).segment(scene.image), model.segment(scene.image)
    )
