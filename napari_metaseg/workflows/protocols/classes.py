"""Reptile for classification (Hu, Tomczak and Welling 2018), with classes of cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import numpy as np
import torch

from napari_metaseg.core.cell_evidence import fit_evidence
from napari_metaseg.core.cell_fit import FitSettings, KnownCells, fit
from napari_metaseg.core.cell_network import CellNetwork, transferred
from napari_metaseg.core.class_metrics import ClassScores, score_classes
from napari_metaseg.core.generators import relay
from napari_metaseg.data.cell_kinds import FIXED, draw_fixed
from napari_metaseg.learners.pretrain_classes import pretrain
from napari_metaseg.workflows.benchmark.extras import need
from napari_metaseg.workflows.journal import Journal

from .classes_settings import ALONE, FOREST, METHODS, PRETRAINED, RANDOM

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_metaseg.data.cell_kinds import CellPool
    from napari_metaseg.io.class_bundle import ClassBundle

    from .cell_images import CellImage, Kinds
    from .classes_settings import ClassesSettings

TREES = 100


class ClassKey(NamedTuple):
    """What a row is about.

    Attributes
    ----------
    amount : str
        How many examples there were: ``"3 a class"``, ``"50 %"``.
    kind : str
        By what the classes are told apart.
    image : str
        Whose cells they are.
    method : str
        Name of the method.
    draw : int
        Number of the choice of examples.
    """

    amount: str
    kind: str
    image: str
    method: str
    draw: int


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One draw of one method.

    Attributes
    ----------
    key : ClassKey
        What it is about.
    ordered : bool
        Whether the classes have an order.
    scores : ClassScores
        Of all cells that are no examples.
    """

    key: ClassKey
    ordered: bool
    scores: ClassScores


class _Draw(NamedTuple):
    """Cells to learn from and to be judged by, by their place in the image."""

    amount: str
    number: int
    examples: NDArray[np.intp]
    others: NDArray[np.intp]


def run_classes(
    images: Sequence[CellImage],
    settings: ClassesSettings,
    *,
    pools: Sequence[CellPool],
    bundle: ClassBundle,
    output: Path | None = None,
) -> Generator[str, None, list[ClassRow]]:
    """Run the protocol.

    Parameters
    ----------
    images : sequence of CellImage
        To be classified.
    settings : ClassesSettings
        The experiment.
    pools : sequence of CellPool
        Cells for the supervised pre-training.
    bundle : ClassBundle
        The start that Reptile made.
    output : Path, optional
        File to which rows are appended; those it holds are not computed again.

    Yields
    ------
    str
        How far it has come.

    Returns
    -------
    list of ClassRow
    """
    header = {
        **asdict(settings),
        "tasks": sorted({pool.task for pool in pools}),
        "reptile": bundle.card["sha256"],
    }
    # They only choose rows, so a file can grow by them.
    for choice in ("shots", "shares", "draws", "images"):
        header.pop(choice)
    journal = Journal(output, header, "classes")
    rows = {row.key: row for row in map(_read_row, journal.rows)}
    wanted = list(_wanted(images, settings))
    keys = [
        ClassKey(draw.amount, kinds.name, image.name, method, draw.number)
        for image, kinds, draw in wanted
        for method in METHODS
    ]
    if all(key in rows for key in keys):
        return [rows[key] for key in keys]
    trained = yield from _pretrained(pools, settings)
    starts = {PRETRAINED: trained.body(), "Reptile": bundle.body}
    for number, (image, kinds, draw) in enumerate(wanted, start=1):
        for method in METHODS:
            key = ClassKey(draw.amount, kinds.name, image.name, method, draw.number)
            if key in rows:
                continue
            count = int(kinds.classes.max()) + 1
            found = _found(image, kinds, draw, method, starts, settings)
            scores = score_classes(kinds.classes[draw.others], found, count)
            rows[key] = ClassRow(key, kinds.ordered, scores)
            journal.append(_as_dict(rows[key]))
        told = f"{image.name}, {kinds.name}, {draw.amount}"
        yield f"{number} of {len(wanted)}: {told}"
    return [rows[key] for key in keys]


