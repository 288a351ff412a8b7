"""What ``napari-metaseg benchmark`` does."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from napari_metaseg.core.errors import UserError
from napari_metaseg.data.folders import read_tasks
from napari_metaseg.io.bundle import CONTROL, bundled_names
from napari_metaseg.workflows.benchmark import (
    BenchmarkSettings,
    Choice,
    Curve,
    Row,
    make_methods,
    report,
    run_benchmark,
)
from napari_metaseg.workflows.benchmark.known_tasks import known_tasks
from napari_metaseg.workflows.benchmark.methods.finetune import TUNED
from napari_metaseg.workflows.benchmark.methods.supervised import CeilingSettings
from napari_metaseg.workflows.benchmark.methods.tuning import FinetuneSettings
from napari_metaseg.workflows.benchmark.picture import write_picture

if TYPE_CHECKING:
    import argparse

    from napari_metaseg.workflows.benchmark.methods.protocol import Method

T = TypeVar("T", FinetuneSettings, CeilingSettings)


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg benchmark``."""
    settings = BenchmarkSettings(
        cells=tuple(dict.fromkeys(options.cells)),
        draws=options.draws,
        regimes=tuple(dict.fromkeys(options.regimes)),
        images=options.images,
        seeds=tuple(dict.fromkeys(options.seeds)),
        corrections=options.corrections,
        places=tuple(dict.fromkeys(options.places)),
        starts=tuple(dict.fromkeys(options.starts)),
    )
    if options.json is not None and not options.json.parent.is_dir():
        raise UserError(
            f"The folder {options.json.parent} does not exist; create it or choose "
            "another."
        )
    choice = _choice(options)
    methods = make_methods(choice)
    rows = []
    for row in run_benchmark(
        options.data,
        methods,
        settings,
        tasks=options.tasks,
        output=options.json,
        device=options.device,
        jobs=options.jobs,
    ):
        rows.append(row)
        print(_told(row), file=sys.stderr, flush=True)
    print(report(rows, [method.name for method in choice.adaptations]))
    for sentence in known_tasks(choice.bundles, {row.task for row in rows}):
        print(f"\n{sentence}")
    if options.pictures is not None:
        _write_pictures(options, methods[0], settings)
    return 0


def _choice(options: argparse.Namespace) -> Choice:
    inits = bundled_names() if options.inits is None else options.inits
    controls = options.methods
    if controls is None:
        controls = ["random", "finetune", "forest"]
        if options.pooled == CONTROL and CONTROL not in bundled_names():
            controls.remove("finetune")
    if options.ceiling:
        controls = [*controls, "ceiling"]
    return Choice(
        inits=tuple(inits),
        controls=tuple(controls),
        pooled=options.pooled,
        device=options.device,
        finetune={
            (rule, l2sp): _changed(
                settings,
                steps=options.finetune_steps,
                rate=options.sgd_rate if rule == "sgd" else options.adam_rate,
                strength=options.l2sp if l2sp else None,
            )
            for (rule, l2sp), settings in TUNED.items()
        },
        ceiling=_changed(CeilingSettings(), steps=options.ceiling_steps),
        convpaint=options.convpaint_features,
        scales=tuple(options.scales),
    )


def _changed(settings: T, **values: float | None) -> T:
    """Replace what was given."""
    given = {k: v for k, v in values.items() if v is not None}
    wrong = sorted(k for k, v in given.items() if v < 0)
    if wrong:
        raise UserError(f"The '{wrong[0]}' of a method cannot be below 0.")
    return replace(settings, **given)  # type: ignore[arg-type]


def _told(row: Row | Curve) -> str:
    """Tell a result in one line."""
    if isinstance(row, Curve):
        last = row.points[-1]
        return (
            f"{row.task}, seed {row.seed}, draw {row.draw}: {row.method} from "
            f"{row.start}, AP@0.5 {row.points[0].ap50:.3f} -> {last.ap50:.3f} after "
            f"{last.corrections} corrections"
        )
    first = "" if row.before is None else f"{row.before['ap50']:.3f} -> "
    return (
        f"{row.task}, {row.cells} cells, {row.regime}, seed {row.seed}, draw "
        f"{row.draw}: {row.method}, AP@0.5 {first}{row.after['ap50']:.3f}"
        f"{' (reverted)' * row.reverted}"
    )


def _write_pictures(
    options: argparse.Namespace, method: Method, settings: BenchmarkSettings
) -> None:
    try:
        options.pictures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder '{options.pictures}' cannot be made; choose another place."
        ) from error
    for task in read_tasks(options.data, options.tasks):
        path = options.pictures / f"{task.name}.png"
        if write_picture(path, task, method, settings):
            print(f"{path}", file=sys.stderr, flush=True)
