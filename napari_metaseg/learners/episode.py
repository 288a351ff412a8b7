"""Episodes as learners see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_metaseg.core.evidence import without_evidence

if TYPE_CHECKING:
    from torch import Tensor

    from napari_metaseg.core.inner_loop import Support
    from napari_metaseg.core.losses import Dense


class EpisodeTensors(NamedTuple):
    """What a learner needs of an episode.

    Attributes
    ----------
    support : Support
        What was painted.
    query_inputs : (M, IN_CHANNELS, Y, X) tensor
        Crops in which every object is known, with the support's evidence.
    query_target : Dense
        Their targets, each (M, Y, X).
    """

    support: Support
    query_inputs: Tensor
    query_target: Dense

    def without_evidence(self) -> EpisodeTensors:
        """Return the same episode as if classical filters had told nothing."""
        support = self.support._replace(inputs=without_evidence(self.support.inputs))
        return self._replace(
            support=support, query_inputs=without_evidence(self.query_inputs)
        )
