"""Numbers for instances that have none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unused_numbers(taken: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return numbers above those taken, or gaps where int32 ends.

    Parameters
    ----------
    taken : array of int32
        Numbers in use.
    count : int
        How many are wanted.

    Returns
    -------
    (count,) array of int64
    """
    top = max(0, int(taken.max(initial=0)))
    if top + count <= np.iinfo(np.int32).max:
        return np.arange(top + 1, top + 1 + count)
    used = np.unique(taken)
    return np.setdiff1d(np.arange(1, len(used) + count + 1), used)[:count]
