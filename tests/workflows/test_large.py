"""Images that are segmented through files, block by block."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05.image_label import ImageLabel
from tifffile import TiffFile

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.linking import link_labels
from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.data.synthetic import Scene, sample_scene
from napari_metaseg.workflows.large.job import LargeJob
from napari_metaseg.workflows.large.run import make_job, run_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_metaseg.workflows.segmenter import Segmenter


@pytest.fixture(scope="module")
def known(segmenter: Segmenter) -> Callable[[], Segmenter]:
    """Return the segmenter wrapped up: hypothesis prints all of its arguments."""
    return lambda: segmenter


def small_blocks(job: LargeJob, tile: int = 64) -> LargeJob:
    plan = replace(job.plan, tile=tile, block=96, chunk=80)
    return LargeJob(plan, job.output)


def through_files(
    segmenter: Segmenter, image: np.ndarray, output: Path, tile: int = 64, **how: object
):
    job = small_blocks(make_job(segmenter, image, output, **how), tile)  # type: ignore[arg-type]
    exhaust(run_job(job, overwrite=True))
    return zarr.open_group(str(output), mode="r")


def same_instances(one: np.ndarray, other: np.ndarray, least: float = 0.98) -> None:
    """Check that every instance of each is one of the other.

    Which of two equal seeds the watershed takes first depends on the whole image, and
    moves a few pixels from one cell to its neighbour.
    """
    numbers, areas = zip(
        *(np.unique(x[x > 0], return_counts=True) for x in (one, other)), strict=True
    )
    assert len(numbers[0]) == len(numbers[1]) > 0
    iou = iou_matrix(one.astype(np.int32), other.astype(np.int32))
    for best, area in ((iou.max(1), areas[0]), (iou.max(0), areas[1])):
        assert ((best >= least) | ((1 - best) * area < 5)).all(), best.min()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    height=st.integers(110, 220),
    width=st.integers(110, 220),
    diameter=st.sampled_from([15.0, 24.0, 36.0, 55.0]),
    clear_border=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_cell_is_one_of_the_whole_image(
    known: Callable[[], Segmenter],
    tmp_path: Path,
    height: int,
    width: int,
    diameter: float,
    clear_border: bool,
    seed: int,
) -> None:
    image = sample_scene("fluorescence", size=(height, width), seed=seed).image
    lens = replace(known().lens, diameter=diameter)
    kind = replace(known(), lens=lens)
    rules = DecodeSettings(threshold=0.3, split=0.8, clear_border=clear_border)

    # Tiles are compared on their own, and larger ones are sooner drawn.
    output = tmp_path / "cells.zarr"
    labels = through_files(kind, image, output, 128, settings=rules)["0"][:]

    whole = kind.segment(image, settings=rules)
    if not whole.any():
        assert not labels.any()
        return
    same_instances(whole, labels)
    assert sorted(np.unique(labels)) == list(range(int(labels.max()) + 1))


def test_the_network_draws_what_it_draws_of_the_whole(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    kind = replace(segmenter, lens=replace(segmenter.lens, diameter=20.0))
    job = small_blocks(make_job(kind, scene.image, tmp_path / "cells.zarr"))
    job.prepare()
    for index in range(job.stages[0].blocks):
        job.run("draw", index)

    from napari_metaseg.core.axes import as_planes

    (whole,) = exhaust(kind.draw(as_planes(scene.image), adapted=True))
    drawn = job.folder.array("maps")[0].astype(np.float32)
    # Kept in 16 bits, whose steps near 1 are 5e-4: at most one of them apart.
    np.testing.assert_allclose(drawn, whole.maps.astype(np.float32), atol=5e-4)
    assert np.mean(np.abs(drawn - whole.maps.astype(np.float32)) > 1e-4) < 1e-3


def test_the_result_is_ome_zarr_with_a_pyramid_and_pixel_size(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    output = tmp_path / "cells.zarr"
    job = small_blocks(make_job(segmenter, scene.image, output))
    exhaust(run_job(job, pixel_size=(0.5, 0.25), offset=(0, 10, 20)))

    group = zarr.open_group(str(output), mode="r")
    # An independent reader checks all that the standard asks for.
    (described,) = ImageLabel.from_zarr(group).ome_attributes.multiscales
    scales = [s.coordinateTransformations[0].scale for s in described.datasets]
    assert [axis.name for axis in described.axes] == ["y", "x"]
    assert [axis.unit for axis in described.axes] == ["micrometer"] * 2
    assert scales == [[0.5, 0.25], [1.0, 0.5], [2.0, 1.0]]
    moved = [s.coordinateTransformations[1].translation for s in described.datasets]
    assert moved == [[5.0, 5.0]] * 3
    full = group["0"][:]
    np.testing.assert_array_equal(group["1"][:], full[::2, ::2])
    np.testing.assert_array_equal(group["2"][:], full[::4, ::4])
    assert list(tmp_path.iterdir()) == [output]


def test_stacks_are_linked_and_tiffs_hold_the_same(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    stack = np.stack([scene.image, np.roll(scene.image, 2, 1), scene.image[::-1]])
    job = make_job(segmenter, stack, tmp_path / "a.tif", axes="TYX", link="t")
    exhaust(run_job(small_blocks(job), pixel_size=(0.5, 0.5)))
    plain = through_files(segmenter, stack, tmp_path / "b.zarr", axes="TYX")["0"][:]

    with TiffFile(tmp_path / "a.tif") as file:
        assert file.series[0].axes == "TYX"
        assert file.series[0].keyframe.is_tiled
        linked = file.asarray()
    np.testing.assert_array_equal(linked > 0, plain > 0)
    assert [plane.min(initial=9, where=plane > 0) for plane in plain] == [1, 1, 1]
    shared = np.intersect1d(linked[0], linked[1])
    assert len(shared) > len(np.unique(linked[0])) / 2
    in_memory = link_labels(plain, "TYX", "t")
    # Overlaps are counted at working scale there and at image scale here.
    assert np.mean(in_memory != linked) < 0.05


def kill_points() -> list[str]:
    return ["Looking at tile 3", "Finding cells in block 2", "Writing chunk 2"]


# A process of its own, which loads no more than it needs.
_CHILD = """
import sys, numpy as np
from dataclasses import replace
from napari_metaseg.workflows.large.job import LargeJob
from napari_metaseg.workflows.large.run import make_job, run_job
from napari_metaseg.workflows.loading import load_segmenter
model, image, output = sys.argv[1:]
job = make_job(load_segmenter(model), np.load(image), output)
plan = replace(job.plan, tile=64, block=96, chunk=80)
for state in run_job(LargeJob(plan, job.output)):
    print(state.message, flush=True)
