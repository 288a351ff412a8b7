"""A network before and after adaptation, and what it draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.core.generators import relay
from napari_metaseg.core.tiles import TILE, predict

from .blend import blend

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_metaseg.core.network import PrototypeUNet

    from .state import State


@dataclass(frozen=True)
class Network:
    """A network before and after adaptation.

    Attributes
    ----------
    module : PrototypeUNet
        Structure.
    initial : State
        What draws before adaptation, and knows the images but not what is painted:
        the meta-initialization, or the network that stands in for it there.
    adapted : State
        After the inner loop.
    share : float
        What the initial state counts in what the adapted one draws, see
        `unadapted_share`.
    mirrors : int
        How many mirror images what the adapted network draws is averaged over, of
        `napari_metaseg.core.settings.MIRRORS`.
    """

    module: PrototypeUNet = field(repr=False)
    initial: State = field(repr=False)
    adapted: State = field(repr=False)
    share: float = 0.0
    mirrors: int = 1

    def draw(
        self,
        image: NDArray[np.float32],
        *,
        adapted: bool,
        tile: int = TILE,
        where: NDArray[np.bool_] | None = None,
    ) -> Generator[float, None, NDArray[np.float16]]:
        """Draw foreground and cue of one plane, or of parts of it, see `predict`."""

        def drawn(
            state: State, mirrors: int
        ) -> Generator[float, None, NDArray[np.float16]]:
            maps = yield from predict(
                self.module,
                state.params,
                image,
                state.context,
                tile=tile,
                where=where,
                mirrors=mirrors,
            )
            return maps.astype(np.float16)

        if not adapted:
            return (yield from drawn(self.initial, 1))
        after = drawn(self.adapted, self.mirrors)
        if not self.share:
            return (yield from after)
        part = 1 / (1 + self.mirrors)
        before = yield from relay(drawn(self.initial, 1), lambda done: part * done)
        ended = yield from relay(after, lambda done: part + (1 - part) * done)
        return blend(before, ended, self.share)
