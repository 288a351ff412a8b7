"""What ``napari-metaseg meta-train`` does."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.generators import relay_to
from napari_metaseg.core.network import Architecture
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.io.model_folder import read_card
from napari_metaseg.learners.meta_gradient import OuterSettings
from napari_metaseg.learners.meta_train import TrainSettings
from napari_metaseg.workflows.meta_train import run_meta_training
from napari_metaseg.workflows.run_card import card_warnings
from napari_metaseg.workflows.run_settings import RunSettings, ValidationSettings
from napari_metaseg.workflows.run_state import read_state

from .processes import is_first, is_one_of_several, run_together

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

STEPS = 1000
INTERRUPTED = 130


def run(options: argparse.Namespace) -> int:
    """Run ``napari-metaseg meta-train``."""
    settings = _settings(options)
    if options.processes < 1:
        raise UserError(f"--processes is {options.processes}; give 1 or more.")
    # To keep what a run has learned is a matter of one process.
    if options.processes > 1 and not options.keep and not is_one_of_several():
        return _run_together(options)
    with _paused_by_signals() as pause:
        steps = run_meta_training(
            settings,
            options.output,
            device=options.device,
            resume=options.resume or options.keep,
            keep=options.keep,
            command=options.command_line,
            pause=pause,
        )
        bundle = relay_to(steps, lambda metrics: _tell(metrics, settings))
    if not is_first():
        return 0
    if bundle is None:
        print(f"Paused; the same command with --resume goes on in {options.output}")
        return 0
    print(f"The initialization is in {bundle}")
    for warning in card_warnings(read_card(bundle, "meta-initialization")):
        print(f"Warning: {warning}")
    return 0


def _run_together(options: argparse.Namespace) -> int:
    """Let several processes share the run."""
    if options.processes > options.tasks_per_step:
        raise UserError(
            f"--processes is {options.processes}, and a meta-step has "
            f"{options.tasks_per_step} tasks to share; give as many with "
            "--tasks-per-step."
        )
    status = run_together(options.arguments, options.processes)
    if status is None:
        state = read_state(options.output)
        return 0 if state is not None and state.state == "paused" else INTERRUPTED
    return status


def _settings(options: argparse.Namespace) -> RunSettings:
    validation = None
    if options.validate is not None:
        validation = ValidationSettings(
            str(options.validate),
            _names(options.validation_tasks),
            options.validate_every,
        )
    elif options.validation_tasks:
        raise UserError("--validation-tasks needs --validate, the folder they are in.")
    steps = options.steps
    if steps is None and options.minutes is None:
        steps = STEPS
    return RunSettings(
        data=str(options.data),
        tasks=_names(options.tasks),
        init=options.init,
        unadapted=options.unadapted,
        adapts=options.adapts,
        proximal=ProximalSettings(
            options.strength, options.tolerance, options.max_evaluations
        ),
        procedural_share=options.procedural_share,
        checkpoint_every=options.checkpoint_every,
        minutes=options.minutes,
        validation=validation,
        architecture=_architecture(options.widths),
        outer=OuterSettings(
            algorithm=options.algorithm,
            inner_steps=options.inner_steps,
            blank_chance=options.blank_chance,
            drop_chance=options.drop_chance,
            half=options.half,
            multi_step=options.multi_step,
            recompute=options.recompute,
        ),
        train=TrainSettings(
            steps=steps,
            tasks_per_step=options.tasks_per_step,
            rate=options.rate,
            seed=options.seed,
        ),
    )


def _architecture(widths: list[int] | None) -> Architecture | None:
    if widths is None:
        return None
    full, half, quarter, eighth = widths
    return Architecture(widths=(full, half, quarter, eighth))


def _names(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def _tell(metrics: dict[str, float], settings: RunSettings) -> None:
    shown = {k: round(v, 3) for k, v in metrics.items() if k != "step"}
    steps = settings.train.steps
    of = "" if steps is None else f" of {steps}"
    print(f"step {int(metrics['step'])}{of}: {shown}", flush=True)


@contextmanager
def _paused_by_signals() -> Iterator[Callable[[], bool]]:
    """Pause at the first signal to end; at a second one, end.

    Yields
    ------
    callable
        Whether there was a signal.
    """
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wanted.is_set
        return
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def pause(*_: object) -> None:
        wanted.set()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, pause)
    try:
        yield wanted.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
