"""What the painted images can tell at most: the same network, told all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from napari_metaseg.io.bundle import load_bundle

from .adaptation import bundle_fingerprint
from .ceiling import Ceiling, FittedCeiling
from .fingerprint import fingerprint

if TYPE_CHECKING:
    from napari_metaseg.workflows.benchmark.draws import Painted

    from .protocol import Fitted


@dataclass(frozen=True)
class PaintedCeiling(Ceiling):
    """Full supervision by the images on which something is painted, and no others.

    Between it and the `Ceiling` lies how images of a task differ; between it and a
    method that is told a few cells, what the rest of the painted image would add. The
    parts of a task that its settings speak of play no role.
    """

    name: str = "ceiling-painted"
    origin: str = "ceiling-painted"

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
        others = [i for i in range(len(task.images)) if i not in told]
        return self._trained(task, [others], (told,))
