"""Cells that are learned at several scales, and put to the vote."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_metaseg import adapt, load
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.support import Crops
from napari_metaseg.core.votes import vote
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.io.bundle import find_bundle
from napari_metaseg.io.images import ImageFile, read_image
from napari_metaseg.workflows import adapt_run, around, drawing, preparing
from napari_metaseg.workflows.adapt import adapt_steps
from napari_metaseg.workflows.benchmark.methods.adaptation import Adaptation
from napari_metaseg.workflows.benchmark.methods.registry import Choice, make_methods
from napari_metaseg.workflows.large.run import make_job, run_job
from napari_metaseg.workflows.methods_text import methods_text
from napari_metaseg.workflows.replay import replay_steps
from napari_metaseg.workflows.session import make_session, session_image
from napari_metaseg.workflows.session_file import read_session, save_session

from .painting import paint

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.adapted import AdaptedModel, View
    from napari_metaseg.workflows.lens import Lens
    from napari_metaseg.workflows.results import Report


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Return a picture in which the looks do not agree on everything."""
    return sample_scene("tissue", size=(160, 176), seed=3)


@pytest.fixture(scope="module")
def painted(scene: Scene) -> np.ndarray:
    return paint(scene.masks)


@pytest.fixture(scope="module")
def model(scene: Scene, painted: np.ndarray) -> AdaptedModel:
    return adapt(scene.image, painted, device="cpu", scales=3, mirrors=1)


def test_the_cells_are_learned_at_three_scales(
    model: AdaptedModel, scene: Scene, painted: np.ndarray
) -> None:
    usual = adapt(scene.image, painted, device="cpu", mirrors=1)

    kind = model.segmenter
    zooms = [other.lens.zoom / kind.lens.zoom for other in kind.others]
    assert zooms == pytest.approx([0.8, 1.25])
    assert usual.segmenter.others == ()
    assert kind.digest() != usual.segmenter.digest()
    np.testing.assert_array_equal(model.drawn()[0].maps, usual.drawn()[0].maps)
    assert not np.array_equal(model.labels, usual.labels)
    assert model.memory > 1.5 * usual.memory


def test_cells_are_left_out_at_the_usual_scale_alone(
    scene: Scene, painted: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Crops] = []

    def spy(crops: Crops) -> Crops:
        asked.append(crops)
        return crops

    monkeypatch.setattr(Crops, "apart", spy)

    adapt(scene.image, painted, device="cpu", scales=3, mirrors=1)

    assert len(asked) == 1


def test_what_is_painted_stays_and_the_rest_is_what_the_looks_agree_on(
    model: AdaptedModel, painted: np.ndarray
) -> None:
    assert isinstance(model.labels, np.ndarray)
    for number in (n for n in np.unique(painted) if n > 0):
        np.testing.assert_array_equal(model.labels == number, painted == number)
    assert not model.labels[painted == -1].any()

    (drawn,) = model.drawn()
    rules = model.segmenter.settings
    splits = rules.split, rules.split - 0.16, rules.split + 0.16
    looks = [
        replace(look, others=()).instances(replace(rules, split=split))
        for split in splits
        for look in (drawn, *drawn.others)
    ]
    np.testing.assert_array_equal(model.found(rules), vote(looks))


def test_another_image_is_put_to_the_vote_too_and_after_loading(
    model: AdaptedModel, tmp_path: Path
) -> None:
    other = sample_scene("tissue", size=(120, 132), seed=8).image
    alone = replace(model.segmenter, others=()).segment(other)

    found = model.segment(other)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")

    assert not np.array_equal(found, alone)
    np.testing.assert_array_equal(again.segment(other), found)
    assert again.segmenter.digest() == model.segmenter.digest()
    before = model.segment(other, adapted=False)
    np.testing.assert_array_equal(again.segment(other, adapted=False), before)


@pytest.mark.parametrize("wrong", [[{}], [{"lens": 3}, 4], ["x"], 7, None])
def test_a_card_that_tells_no_scale_is_refused(
    model: AdaptedModel, tmp_path: Path, wrong: object
) -> None:
    model.save(tmp_path / "model")
    card = tmp_path / "model" / "card.json"
    told = json.loads(card.read_text(encoding="utf-8"))
    card.write_text(json.dumps(told | {"others": wrong}), encoding="utf-8")

    with pytest.raises(UserError, match="save the model again"):
        load(tmp_path / "model")


