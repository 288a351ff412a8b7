"""iMAML for polyps and skin lesions (Khadka et al. 2022, Comput. Biol. Med. 143)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
import torch

from napari_metaseg.core.attention_unet import AttentionUNet
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import mask_dice
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.learners.inner import AdamDescent, Inner, Proximity
from napari_metaseg.learners.published import (
    MetaGradient,
    TaskLosses,
    first_order,
    imaml,
    imaml_shortcut,
    joint,
    maml,
)
from napari_metaseg.workflows.journal import Journal

from .lesions_settings import (
    CONTROL,
    FIRST,
    IMAML,
    MAML,
    METHODS,
    SHORTCUT,
    SUPERVISED,
    LesionSettings,
)
from .rows import Key, Ledger, Row
from .training import (
    Examples,
    Judge,
    Outer,
    dice_and_entropy,
    initial_params,
    meta_train,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_metaseg.core.network import Params
    from napari_metaseg.io.sources.lesions import LesionSet


class Pool(NamedTuple):
    """What is meta-trained on: one set, or several mixed in each task."""

    members: tuple[LesionSet, ...]

    @property
    def name(self) -> str:
        """The names of its sets."""
        return " + ".join(member.name for member in self.members)


def make_pools(
    sets: Sequence[LesionSet], tested: Sequence[str], shots: int
) -> dict[Pool, list[LesionSet]]:
    """Pair what is trained on with the unseen sets that it is tested on.

    Parameters
    ----------
    sets : sequence of LesionSet
        All of them.
    tested : sequence of str
        Names of those to test on.
    shots : int
        Support images; a set with no image beyond them takes no part.

    Returns
    -------
    dict of Pool to list of LesionSet
        Each set alone (unique), and all but the tested one together (mixed).
    """
    usable = [s for s in sets if len(s.pairs) > shots]
    pools: dict[Pool, list[LesionSet]] = {}
    for test in (s for s in usable if s.name in tested):
        others = tuple(s for s in usable if s is not test)
        mixed = [others] if len(others) > 1 else []
        for members in [*((s,) for s in others), *mixed]:
            pools.setdefault(Pool(members), []).append(test)
    return pools


def run_lesions(
    sets: Sequence[LesionSet],
    settings: LesionSettings,
    *,
    tested: Sequence[str],
    output: Path | None = None,
    device: str = "auto",
) -> Generator[str, None, list[Row]]:
    """Run the protocol.

    Parameters
    ----------
    sets : sequence of LesionSet
        See `napari_metaseg.io.sources.lesions`.
    settings : LesionSettings
        The experiment.
    tested : sequence of str
        Names of the sets to test on, each never trained on then.
    output : Path, optional
        File to which rows are appended; those it holds are not computed again.
    device : str
        Where to compute.

    Yields
    ------
    str
        How far it has come.

    Returns
    -------
    list of Row

    Raises
    ------
    UserError
        If there is no such set, or the file is of another run.
    """
    names = [s.name for s in sets]
    wrong = sorted(set(tested) - set(names))
    if wrong:
        raise UserError(f"There is no set '{wrong[0]}'; there are {', '.join(names)}.")
    if len(sets) < 2:
        raise UserError(f"There is only the set '{names[0]}'; give two or more.")
    header = {**asdict(settings), "sets": names}
    # They only choose rows, so a file can grow by them.
    for choice in ("shots", "draws"):
        header.pop(choice)
    run = _Run(settings, Journal(output, header, "lesions"), device)
    for shots in settings.shots:
        for pool, tests in make_pools(sets, tested, shots).items():
            for method in METHODS:
                yield from run.measure(pool, tests, method, shots)
    return [row for row in run.ledger.rows.values() if row.key.test in tested]


class _Run:
    """What the rows of a run have in common."""

    def __init__(self, settings: LesionSettings, journal: Journal, device: str) -> None:
        self.settings = settings
        self.device = pick_device(device)
        self.ledger = Ledger(journal)
        torch.manual_seed(settings.seed)
        network = AttentionUNet(3, settings.width).to(self.device)
        self.judge = Judge(network, dice_and_entropy, settings.threshold)
        self.start = initial_params(network)
        self.read: dict[str, Examples] = {}

    def measure(
        self, pool: Pool, tests: Sequence[LesionSet], method: str, shots: int
    ) -> Generator[str, None, None]:
        """Train on a pool, and test on every unseen set."""
        settings = self.settings
        by_name = {test.name: test for test in tests}
        keys = self.ledger.missing(
            Key(pool.name, method, shots, test.name, number)
            for test in tests
            for number in range(settings.draws)
        )
        if not keys:
            return
        rng = np.random.default_rng([settings.seed, shots, crc32(pool.name.encode())])
        steps = meta_train(
            self.start,
            lambda: [self._task(pool, shots, rng)],
            lambda task, params: self._gradient(method, task, params),
            Outer(settings.outer_rate, settings.iterations, settings.minutes),
        )
        trained = yield from named(steps, f"{method} ({pool.name}), {shots} shots")
        for key in keys:
            test = by_name[key.test]
            seed = [settings.seed, shots, key.draw, crc32(test.name.encode())]
            order = np.random.default_rng(seed).permutation(len(test.pairs))
            support = self._examples(test, order[:shots])
            query = self._examples(test, order[shots : shots + settings.scored])
            adapted = self._inner(method).adapt(
                self.judge.losses(support), trained.params
            )
            before, after = (
                self._score(params, query) for params in (trained.params, adapted)
            )
            yield self.ledger.add(Row(key, False, before, after, trained.effort))

    def _gradient(self, method: str, task: TaskLosses, params: Params) -> MetaGradient:
        settings = self.settings
        if method in (SUPERVISED, CONTROL):
            return joint(task, params)
        if method == MAML:
            return maml(task, params, self._inner(method))
        if method == FIRST:
            return first_order(task, params, self._inner(method))
        if method == SHORTCUT:
            return imaml_shortcut(
                task,
                params,
                self._inner(method),
                strength=settings.shortcut_strength,
                cg_steps=settings.shortcut_cg,
            )
        return imaml(
            task,
            params,
            self._problem(),
            cg_steps=settings.cg_steps,
            cg_tolerance=settings.cg_tolerance,
        )

    def _inner(self, method: str) -> Inner:
        if method in (IMAML, CONTROL):
            return Proximity(self._problem())
        return AdamDescent(self.settings.inner_rate, self.settings.inner_steps)

    def _problem(self) -> ProximalSettings:
        settings = self.settings
        return ProximalSettings(
            settings.strength, settings.tolerance, settings.evaluations
        )

    def _task(self, pool: Pool, shots: int, rng: np.random.Generator) -> TaskLosses:
        parts = []
        for member in pool.members:
            order = rng.permutation(len(member.pairs))
            parts.append(
                (
                    self._examples(member, order[:shots]),
                    self._examples(member, order[shots : 2 * shots]),
                )
            )
        support, query = (_join(column) for column in zip(*parts, strict=True))
        return self.judge.task(support, query)

    def _examples(self, lesions: LesionSet, chosen: np.ndarray) -> Examples:
        # Some tens of images, so all are kept.
        if lesions.name not in self.read:
            side = self.settings.size
            pairs = [lesions.read(i, side) for i in range(len(lesions.pairs))]
            images, masks = (np.stack(column) for column in zip(*pairs, strict=True))
            self.read[lesions.name] = Examples(
                torch.from_numpy(images), torch.from_numpy(masks.astype(np.float32))
            )
        every = self.read[lesions.name]
        index = torch.from_numpy(chosen)
        return Examples(
            every.images[index].to(self.device), every.masks[index].to(self.device)
        )

    def _score(self, params: Params, query: Examples) -> float:
        drawn = self.judge.masks(params, query.images)
        return mask_dice(drawn, query.masks.cpu().numpy() > 0)


def _join(parts: Sequence[Examples]) -> Examples:
    return Examples(*(torch.cat(column) for column in zip(*parts, strict=True)))
