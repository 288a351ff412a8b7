"""MAML on cell lines (Sikand, CS 330 project, Stanford 2022)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import mask_iou
from napari_metaseg.core.vgg_unet import VggUNet, read_encoder
from napari_metaseg.learners.inner import GradientDescent
from napari_metaseg.learners.published import maml
from napari_metaseg.workflows.journal import Journal

from .livecell_settings import (
    MAML,
    MENDED,
    NONE,
    OURS,
    SUPERVISED,
    LivecellSettings,
)
from .our_recipe import our_scores
from .rows import Effort, Key, Ledger, Row
from .training import (
    Judge,
    Outer,
    dice_and_entropy,
    dice_loss,
    in_turn,
    initial_params,
    meta_train,
    named,
    supervise,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_metaseg.core.network import Params
    from napari_metaseg.learners.published import TaskLosses

    from .cell_lines import CellLine


def run_livecell(
    lines: Sequence[CellLine],
    settings: LivecellSettings,
    *,
    held_out: Sequence[str],
    output: Path | None = None,
    encoder: Path | None = None,
    device: str = "auto",
) -> Generator[str, None, list[Row]]:
    """Run the protocol.

    Parameters
    ----------
    lines : sequence of CellLine
        One task each, see `napari_metaseg.workflows.protocols.cell_lines`.
    settings : LivecellSettings
        The experiment.
    held_out : sequence of str
        Names of lines; for each of them, meta-training is on all the others.
    output : Path, optional
        File to which rows are appended; those it holds are not computed again.
    encoder : Path, optional
        Weights of the encoder, see `read_encoder`.
    device : str
        Where to compute.

    Yields
    ------
    str
        How far it has come.

    Returns
    -------
    list of Row
        Every line is scored, those of the meta-training too.

    Raises
    ------
    UserError
        If there is no such line, or the file is of another run.
    """
    names = [line.name for line in lines]
    wrong = sorted(set(held_out) - set(names))
    if wrong:
        raise UserError(
            f"There is no cell line '{wrong[0]}'; there are {', '.join(names)}."
        )
    header = {**asdict(settings), "lines": names, "encoder": encoder and encoder.name}
    # It only chooses rows, so a file can grow by more draws.
    header.pop("draws")
    run = _Run(lines, settings, Journal(output, header, "livecell"), encoder, device)
    for shots, batch in zip(settings.shots, settings.batches, strict=True):
        yield from run.untrained(shots, SUPERVISED)
        yield from run.untrained(shots, OURS)
        for name in held_out:
            for method in (MAML, MENDED):
                yield from run.trained(shots, batch, method, name)
    rows = run.ledger.rows.values()
    trainings = (NONE, *map(without, held_out))
    return [row for row in rows if row.key.training in trainings]


def without(name: str) -> str:
    """Name the meta-training on all lines but one."""
    return f"all but {name}"


class _Run:
    """What the rows of a run have in common."""

    def __init__(
        self,
        lines: Sequence[CellLine],
        settings: LivecellSettings,
        journal: Journal,
        encoder: Path | None,
        device: str,
    ) -> None:
        self.lines, self.settings = lines, settings
        self.ledger = Ledger(journal)
        self.device, self.device_name = pick_device(device), device
        torch.manual_seed(settings.seed)
        self.network = VggUNet(1, settings.width).to(self.device)
        self.start = initial_params(self.network)
        if encoder is not None:
            for name, tensor in read_encoder(encoder, self.network).items():
                self.start[name] = tensor.to(self.device).requires_grad_()

    def _draw(self, line: CellLine, key: Key) -> tuple[list[int], list[int]]:
        seed = self.settings.seed, key.shots, key.draw
        return line.draw(key.shots, self.settings.scored, seed)

    def _keys(self, training: str, method: str, shots: int) -> list[Key]:
        keys = [
            Key(training, method, shots, line.name, number)
            for line in self.lines
            for number in range(self.settings.draws)
        ]
        return self.ledger.missing(keys)

    def untrained(self, shots: int, method: str) -> Generator[str, None, None]:
        """Measure a method that needs no meta-training on these lines."""
        lines = {line.name: line for line in self.lines}
        for key in self._keys(NONE, method, shots):
            line = lines[key.test]
            support, query = self._draw(line, key)
            scores: tuple[float | None, float | None]
            if method == SUPERVISED:
                scores = None, self._supervised(line, support, query)
            else:
                seed = (self.settings.seed, shots, key.draw)
                scores = our_scores(
                    line, support, query, self.settings.init, self.device_name, seed
                )
            yield self.ledger.add(Row(key, False, *scores, Effort()))

    def _supervised(
        self, line: CellLine, support: list[int], query: list[int]
    ) -> float:
        judge = Judge(self.network, dice_loss)
        params = supervise(
            judge,
            self.start,
            line.examples(support, self.device),
            rate=self.settings.outer_rate,
            steps=self.settings.supervised_steps,
        )
        return self._score(judge, params, line, query)

    def _score(
        self, judge: Judge, params: Params, line: CellLine, query: list[int]
    ) -> float:
        drawn = judge.masks(params, line.examples(query, self.device).images)
        return mask_iou(drawn, line.masks[query] > 0)

    def trained(
        self, shots: int, batch: int, method: str, held_out: str
    ) -> Generator[str, None, None]:
        """Meta-train without a line, and measure on every line."""
        keys = self._keys(without(held_out), method, shots)
        if not keys:
            return
        settings = self.settings
        judge = Judge(self.network, dice_loss if method == MAML else dice_and_entropy)
        inner = GradientDescent(settings.inner_rate, settings.inner_steps)
        outer = Outer(settings.outer_rate, settings.iterations, settings.minutes)
        if method == MENDED:
            inner = replace(inner, rate=settings.mended_rate, clip=settings.mended_clip)
            outer = replace(outer, clip=10.0)
        sources = [line for line in self.lines if line.name != held_out]
        rng = np.random.default_rng([settings.seed, shots, batch])
        chosen = in_turn(len(sources), batch, rng)

        def sample() -> list[TaskLosses]:
            return [self._task(judge, sources[i], shots, rng) for i in next(chosen)]

        steps = meta_train(
            self.start, sample, lambda task, at: maml(task, at, inner), outer
        )
        trained = yield from named(
            steps, f"{method}, {shots} shots, {without(held_out)}"
        )
        lines = {line.name: line for line in self.lines}
        for key in keys:
            line = lines[key.test]
            support, query = self._draw(line, key)
            adapted = inner.adapt(
                judge.losses(line.examples(support, self.device)), trained.params
            )
            before, after = (
                self._score(judge, p, line, query) for p in (trained.params, adapted)
            )
            seen = key.test != held_out
            yield self.ledger.add(Row(key, seen, before, after, trained.effort))

    def _task(
        self, judge: Judge, line: CellLine, shots: int, rng: np.random.Generator
    ) -> TaskLosses:
        order = rng.permutation(len(line.images)).tolist()
        support, query = order[:shots], order[shots : shots + self.settings.query]
        return judge.task(
            line.examples(support, self.device), line.examples(query, self.device)
        )
