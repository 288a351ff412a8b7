"""Running a learned method over the images that are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_metaseg.core.errors import UserError

from .scores import Scores, mean_scores, score

if TYPE_CHECKING:
    from .draws import Painted
    from .methods.protocol import Fitted

Segment = Callable[[NDArray[Any]], NDArray[np.int32] | None]


def score_images(segment: Segment, painted: Painted) -> Scores | None:
    """Average the scores over the images of a draw that are scored.

    Parameters
    ----------
    segment : callable
        From an image to instances. An image that it refuses counts as one in which
        it finds nothing.
    painted : Painted
        The images; painted cells among them take no part.

    Returns
    -------
    Scores or None
        None if the method has no result at this stage.
    """
    scores = []
    for index in painted.scored:
        truth = painted.task.masks[index]
        try:
            found = segment(painted.task.images[index])
        except UserError:
            found = np.zeros_like(truth)
        if found is None:
            return None
        scores.append(score(truth, found, painted.on(index)))
    return mean_scores(scores)


def shown(fitted: Fitted) -> Segment:
    """Return what a person gets: the result before where the method reverts."""
    return fitted.before if fitted.reverted else fitted.after
