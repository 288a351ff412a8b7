"""iMAML for polyps and skin lesions (Khadka et al. 2022, Comput. Biol. Med. 143)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
import torch

from napari_metaseg.core.attention_unet import COARSEST, AttentionUNet
from napari_metaseg.core.devices import pick_device
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.metrics import mask_dice
from napari_metaseg.core.proximal import ProximalSettings
from napari_metaseg.learners.inner import AdamDescent, Inner, Proximity
from napari_metaseg.learners.published import (
    MetaGradient,
    TaskLosses,
    imaml,
    imaml_shortcut,
    joint,
    maml,
)
from napari_metaseg.workflows.journal import Journal

from .report import Story, changed
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

SUPERVISED, MAML, IMAML = "supervised", "MAML", "iMAML, solved"
SHORTCUT = "iMAML, published shortcut"
METHODS = (SUPERVISED, MAML, IMAML, SHORTCUT)


@dataclass(frozen=True, slots=True)
class LesionSettings:
    """The experiment; defaults are those of the paper's published code.

    Attributes
    ----------
    shots : tuple of int
        Support images of each set in a task; as many query images.
    inner_rate, inner_steps : float, int
        Of a fresh Adam.
    outer_rate : float
        Of Adam.
    iterations : int
        Meta-steps of one task each: 100 epochs of 20 tasks.
    size : int
        Side of the images, px.
    width : float
        Factor on the channels of the network.
    threshold : float
        Probability from which a pixel is foreground: the code's 0.3, which it
        applies to logits.
    shortcut_strength, shortcut_cg : float, int
        Strength and conjugate-gradient steps of the published shortcut.
    strength, tolerance, evaluations : float, float, int
        The inner problem of iMAML, solved: weight of the proximal term, gradient norm
        to reach, and gradients of the support loss after which it ends all the same.
    cg_steps, cg_tolerance : int, float
        Of its conjugate gradients.
    scored : int
        At most so many query images of a draw are scored.
    draws : int
        Choices of support images for each tested set.
    minutes : float or None
        Wall time of each training, at most.
    seed : int
        Fixes all that is random.
    """

    shots: tuple[int, ...] = (5, 10)
    inner_rate: float = 1e-4
    inner_steps: int = 5
    outer_rate: float = 1e-4
    iterations: int = 2000
    size: int = 256
    width: float = 1.0
    threshold: float = float(1 / (1 + np.exp(-0.3)))
    shortcut_strength: float = 100.0
    shortcut_cg: int = 1
    strength: float = 2.0
    tolerance: float = 0.03
    evaluations: int = 100
    cg_steps: int = 10
    cg_tolerance: float = 0.02
    scored: int = 20
    draws: int = 10
    minutes: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises
        ------
        UserError
            If they make no experiment.
        """
        counts = (*self.shots, self.iterations, self.draws, self.inner_steps)
        if min(*counts, self.scored) < 1 or self.width <= 0:
            raise UserError("Numbers of images, steps and draws start at 1.")
        if self.size % COARSEST or self.size < 2 * COARSEST:
            raise UserError(
                f"The side of the images must be a multiple of {COARSEST} px, and "
                f"{2 * COARSEST} px or more."
            )


_CHANGES = {
    "shots": "Support images",
    "inner_rate": "Inner rate",
    "inner_steps": "Inner steps",
    "outer_rate": "Outer rate",
    "iterations": "Meta-steps",
    "size": "Side of the images (px)",
    "width": "Width of the network",
}


def story(settings: LesionSettings) -> Story:
    """Tell what is done and where it is not the paper's experiment."""
    fixed = [
        "The network starts from random weights, the published code from a U-Net for "
        "brain MRI.",
        "Dice takes part in the loss as cross-entropy plus soft Dice; in the published "
        "code its logarithm of the hyperbolic cosine is a constant without a gradient.",
        "Every task is drawn anew; the published code draws 20 once.",
        "The last state is tested; the published code keeps the best by the test set.",
        "Batch normalisation uses the statistics of the batch, also in the test.",
        f"'{IMAML}' is not the published code: strength {settings.strength:g}, the "
        f"inner problem solved to a gradient norm of {settings.tolerance:g}, "
        f"{settings.cg_steps} conjugate-gradient steps.",
        f"'{SUPERVISED}' learns the same images without an inner loop, for as many "
        "meta-steps, and is fine-tuned as the others are.",
    ]
    if settings.minutes is not None:
        fixed.insert(0, f"Each training ends after {settings.minutes:g} minutes.")
    return Story(
        "iMAML for polyps and skin lesions (Khadka et al. 2022)",
        "Dice",
        asdict(settings),
        (*changed(settings, _CHANGES), *fixed),
        LesionSettings().iterations,
        ((MAML, SUPERVISED), (SHORTCUT, MAML), (IMAML, MAML), (IMAML, SHORTCUT)),
    )


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
        if method == SUPERVISED:
            return joint(task, params)
        if method == MAML:
            return maml(task, params, self._inner(method))
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
        if method == IMAML:
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