def _wanted(
    images: Sequence[CellImage], settings: ClassesSettings
) -> Iterator[tuple[CellImage, Kinds, _Draw]]:
    """Say what is to be classified: a few examples of two, or shares of ordered ones.

    Kinds of objects that are known, and not made by a rule, take part in both.
    """
    for number, image in product(range(settings.draws), images):
        for kinds in image.kinds:
            real = len(image.kinds) == 1
            source = f"{image.name} {kinds.name}".encode()
            rng = np.random.default_rng([settings.seed, number, crc32(source)])
            members = [
                rng.permutation(np.flatnonzero(kinds.classes == k))
                for k in range(int(kinds.classes.max()) + 1)
            ]
            if real or not kinds.ordered:
                for shots in settings.shots:
                    parts = [(m[:shots], m[shots:]) for m in members]
                    yield image, kinds, _drawn(f"{shots} a class", number, parts)
            if real or kinds.ordered:
                for share in settings.shares:
                    parts = [_shared(m, share) for m in members]
                    yield image, kinds, _drawn(f"{share} %", number, parts)


def _shared(
    members: NDArray[np.intp], share: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    half = len(members) // 2
    return members[: max(1, half * share // 100)], members[half:]


def _drawn(
    amount: str, number: int, parts: list[tuple[NDArray[np.intp], NDArray[np.intp]]]
) -> _Draw:
    examples, others = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Draw(amount, number, examples, others)


def _pretrained(
    pools: Sequence[CellPool], settings: ClassesSettings
) -> Generator[str, None, CellNetwork]:
    steps = pretrain(
        partial(draw_fixed, pools),
        classes=FIXED,
        steps=settings.iterations,
        seed=settings.seed,
    )
    total = settings.iterations
    return (
        yield from relay(
            steps,
            lambda at: f"pre-training, step {at[0]} of {total}: loss {at[1]:.3f}",
        )
    )


def _found(
    image: CellImage,
    kinds: Kinds,
    draw: _Draw,
    method: str,
    starts: dict[str, dict[str, torch.Tensor]],
    settings: ClassesSettings,
) -> NDArray[np.int64]:
    """Classify the cells that are no examples."""
    classes = kinds.classes[draw.examples]
    if method == FOREST:
        forest = need("sklearn.ensemble").RandomForestClassifier(
            TREES, random_state=settings.seed
        )
        forest.fit(image.features[draw.examples], classes)
        return np.asarray(forest.predict(image.features[draw.others]))
    count = int(kinds.classes.max()) + 1
    chosen, others = (torch.from_numpy(x) for x in (draw.examples, draw.others))
    told = fit_evidence(image.measures[chosen], torch.from_numpy(classes), count)
    evidence = told.of(image.measures[others])
    if method == ALONE:
        return np.asarray(evidence.argmax(1))
    if method == RANDOM:
        torch.manual_seed(draw.number)
    start = transferred(starts.get(method, {}), count)
    inputs = image.crops
    if not settings.whole:
        with torch.no_grad():
            inputs = start.early(inputs)
    known = KnownCells(
        inputs[chosen],
        image.sizes[chosen],
        image.measures[chosen],
        torch.from_numpy(classes),
    )
    how = FitSettings(settings.rate, settings.steps, whole=settings.whole)
    net, _ = fit(start, known, how, seed=draw.number)
    with torch.no_grad():
        look = net if settings.whole else net.late
        logits = look(inputs[others], image.sizes[others], evidence)
    return np.asarray(logits.argmax(1))


def _as_dict(row: ClassRow) -> dict[str, Any]:
    return {**row.key._asdict(), "ordered": row.ordered, **asdict(row.scores)}


def _read_row(line: dict[str, Any]) -> ClassRow:
    return ClassRow(
        ClassKey(*(line[k] for k in ClassKey._fields)),
        line["ordered"],
        ClassScores(line["balanced"], line["f1"], line["kappa"]),
    )
