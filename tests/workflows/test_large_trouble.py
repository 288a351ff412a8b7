"""Large images on a disk that is full, and jobs that end at a bad moment."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import exhaust
from napari_metaseg.workflows.large import folder as job_folder
from napari_metaseg.workflows.large import job as large_job
from napari_metaseg.workflows.large.folder import JobFolder
from napari_metaseg.workflows.large.job import LargeJob
from napari_metaseg.workflows.large.run import make_job, run_job

if TYPE_CHECKING:
    from pathlib import Path

    from napari_metaseg.data.synthetic import Scene
    from napari_metaseg.workflows.segmenter import Segmenter


@pytest.fixture
def job(segmenter: Segmenter, scene: Scene, tmp_path: Path) -> LargeJob:
    """Return a job of few blocks."""
    made = make_job(segmenter, scene.image[:120, :120], tmp_path / "cells.zarr")
    return LargeJob(replace(made.plan, chunk=80), made.output)


def again(job: LargeJob) -> LargeJob:
    """Return the job as another process knows it."""
    return LargeJob(job.plan, job.output)


def labels(path: Path) -> np.ndarray:
    found: Any = zarr.open_group(str(path), mode="r")["0"]
    return np.asarray(found[:])


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("point", ["gone", "maps", "cells.zarr.partial"])
def test_a_job_that_is_killed_while_it_cleans_up_can_be_done_again(
    job: LargeJob, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    rmtree = shutil.rmtree

    def delete(path: Path, **how: bool) -> None:
        if path.name == point:
            (path / "zarr.json").unlink(missing_ok=True)
            raise KeyboardInterrupt
        rmtree(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(job_folder.shutil, "rmtree", delete)
        with pytest.raises(KeyboardInterrupt):
            exhaust(run_job(job))
    expected = labels(job.output)
    assert expected.any()

    exhaust(run_job(again(job), overwrite=True))

    np.testing.assert_array_equal(labels(job.output), expected)
    assert list(job.output.parent.iterdir()) == [job.output]


@pytest.mark.parametrize("what", ["rename", "rmdir"])
def test_a_folder_that_cannot_be_deleted_spoils_no_result(
    job: LargeJob, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    rmtree = shutil.rmtree

    def refuse(path: Path, **how: bool) -> None:
        if path.is_relative_to(job.folder.path) and not how:
            raise OSError(errno.EBUSY, "in use")
        rmtree(path, **how)

    with monkeypatch.context() as patched:
        if what == "rename":
            patched.setattr(JobFolder, "forget", full)
        patched.setattr(job_folder.shutil, "rmtree", refuse)
        assert exhaust(run_job(job)) == job.output
    expected = labels(job.output)
    assert expected.any()

    exhaust(run_job(again(job), overwrite=True))

    np.testing.assert_array_equal(labels(job.output), expected)


@pytest.mark.parametrize(
    "name", ["make_array", "save_table", "mark_done", "describe_labels", "an array"]
)
def test_a_full_disk_is_told_and_the_job_goes_on_later(
    job: LargeJob, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as patched:
        if name == "an array":
            patched.setattr(zarr.Array, "__setitem__", full)
        elif name == "describe_labels":
            patched.setattr(large_job, name, full)
        else:
            patched.setattr(JobFolder, name, full)
        with pytest.raises(UserError, match=r"no room left to write .*\.partial"):
            exhaust(run_job(job))
    assert not job.output.exists()

    exhaust(run_job(again(job)))

    assert labels(job.output).any()


def test_an_image_that_is_gone_is_not_blamed_on_the_result(
    segmenter: Segmenter, scene: Scene, tmp_path: Path
) -> None:
    class Gone:
        shape, dtype = scene.image.shape, scene.image.dtype

        def __getitem__(self, _: object) -> None:
            raise FileNotFoundError(errno.ENOENT, "No such file", "drive/a.tif")

    with pytest.raises(UserError, match=r"image cannot be read .*drive/a\.tif"):
        exhaust(run_job(make_job(segmenter, Gone(), tmp_path / "cells.zarr")))
