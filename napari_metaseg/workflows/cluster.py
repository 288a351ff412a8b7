"""Work on many machines, through a scheduler of dask.distributed."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from napari_metaseg.core.errors import UserError

from .crews import TICK, Crew, Done, Lost, load_once, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from .segmenter import Segmenter

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = "30s"


class Cluster(Crew):
    """Shares the work among the workers of a cluster.

    What a lost worker had begun, others do again. The workers read images and write
    results themselves, and load the model once each: all must see the same files under
    the same paths.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    model : Path
        Its folder.
    address : str
        Of the scheduler, as ``tcp://host:8786``.

    Raises
    ------
    UserError
        If dask is missing, or no scheduler answers.
    """

    def __init__(self, segmenter: Segmenter, model: Path, address: str) -> None:
        super().__init__(segmenter)
        self._model = model.absolute()
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "Clusters need dask.distributed; install napari-metaseg[cluster]."
            ) from error
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UserError(
                f"No scheduler answers at {address}; start one, or check the address."
            ) from error

    def close(self) -> None:
        """Take back what has not begun, and leave the cluster as it is."""
        self._client.close()

    def run(
        self,
        work: Callable[[Segmenter, T], Generator[float, None, R]],
        orders: Sequence[T],
    ) -> Generator[float | Done[R] | Lost, None, None]:
        """Carry out orders on the workers, see `Crew.run`.

        Raises
        ------
        UserError
            If a worker cannot do such work.
        """
        from distributed import KilledWorker, as_completed

        run = token_hex(8)
        futures = {
            self._client.submit(
                _there, self._model, work, order, key=f"metaseg-{run}-{k}", pure=False
            ): k
            for k, order in enumerate(orders)
        }
        ended = as_completed(futures, loop=self._client.loop)
        try:
            while futures:
                batch = ended.next_batch(block=False)
                for future in batch:
                    index = futures.pop(future)
                    error = future.exception()
                    if isinstance(error, KilledWorker):
                        yield Lost(index)
                    elif error is not None:
                        raise UserError(
                            f"A worker cannot do its work ({error}); install the same "
                            "version of napari-metaseg on all of them."
                        ) from error
                    else:
                        yield Done(index, future.result())
                if not batch:
                    yield 0.0
                    time.sleep(TICK)
        finally:
            self._client.cancel(list(futures))


def _there(
    model: Path, work: Callable[[Segmenter, T], Generator[float, None, R]], order: T
) -> R:
    """Carry out one order on a worker."""
    return perform(load_once(model), work, order)