def test_weights_of_a_scale_that_are_missing_are_refused(
    model: AdaptedModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    card = tmp_path / "model" / "card.json"
    told = json.loads(card.read_text(encoding="utf-8"))
    more = [*told["others"], told["others"][0]]
    card.write_text(json.dumps(told | {"others": more}), encoding="utf-8")

    with pytest.raises(UserError):
        load(tmp_path / "model")


def test_a_scale_at_which_adapting_makes_things_worse_has_no_vote(
    scene: Scene,
    painted: np.ndarray,
    model: AdaptedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = adapt_run.judge

    def harsh(*judged: Any) -> Report:
        report = judge(*judged)
        usual = model.segmenter.lens.diameter
        return replace(report, kept=report.diameter <= usual)

    monkeypatch.setattr(adapt_run, "judge", harsh)
    fewer = adapt(scene.image, painted, device="cpu", scales=3, mirrors=1)

    assert fewer.report is not None
    assert fewer.report.kept
    (other,) = fewer.segmenter.others
    assert other.digest() == model.segmenter.others[1].digest()


def test_rounds_go_on_at_each_scale(
    scene: Scene, painted: np.ndarray, model: AdaptedModel
) -> None:
    more = {"init": "imaml", "device": "cpu", "mirrors": 1, "scales": 3}
    again = adapt(scene.image, painted, start=model, **more)  # type: ignore[arg-type]

    assert len(again.segmenter.others) == 2
    # iMAML's problem has one solution, wherever it begins.
    differs = np.mean(np.asarray(again.labels) != np.asarray(model.labels))
    assert differs < 0.02


def test_it_tells_what_it_does_and_can_be_closed_at_any_time(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    steps = adapt_steps(scene.image, painted, init=small, device="cpu", scales=3)
    told = []
    for progress in steps:
        told.append(progress)
        if progress.message == "At scale 3 of 3: Finding all cells":
            break
    steps.close()

    assert any(p.message.startswith("At scale 2 of 3: Learning") for p in told)
    bars = [p.step for p in told]
    assert bars == sorted(bars), "the bar never goes back"
    assert 65 < bars[-1] <= 100
    with pytest.raises(StopIteration):
        next(steps)


@pytest.mark.parametrize("large", [False, True])
def test_what_is_found_at_one_scale_is_shown_before_the_others_are_looked_at(
    scene: Scene,
    painted: np.ndarray,
    large: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if large:
        monkeypatch.setattr(around, "AT_ONCE", 0)
        monkeypatch.setattr(around, "AROUND", 0)
        monkeypatch.setattr(drawing, "TILE", 64)
    usual = adapt(scene.image, painted, device="cpu", mirrors=1)

    steps = adapt_steps(scene.image, painted, device="cpu", mirrors=1, scales=3)
    told = []
    for progress in steps:
        told.append(progress)
        if progress.message.startswith("At scale 2"):
            break
    steps.close()

    shown = told[-2]
    assert shown.message == "Found at one scale; looking at others"
    assert shown.preview is not None
    found = usual.found(usual.segmenter.settings)
    np.testing.assert_array_equal(shown.preview > 0, found > 0)
    assert len(np.unique(shown.preview)) == len(np.unique(found))
    bars = [p.step for p in told]
    assert bars == sorted(bars), "the bar never goes back"


def test_an_object_size_that_is_given_is_that_of_the_usual_scale(
    scene: Scene, painted: np.ndarray, model: AdaptedModel
) -> None:
    size = 1.1 * model.segmenter.lens.diameter
    given = adapt(
        scene.image, painted, device="cpu", mirrors=1, diameter=size, scales=3
    )

    looks = (given.segmenter, *given.segmenter.others)
    sizes = [look.lens.diameter for look in looks]
    assert sizes == pytest.approx([size, size / 0.8, size / 1.25])


def test_a_scale_at_which_nothing_is_left_of_the_cells_has_no_vote(
    scene: Scene, painted: np.ndarray, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops_of = preparing.crops_of
    sizes: list[float] = []

    def cut(views: list[View], lens: Lens) -> Crops:
        sizes.append(lens.diameter)
        if lens.diameter < sizes[0]:
            raise UserError("Nothing of the painted cells is left.")
        return crops_of(views, lens)

    monkeypatch.setattr(preparing, "crops_of", cut)
    found = adapt(scene.image, painted, init=small, device="cpu", mirrors=1, scales=3)

    assert len(sizes) == 3
    assert len(found.segmenter.others) < 2
    assert found.report is not None


def test_a_region_is_learned_at_one_scale(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    rules = DecodeSettings(region=True)
    lesion = adapt(
        scene.image, painted, init=small, device="cpu", settings=rules, scales=3
    )

    assert lesion.segmenter.others == ()
    assert "scales" not in lesion.segmenter.card["recipe"]


def test_several_images_and_a_number_of_scales_that_cannot_be(
    scene: Scene, painted: np.ndarray, small: str
) -> None:
    turned = scene.image[::-1].copy()
    both = adapt(
        [scene.image, turned],
        [painted, painted[::-1].copy()],
        init=small,
        device="cpu",
        scales=3,
    )

    assert isinstance(both.labels, list)
    assert len(both.labels) == 2
    with pytest.raises(UserError, match="choose 1 or 3"):
        adapt(scene.image, painted, init=small, scales=2)


def test_a_session_is_replayed_to_the_bit(
    scene: Scene, painted: np.ndarray, model: AdaptedModel, tmp_path: Path
) -> None:
    assert isinstance(model.labels, np.ndarray)
    image = ImageFile(scene.image, None, None)
    images = (session_image(image, None, painted, model.labels),)
    session = make_session(model, images, initialization=find_bundle("imaml"))
    save_session(tmp_path / "s.metaseg", session)
    back = read_session(tmp_path / "s.metaseg")

    assert back.settings.scales == 3
    result = exhaust(replay_steps(back, [scene.image]))
    assert result.different == (0,)
    assert result.model.segmenter.digest() == model.segmenter.digest()


def test_an_image_of_any_size_is_drawn_at_the_usual_scale_only(
    model: AdaptedModel, scene: Scene, tmp_path: Path
) -> None:
    job = make_job(model.segmenter, scene.image, tmp_path / "found.tif")
    exhaust(run_job(job))

    alone = replace(model.segmenter, others=()).segment(scene.image)
    found = read_image(tmp_path / "found.tif").data
    assert np.mean((found > 0) != (alone > 0)) < 0.01


def test_a_methods_text_says_that_there_was_a_vote(model: AdaptedModel) -> None:
    told = methods_text(model.segmenter.card, model.segmenter.settings)

    assert "Cells were learned at 3 scales" in told
    card = model.segmenter.card
    once = card | {"recipe": {"steps": 5, "mirrors": 4}}
    assert "scales" not in methods_text(once, model.segmenter.settings)


def test_the_benchmark_compares_numbers_of_scales(small: str) -> None:
    names = [m.name for m in make_methods(Choice((small,), scales=(1, 3)))]

    assert names == [small, f"{small}-3-scales"]
    assert Adaptation(small, scales=3).starts == ("scratch",)
