"""The simulated correction loop: fix an error, learn again, score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .draws import CELLS_ONLY
from .errors import Correction, all_errors, worst_error
from .judge import score_images, shown
from .methods.protocol import WARM, Suggesting
from .rows import Curve, Point
from .settings import SUGGESTED, WORST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .draws import Draw, Labels, Painted
    from .methods.protocol import Fitted, Method


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

    The loop begins with the cells of a draw, without strokes. Rounds go through the
    painted image and others that are not scored in turn, see `next_round`.

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
        if done == rounds:
            break
        corrected = next_round(draw, fitted, painted, done, place)
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
        draw.seed,
    )


def next_round(
    draw: Draw, fitted: Fitted, painted: Painted, done: int, place: str = WORST
) -> Painted | None:
    """Correct an error of the image whose turn it is.

    Turns go through the images at hand (`Draw.at_hand`). One without an error that can
    be corrected is passed over; if all are, the spare images follow.

    Parameters
    ----------
    draw : Draw
        First cells, and the images that are scored.
    fitted : Fitted
        What the last round has learned.
    painted : Painted
        What it has learned from.
    done : int
        Rounds so far.
    place : str
        Which error is corrected, see `correct`.

    Returns
    -------
    Painted or None
        None if no image has an error left that can be corrected.
    """
    task = painted.task
    scored = len(painted.scored)
    at_hand = draw.at_hand(scored)
    turn = done % len(at_hand)
    in_turn = *at_hand[turn:], *at_hand[:turn], *draw.spare(scored)
    for index in dict.fromkeys(in_turn):
        known = painted.on(index)
        annotation = np.zeros_like(task.masks[index]) if known is None else known
        found = shown(fitted)(task.images[index])
        assert found is not None
        seen = task.masks[index], found, annotation
        strike = task.info.complete
        rng = np.random.default_rng([draw.number, painted.n_cells, index, draw.seed])
        if place == WORST:
            correction = worst_error(*seen, strike=strike)
        else:
            every = [c for kind in all_errors(*seen, strike=strike) for c in kind]
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
