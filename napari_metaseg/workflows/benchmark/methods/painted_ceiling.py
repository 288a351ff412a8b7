"""What the painted images can tell at most: the same network, told all of them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from napari_metaseg.core.devices import pick_device
from napari_metaseg.io.bundle import CONTROL, load_bundle

from .adaptation import bundle_fingerprint
from .ceiling import FittedCeiling
from .fingerprint import fingerprint
from .supervised import CeilingSettings, train_supervised

if TYPE_CHECKING:
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted


@dataclass(frozen=True)
class PaintedCeiling:
    """Full supervision by the images on which something is painted, and no others.

    Between it and the `Ceiling` lies how images of a task differ; between it and a
    method that is told a few cells, what the rest of the painted image would add.

    Attributes
    ----------
    init : str
        Name or folder of the bundle to start from.
    device : str
        See `napari_metaseg.core.devices.pick_device`.
    settings : CeilingSettings
        How it is trained; its parts of a task play no role.
    """

    init: str = CONTROL
    device: str = "auto"
    settings: CeilingSettings = field(default_factory=CeilingSettings)
    name: str = "ceiling-painted"
    origin: str = "ceiling-painted"
    starts: tuple[str, ...] = ()
    _last: dict[tuple[str, tuple[int, ...]], FittedCeiling] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def fingerprint(self) -> str:
        """Name the weights and the settings."""
        weights = bundle_fingerprint(load_bundle(self.init))
        return fingerprint(self.name, weights, asdict(self.settings))

    def fit(
        self, painted: Painted, *, previous: Fitted | None = None
    ) -> FittedCeiling | None:
        """Train on the whole painted images, once for all that is painted on them.

        Returns
        -------
        FittedCeiling or None
            None where a painted image is scored itself.
        """
        task = painted.task
        told = tuple(sorted(index for index, _ in painted.annotations))
        if set(told) & set(painted.scored):
            return None
        key = task.name, told
        if key not in self._last:
            # Regimes of a draw come one after the other; more is not kept.
            self._last.clear()
            start = time.perf_counter()
            bundle, device = load_bundle(self.init), pick_device(self.device)
            segmenter = train_supervised(task, told, bundle, device, self.settings)
            others = [i for i in range(len(task.images)) if i not in told]
            seconds = time.perf_counter() - start
            self._last[key] = FittedCeiling(task, [others], [segmenter], seconds)
        return self._last[key]
