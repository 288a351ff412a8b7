"""Images of a task, decoded when they are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

N = TypeVar("N", bound=np.generic)


class Decoded:
    """The most recently used arrays, up to a number of bytes.

    Parameters
    ----------
    limit : int
        Bytes kept. An array that is larger is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._arrays: OrderedDict[object, NDArray[np.generic]] = OrderedDict()
        # Episodes are drawn in a thread of their own.
        self._lock = threading.Lock()

    def get(
        self, path: Path, decode: Callable[[Path], NDArray[np.generic]]
    ) -> NDArray[np.generic]:
        """Return the array of a file.

        Parameters
        ----------
        path : Path
            The file.
        decode : callable
            Reads it, if what it reads is not kept.
        """
        key = path, decode
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = decode(path)
        array.flags.writeable = False
        with self._lock:
            if key not in self._arrays and array.nbytes <= self._limit:
                self._arrays[key] = array
                self._size += array.nbytes
            while self._size > self._limit:
                self._size -= self._arrays.popitem(last=False)[1].nbytes
        return array


class Files(Sequence[NDArray[N]], Generic[N]):
    """Files as a sequence of arrays.

    Parameters
    ----------
    paths : sequence of Path
        One an array.
    decode : callable
        From a file to its array; called anew when `kept` has let go of it.
    kept : Decoded
        Where decoded arrays are kept; several sequences may share it.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        decode: Callable[[Path], NDArray[N]],
        kept: Decoded,
    ) -> None:
        self._paths = tuple(paths)
        self._decode = decode
        self._kept = kept

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> NDArray[N]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[N]]: ...

    def __getitem__(self, index: int | slice) -> NDArray[N] | Sequence[NDArray[N]]:
        """Return an array, or a part of the sequence."""
        if isinstance(index, slice):
            return Files(self._paths[index], self._decode, self._kept)
        return self._kept.get(self._paths[index], self._decode)  # type: ignore[return-value]
