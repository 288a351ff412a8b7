"""The command ``adapt``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.words import counted
from napari_metaseg.io.annotation import read_annotation
from napari_metaseg.io.bundle import find_bundle
from napari_metaseg.io.files import check_target
from napari_metaseg.io.labels import check_labels_path
from napari_metaseg.io.model_folder import check_model_folder
from napari_metaseg.io.open_images import read_any_image
from napari_metaseg.workflows.adapt import AdaptedModel, Progress, adapt_steps, load
from napari_metaseg.workflows.outputs import (
    further_files,
    label_axes,
    write_outputs,
)
from napari_metaseg.workflows.session import make_session, session_image
from napari_metaseg.workflows.session_file import save_session
from napari_metaseg.workflows.summary import count_cells

from .status import SOME_FAILED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from napari_metaseg.io.images import ImageFile
    from napari_metaseg.workflows.session import SessionImage


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg adapt``."""
    if options.also and options.output_dir is None:
        raise UserError("--also needs --output-dir, the folder for its results.")
    _refuse_same_names(options.also)
    _check_outputs(options)
    pairs = [(options.image, options.annotation, options.background)]
    pairs += [(image, annotation, None) for image, annotation in options.support]
    read = [read_any_image(image) for image, _, _ in pairs]
    files = [replace(file, axes=options.axes or file.axes) for file in read]
    annotations = [read_annotation(ann, background) for _, ann, background in pairs]
    label_axes(files[0].axes, annotations[0].shape)
    start = None if options.start is None else load(options.start)
    settings = DecodeSettings(region=True) if options.region else None
    steps = adapt_steps(
        [f.data for f in files],
        annotations,
        axes=[f.axes for f in files],
        channel=options.channel,
        diameter=options.diameter,
        init=options.init,
        device=options.device,
        seed=options.seed,
        mirrors=options.mirrors,
        scales=options.scales,
        start=start,
        settings=settings,
    )
    model = relay_to(steps, _tell)
    labels = model.labels
    first = labels[0] if isinstance(labels, list) else labels
    _write(options.output, first, files[0], options.image, options)
    _print_report(model)
    if options.save_model is not None:
        model.save(options.save_model, overwrite=options.overwrite)
    if options.save_session is not None:
        paths = [image for image, _, _ in pairs]
        images = zip(files, paths, annotations, model.labels, strict=True)
        _save_session(model, [session_image(*i) for i in images], start, options)
    # The image itself succeeded, so that at most some have failed.
    return _segment_files(model, options.also, options)


def _check_outputs(options: argparse.Namespace) -> None:
    """Fail before the work is done rather than after."""
    _refuse_existing(options.output, options.overwrite)
    check_labels_path(options.output, overwrite=options.overwrite)
    for further in further_files(options.output, options.also_write):
        _refuse_existing(further, options.overwrite)
    if options.save_model is not None:
        check_model_folder(options.save_model, overwrite=options.overwrite)
    if options.also and options.output_dir.is_file():
        raise UserError(
            f"{options.output_dir} is a file; choose another folder as --output-dir."
        )
    if options.save_session is not None:
        check_target(options.save_session, overwrite=options.overwrite)


def _save_session(
    model: AdaptedModel,
    images: Sequence[SessionImage],
    start: AdaptedModel | None,
    options: argparse.Namespace,
) -> None:
    session = make_session(
        model,
        tuple(images),
        initialization=find_bundle(options.init),
        channel=options.channel,
        diameter=options.diameter,
        seed=options.seed,
        start=start,
    )
    print(save_session(options.save_session, session, overwrite=options.overwrite))


def _tell(state: Progress) -> None:
    """Tell each step on stderr; bad input, found in the first, is told alone."""
    if state.stage != "prepare":
        print(state.message, file=sys.stderr)


def _print_report(model: AdaptedModel) -> None:
    report = model.report
    assert report is not None
    total = sum(model.seconds.values())
    print(
        f"{report.n_cells} cells painted, object size {report.diameter:.0f} px; "
        f"IoU on them {report.own_iou_before:.2f} before and "
        f"{report.own_iou_after:.2f} after; {total:.1f} s on {report.device}."
    )
    for line in (report.reason, report.note):
        if line:
            print(line)


def _segment_files(
    model: AdaptedModel, paths: Sequence[Path], options: argparse.Namespace
) -> int:
    """Segment files one by one, whichever fail; return the exit status."""
    if not paths:
        return 0
    folder: Path = options.output_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{folder}' cannot be made; choose another place."
        ) from error
    _refuse_same_names(paths)
    failed = 0
    for path in paths:
        try:
            file = read_any_image(path)
            labels = model.segment(
                file.data, axes=options.axes or file.axes, channel=options.channel
            )
            _write(folder / f"{path.stem}_labels.tif", labels, file, path, options)
        except UserError as error:
            failed += 1
            print(f"napari-metaseg: {path}: {error}", file=sys.stderr)
    return SOME_FAILED if failed else 0


def _write(
    path: Path,
    labels: object,
    file: ImageFile,
    source: Path,
    options: argparse.Namespace,
) -> None:
    """Write the labels of an image, and what `--also-write` asks for beside them."""
    array = np.asarray(labels)
    *further, written = write_outputs(
        path,
        array,
        replace(file, axes=options.axes or file.axes),
        image_name=source.name,
        also=options.also_write,
        overwrite=options.overwrite,
    )
    found = counted(count_cells(array), "cell")
    for line in (f"{written}: {found}", *further):
        print(line)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists already; choose another name or add --overwrite."
        )


def _refuse_same_names(paths: Sequence[Path]) -> None:
    stems = [p.stem for p in paths]
    twice = sorted({s for s in stems if stems.count(s) > 1})
    if twice:
        raise UserError(
            f"Two images are named '{twice[0]}' and would share one result; segment "
            "them into different folders."
        )
