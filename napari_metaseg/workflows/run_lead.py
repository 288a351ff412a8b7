"""The first process of a run: it trains like the others, and writes all files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from napari_metaseg.core.errors import UserError
from napari_metaseg.learners.checkpoint import save_checkpoint

from .run_bundle import write_bundle
from .run_card import ancestors_tasks, card_warnings, make_card, validation_card
from .run_curve import curves
from .run_folder import BUNDLE, CHECKPOINT, GALLERY, VALIDATED, trim_lines
from .run_pulse import Pulse
from .run_state import LOG, VALIDATION, asked, obeyed, read_log, read_validation
from .validate import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from napari_metaseg.core.network import Architecture
    from napari_metaseg.data.folders import TaskFolder
    from napari_metaseg.io.bundle import Bundle
    from napari_metaseg.learners.meta_gradient import OuterSettings
    from napari_metaseg.learners.meta_train import Progress
    from napari_metaseg.learners.ranks import Ranks

    from .benchmark.draws import Draw
    from .drawer import Drawer
    from .run_settings import RunSettings
    from .run_state import Request

MetaSteps = Generator[dict[str, float], None, None]
"""Metrics of one meta-step after the other."""


@dataclass(frozen=True, kw_only=True)
class Lead:
    """All that the first process knows of its run.

    Attributes
    ----------
    output : Path
        Folder of the run.
    settings : RunSettings
        What to do.
    outer : OuterSettings
        The same, with iMAML's inner problem.
    progress : Progress
        Changed by the meta-steps.
    architecture : Architecture
        The network.
    parent : Bundle or None
        What the run starts from.
    drawer : Drawer or None
        What draws before adaptation, if not the trained network.
    tasks : list of TaskFolder
        What it trains on.
    draws : list of Draw
        What it is validated on; may be empty.
    device : torch.device
        Where it computes.
    command : str
        Command line.
    pause : callable
        Whether to pause now.
    ranks : Ranks
        The other processes.
    processes : list of int
        Numbers of all on this machine.
    """

    output: Path
    settings: RunSettings
    outer: OuterSettings
    progress: Progress
    architecture: Architecture
    parent: Bundle | None
    drawer: Drawer | None
    tasks: list[TaskFolder]
    draws: list[Draw]
    device: torch.device
    command: str
    pause: Callable[[], bool]
    ranks: Ranks
    processes: list[int]

    def run(
        self, steps: Callable[[Callable[[], float]], MetaSteps], *, keep: bool
    ) -> Generator[dict[str, float], None, Path | None]:
        """Train until the budget is spent, or until asked to pause or to stop.

        Parameters
        ----------
        steps : callable
            From a function that tells the share of time that is spent to meta-steps.
        keep : bool
            Take no meta-steps.

        Yields
        ------
        dict of str to float
            Metrics of each meta-step and of each evaluation.

        Returns
        -------
        Path or None
            The bundle; None if paused.
        """
        step = self.progress.step
        lines = [
            line
            for name in (LOG, VALIDATION)
            for line in trim_lines(self.output / name, step)
        ]
        minutes = self.settings.minutes
        several = f"{self.ranks.size} × " if self.ranks.size > 1 else ""
        with Pulse(
            self.output,
            device=f"{several}{self.device.type}",
            processes=self.processes,
            steps=self.settings.train.steps,
            minutes=minutes,
            seconds=sum(line["seconds"] for line in lines),
            step=step,
        ) as pulse:

            def time_spent() -> float:
                return 0.0 if minutes is None else pulse.seconds / (60 * minutes)

            request = None
            if not keep:
                request = yield from self._train(steps(time_spent), pulse)
                self._checkpoint()
            if request != "pause":
                yield from self._validate(pulse, last=True)
                request = self._request()
            obeyed(self.output)
            if request == "pause":
                step = self.progress.step
                pulse.tell(state="paused", message=f"Paused after meta-step {step}.")
                return None
            card = self.card()
            bundle = self._write(self.output / BUNDLE, card)
            message = " ".join(["The initialization is ready.", *card_warnings(card)])
            pulse.tell(state="finished", message=message)
            return bundle

    def card(self) -> dict[str, Any]:
        """Describe the run as it stands."""
        origins = (self.parent, self.drawer)
        before = {t for b in origins if b for t in ancestors_tasks(b.card)}
        scores = read_validation(self.output)
        tasks = [draw.task for draw in self.draws]
        validation = validation_card(scores, tasks, before)
        return make_card(
            self.settings,
            self.architecture,
            self.parent,
            self.drawer,
            self.tasks,
            self.command,
            ({"validation": validation} if validation else {})
            | curves(read_log(self.output), self.parent),
        )

    def _write(self, folder: Path, card: dict[str, Any]) -> Path:
        unadapted = None if self.drawer is None else self.drawer.params
        return write_bundle(folder, self.progress, card, self.outer, unadapted)

    def _train(
        self, run: MetaSteps, pulse: Pulse
    ) -> Generator[dict[str, float], None, Request | None]:
        """Take meta-steps; return what ended them before the budget did."""
        yield from self._validate(pulse)
        while (request := self.ranks.from_first(self._request())) is None:
            with pulse.busy() as lap:
                metrics = self._next(run)
            if metrics is None:
                return None
            metrics |= {"seconds": lap[0]}
            _append(self.output / LOG, metrics)
            pulse.stepped(self.progress.step, lap[0])
            if self.progress.step % self.settings.checkpoint_every == 0:
                self._checkpoint()
            yield metrics
            yield from self._validate(pulse)
        run.close()
        obeyed(self.output)
        return request

    def _next(self, run: MetaSteps) -> dict[str, float] | None:
        try:
            return next(run, None)
        except FloatingPointError as error:
            raise UserError(str(error)) from error

    def _request(self) -> Request | None:
        return "pause" if self.pause() else asked(self.output)

    def _checkpoint(self) -> None:
        try:
            save_checkpoint(self.output / CHECKPOINT, self.progress)
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"The checkpoint in '{self.output}' cannot be written ({error}); free "
                "some space and resume the run."
            ) from error

    def _validate(
        self, pulse: Pulse, *, last: bool = False
    ) -> Generator[dict[str, float], None, None]:
        """Evaluate what is learned, if it is time and was not done already."""
        step, validation = self.progress.step, self.settings.validation
        if validation is None or (step % validation.every and not last):
            return
        done = {s.task for s in read_validation(self.output) if s.step == step}
        draws = [draw for draw in self.draws if draw.task.name not in done]
        if not draws:
            return
        init = self.output / VALIDATED
        self._write(init, self.card())
        try:
            for draw in draws:
                if self._request() is not None:
                    return
                message = f"Validating on {draw.task.name}."
                pulse.tell(state="validating", message=message)
                with pulse.busy():
                    scores = evaluate(
                        draw, init, self.device.type, step, self.output / GALLERY
                    )
                _append(self.output / VALIDATION, asdict(scores))
        finally:
            shutil.rmtree(init, ignore_errors=True)
        now = [s for s in read_validation(self.output) if s.step == step]
        yield {
            "step": step,
            "validation_before": sum(s.before for s in now) / len(now),
            "validation_after": sum(s.after for s in now) / len(now),
        }


def _append(path: Path, line: object) -> None:
    """Add a line, in one go."""
    try:
        with path.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
    except OSError as error:
        raise UserError(
            f"'{path}' cannot be written ({error.strerror}); free some space and "
            "resume the run."
        ) from error
