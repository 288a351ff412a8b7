"""Work on a cluster, which loses a worker midway."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr
from distributed import Client, LocalCluster

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.workflows.cluster import Cluster
from napari_metaseg.workflows.crews import Alone, Lost
from napari_metaseg.workflows.folder import segment_folder
from napari_metaseg.workflows.folder_work import Look, Order, segment_file
from napari_metaseg.workflows.large.run import run_job
from napari_metaseg.workflows.large.shared import LargeOrder, Shared

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.segmenter import Segmenter


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        processes=True,
        # Any port that is free: another process of the tests may have a cluster, too.
        dashboard_address=":0",
    ) as cluster:
        yield cluster


def workers_of(cluster: LocalCluster) -> dict[str, int]:
    with Client(cluster, set_as_default=False) as client:
        return client.run(os.getpid)


def test_a_lost_worker_loses_no_result(
    cluster: LocalCluster,
    segmenter: Segmenter,
    saved_model: Path,
    scene: Scene,
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for n in range(9):
        tifffile.imwrite(data / f"{n}.tif", np.roll(scene.image[:90, :100], 9 * n, 1))
    exhaust(segment_folder(Alone(segmenter), [data], tmp_path / "alone"))
    before = workers_of(cluster)
    crew = Cluster(segmenter, saved_model, cluster.scheduler_address)

    steps = segment_folder(crew, [data], tmp_path / "together")
    next(state for state in steps if state.path is not None)
    # The one that wrote the first result, and may hold it.
    os.kill(next(iter(before.values())), signal.SIGTERM)
    report = exhaust(steps)

    assert (report.segmented, report.problems) == (9, {})
    for n in range(9):
        alone, together = (
            tifffile.imread(tmp_path / who / f"{n}_labels.tif")
            for who in ("alone", "together")
        )
        assert len(np.unique(alone)) > 2
        np.testing.assert_array_equal(together, alone)
    assert set(workers_of(cluster).values()) != set(before.values())


def test_blocks_of_one_image_survive_a_lost_worker(
    cluster: LocalCluster,
    segmenter: Segmenter,
    saved_model: Path,
    scene: Scene,
    tmp_path: Path,
) -> None:
    image = tmp_path / "slide.tif"
    tifffile.imwrite(image, scene.image[:120, :130])
    order = LargeOrder(image, tmp_path / "alone.zarr", tile=32, block=64, chunk=64)
    exhaust(run_job(order.job(segmenter)))
    order = replace(order, output=tmp_path / "together.zarr")
    before = workers_of(cluster)

    with Cluster(segmenter, saved_model, cluster.scheduler_address) as crew:
        steps = run_job(order.job(segmenter), helpers=Shared(crew, order))
        next(state for state in steps if "tile 3 of" in state.message)
        os.kill(next(iter(before.values())), signal.SIGTERM)
        exhaust(steps)

    alone, together = (
        zarr.open_group(str(tmp_path / f"{who}.zarr"), mode="r")
        for who in ("alone", "together")
    )
    assert alone["0"][:].max() > 2
    for level in alone:
        np.testing.assert_array_equal(together[level][:], alone[level][:])
    assert set(workers_of(cluster).values()) != set(before.values())
    assert not list(tmp_path.glob("*.partial"))


def test_what_a_block_lacks_is_told(
    cluster: LocalCluster, segmenter: Segmenter, saved_model: Path, tmp_path: Path
) -> None:
    order = LargeOrder(tmp_path / "gone.tif", tmp_path / "cells.zarr")

    with Cluster(segmenter, saved_model, cluster.scheduler_address) as crew:
        with pytest.raises(UserError, match=r"no file .*gone\.tif"):
            list(Shared(crew, order)("draw", [0]))


def test_a_cancelled_run_leaves_the_cluster_free(
    cluster: LocalCluster, segmenter: Segmenter, saved_model: Path, tmp_path: Path
) -> None:
    crew = Cluster(segmenter, saved_model, cluster.scheduler_address)
    missing = [Order(tmp_path / "no", tmp_path / "x.tif", Look())] * 50
    steps = crew.run(segment_file, missing)
    next(steps)

    steps.close()
    crew.close()

    # The scheduler hears of it in a thread of its own.
    for _ in range(600):
        if not cluster.scheduler.tasks:
            break
        time.sleep(0.05)
    assert not cluster.scheduler.tasks


def end(segmenter: Segmenter, order: int) -> Generator[float, None, None]:
    yield 0.0
    os._exit(order)


def test_an_order_that_ends_each_worker_is_given_up(
    cluster: LocalCluster, segmenter: Segmenter, saved_model: Path
) -> None:
    cluster.scheduler.allowed_failures = 1
    with Cluster(segmenter, saved_model, cluster.scheduler_address) as crew:
        states = [s for s in crew.run(end, [3]) if not isinstance(s, float)]

    assert states == [Lost(0)]


def test_a_scheduler_that_does_not_answer_gets_one_sentence(
    segmenter: Segmenter, saved_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_metaseg.workflows.cluster._PATIENCE", "0.2s")

    with pytest.raises(UserError, match=r"answers at tcp://127\.0\.0\.1:9"):
        Cluster(segmenter, saved_model, "tcp://127.0.0.1:9")
    with pytest.raises(UserError, match="answers at nowhere"):
        Cluster(segmenter, saved_model, "nowhere://x")