"""


@pytest.fixture(scope="module")
def undisturbed(
    segmenter: Segmenter, scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("whole")
    return through_files(segmenter, scene.image[:120], folder / "whole.zarr")


@pytest.mark.parametrize("point", kill_points())
def test_a_killed_job_goes_on_to_the_same_result(
    segmenter: Segmenter,
    saved_model: Path,
    scene: Scene,
    undisturbed: Any,
    tmp_path: Path,
    point: str,
) -> None:
    image, output = tmp_path / "image.npy", tmp_path / "cells.zarr"
    np.save(image, scene.image[:120])
    command = [sys.executable, "-c", _CHILD, str(saved_model), str(image), str(output)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root
    ) as child:
        assert child.stdout is not None
        assert any(line.startswith(point) for line in child.stdout), "it never came"
        child.kill()

    assert not output.exists()
    job = small_blocks(make_job(segmenter, scene.image[:120], output))
    messages = [state.message for state in run_job(job)]

    stage, number = point.rsplit(" ", 1)
    gone_on = [text for text in messages if text.startswith(stage)]
    first = int(gone_on[0].removeprefix(stage).split()[0])
    assert first >= int(number), "it tells of blocks again that were done"
    resumed = zarr.open_group(str(output), mode="r")
    for level in undisturbed:
        np.testing.assert_array_equal(resumed[level][:], undisturbed[level][:])


def test_what_is_done_is_not_done_again(
    segmenter: Segmenter,
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "cells.zarr"
    steps = run_job(small_blocks(make_job(segmenter, scene.image, output)))
    for state in steps:
        if state.message.startswith("Finding"):
            break
    steps.close()
    assert not output.exists()

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(LargeJob, "_draw", refuse)
    exhaust(run_job(small_blocks(make_job(segmenter, scene.image, output))))

    assert output.exists()


def test_another_image_model_or_name_is_refused(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    output = tmp_path / "cells.zarr"
    next(steps := run_job(make_job(segmenter, scene.image, output)))
    next(steps)
    steps.close()

    fewer = replace(segmenter, network=replace(segmenter.network, mirrors=2))
    for other in (
        make_job(segmenter, scene.image + 1, output),
        make_job(fewer, scene.image, output),
        make_job(segmenter, scene.image, output, adapted=False),
    ):
        with pytest.raises(UserError, match="begun with another image"):
            exhaust(run_job(other))
    exhaust(run_job(make_job(segmenter, scene.image, output)))
    with pytest.raises(UserError, match="exists already"):
        exhaust(run_job(make_job(segmenter, scene.image, output)))
    with pytest.raises(UserError, match=r"let cells\.png end in"):
        exhaust(run_job(make_job(segmenter, scene.image, tmp_path / "cells.png")))


def test_blocks_may_run_in_any_order(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    job = small_blocks(make_job(segmenter, scene.image, tmp_path / "any.zarr"))
    job.prepare()
    rng = np.random.default_rng(0)
    for name, count in job.stages:
        for index in rng.permutation(count):
            job.run(name, int(index))
    job.finish()

    expected = through_files(segmenter, scene.image, tmp_path / "all.zarr")
    found = zarr.open_group(str(tmp_path / "any.zarr"), mode="r")
    np.testing.assert_array_equal(found["0"][:], expected["0"][:])


def test_a_coarser_level_is_drawn_where_it_suffices(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    image = np.kron(scene.image, np.ones((4, 4), np.uint16))
    kind = replace(segmenter, lens=replace(segmenter.lens, diameter=100.0))
    levels = (image[::2, ::2], image[::4, ::4], image[::16, ::16])
    job = make_job(kind, image, tmp_path / "cells.zarr", coarser=levels)

    assert job.plan.drawn_from.shape == levels[1].shape
    exhaust(run_job(job))
    labels = zarr.open_group(str(tmp_path / "cells.zarr"), mode="r")["0"][:]
    # The same maps, but outlines at the scale of the finest level.
    coarse = replace(segmenter, lens=replace(segmenter.lens, diameter=25.0))
    found = np.kron(coarse.segment(levels[1]), np.ones((4, 4), np.int32))
    same_instances(found, labels, least=0.9)
