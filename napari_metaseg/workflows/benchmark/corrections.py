"""The simulated correction loop: fix an error, learn again, score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from napari_metaseg.core.annotation import LEAST_AREA
from napari_metaseg.core.metrics import iou_matrix

from .draws import CELLS_ONLY, whole_cells
from .judge import score_images, shown
from .methods.protocol import WARM, Suggesting
from .rows import Curve, Point
from .settings import SUGGESTED, WORST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .draws import Draw, Labels, Painted
    from .methods.protocol import Fitted, Method


class Correction(NamedTuple):
    """What a person paints in one round.

    Attributes
    ----------
    error : float
        Size (px) of the error that it corrects.
    annotation : (Y, X) array of int32
        The annotation with the correction painted in.
    """

    error: float
    annotation: Labels

    def place(self, before: Labels) -> NDArray[np.floating]:
        """Return the middle (y, x) of what was painted since."""
        middle: NDArray[np.floating] = np.argwhere(self.annotation != before).mean(0)
        return middle


def loop_name(start: str, place: str) -> str:
    """Name where rounds start and which error they correct."""
    return start if place == WORST else f"{start}, {place}"


def correct(
    draw: Draw,
    method: Method,
    start: str,
    *,
    rounds: int,
    images: int,
    place: str = WORST,
) -> Curve | None:
    """Correct an error again and again.

    The loop begins with the cells of a draw, without strokes. Corrections are made on
    the painted image and, once that has no error left, on images of the task that are
    neither painted nor scored.

    Parameters
    ----------
    draw : Draw
        First cells, and the images that are scored.
    method : Method
        Learns anew in every round.
    start : str
        One of the method's starts: `WARM` goes on from where the last round ended.
    rounds : int
        Number of corrections.
    images : int
        At most so many images are scored.
    place : str
        Which error is corrected: the worst, the one nearest to the place that the
        method suggests, or one at random.

    Returns
    -------
    Curve or None
        None if the task gives the method nothing to learn from, or the method has no
        place to suggest.
    """
    painted = draw.painted(CELLS_ONLY, images)
    first = painted.n_cells
    fitted: Fitted | None = None
    points: list[Point] = []
    for done in range(rounds + 1):
        fitted = method.fit(painted, previous=fitted if start == WARM else None)
        if fitted is None or (
            place == SUGGESTED and not isinstance(fitted, Suggesting)
        ):
            return None
        scores = score_images(shown(fitted), painted)
        assert scores is not None
        strokes = done - (painted.n_cells - first)
        points.append(Point(done, painted.n_cells, strokes, scores.ap50))
        corrected = None if done == rounds else next_round(draw, fitted, painted, place)
        if corrected is None:
            break
        painted = corrected
    info = draw.task.info
    return Curve(
        draw.task.name,
        loop_name(start, place),
        rounds,
        draw.number,
        method.name,
        info.source,
        method.fingerprint,
        points,
    )


def next_round(
    draw: Draw, fitted: Fitted, painted: Painted, place: str = WORST
) -> Painted | None:
    """Correct an error of the first image that has one, see `correct`.

    Returns
    -------
    Painted or None
        None if no image has an error left that can be corrected.
    """
    task = painted.task
    spare = [i for i in draw.others if i not in painted.scored]
    for index in [draw.image, *spare]:
        known = painted.on(index)
        annotation = np.zeros_like(task.masks[index]) if known is None else known
        found = shown(fitted)(task.images[index])
        assert found is not None
        seen = task.masks[index], found, annotation
        strike = task.info.complete
        rng = np.random.default_rng([draw.number, painted.n_cells, index])
        if place == WORST:
            correction = worst_error(*seen, strike=strike)
        else:
            every = [c for kind in _errors(*seen, strike=strike) for c in kind]
            image = task.images[index]
            correction = _choose(place, every, fitted, image, annotation, rng)
        if correction is not None:
            return _repainted(painted, index, correction.annotation)
    return None


def _choose(
    place: str,
    corrections: list[Correction],
    fitted: Fitted,
    image: NDArray[np.generic],
    annotation: Labels,
    rng: np.random.Generator,
) -> Correction | None:
    """Choose a correction at random, or the one nearest to what is suggested."""
    if not corrections:
        return None
    wanted = None
    if place == SUGGESTED and isinstance(fitted, Suggesting):
        wanted = fitted.suggest(image, annotation)
    if wanted is None:
        return corrections[rng.integers(len(corrections))]
    far = [np.linalg.norm(c.place(annotation) - wanted) for c in corrections]
    return corrections[int(np.argmin(far))]


def _repainted(painted: Painted, index: int, annotation: Labels) -> Painted:
    """Put an annotation in, a new cell with the next number, as in the panel."""
    known = painted.on(index)
    new = annotation > 0 if known is None else (annotation > 0) & (known != annotation)
    following = 1 + max(int(a.max()) for _, a in painted.annotations)
    annotation = np.where(new, following, annotation).astype(np.int32)
    pairs = dict(painted.annotations) | {index: annotation}
    return replace(painted, annotations=tuple(pairs.items()))


def worst_error(
    truth: Labels, found: Labels, annotation: Labels, *, strike: bool = True
) -> Correction | None:
    """Find the worst error of an image and paint what corrects it.

    A missed cell (a true object without a match at IoU 0.5) is painted; its error is
    the share of its area that the best match leaves, times the area. A false object
    (one that touches no true object) gets a short stroke; its error is its area.
    What is painted or struck already counts as corrected.

    Parameters
    ----------
    truth, found : (Y, X) arrays of int32
        Instances.
    annotation : (Y, X) array of int32
        What is painted so far.
    strike : bool
        Whether false objects are struck: not where truth is incomplete.

    Returns
    -------
    Correction or None
        None if there is no such error.
    """
    kinds = _errors(truth, found, annotation, strike=strike)
    firsts = [c for c in (next(kind, None) for kind in kinds) if c is not None]
    return max(firsts, key=lambda c: c.error, default=None)


def _errors(
    truth: Labels, found: Labels, annotation: Labels, *, strike: bool
) -> list[Iterator[Correction]]:
    """Return the corrections of each kind of error, the worst first."""
    missed = _missed_cells(truth, found, annotation)
    false = _false_objects(truth, found, annotation)
    return [missed, false] if strike else [missed]


def _missed_cells(
    truth: Labels, found: Labels, annotation: Labels
) -> Iterator[Correction]:
    numbers = np.unique(truth[truth > 0])
    area = np.bincount(truth.ravel())
    best = iou_matrix(truth, found).max(1, initial=0)
    done = set(np.unique(truth[annotation > 0]).tolist())
    errors = area[numbers] * (1 - best)
    for k in np.argsort(-errors, kind="stable"):
        if best[k] >= 0.5 or int(numbers[k]) in done:
            continue
        cell = whole_cells(truth, [int(numbers[k])])
        if np.count_nonzero(cell) < LEAST_AREA:
            continue
        # Strokes that were drawn over it before give way to the cell.
        yield Correction(float(errors[k]), np.where(cell > 0, cell, annotation))


def _false_objects(
    truth: Labels, found: Labels, annotation: Labels
) -> Iterator[Correction]:
    area = np.bincount(found.ravel())
    known = np.unique(found[(truth > 0) | (annotation != 0)])
    area[np.append(known, 0)] = 0
    for worst in np.argsort(-area, kind="stable"):
        if not area[worst]:
            return
        stroke = stroke_inside(found == worst)
        yield Correction(float(area[worst]), np.where(stroke, -1, annotation))


def stroke_inside(thing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Strike an object: a short line, 3 px wide, through its innermost point.

    Parameters
    ----------
    thing : (Y, X) array of bool
        The object.

    Returns
    -------
    (Y, X) array of bool
        Along the object's main axis, one of its standard deviations to either side,
        and nowhere outside it.
    """
    points = np.argwhere(thing).astype(float)
    depth = ndi.distance_transform_edt(np.pad(thing, 1))[1:-1, 1:-1]
    middle = np.array(np.unravel_index(depth.argmax(), depth.shape), float)
    spread, axes = np.linalg.eigh(np.cov(points.T) if len(points) > 1 else np.eye(2))
    reach = float(np.sqrt(max(spread[-1], 0)))
    along = np.arange(-reach, reach + 0.5, 0.5)[:, None] * axes[:, -1]
    line = np.round(middle + along).astype(int)
    line = line[((line >= 0) & (line < thing.shape)).all(1)]
    drawn = np.zeros(thing.shape, bool)
    drawn[tuple(line.T)] = True
    stroke: NDArray[np.bool_] = ndi.binary_dilation(drawn, np.ones((3, 3))) & thing
    return stroke
