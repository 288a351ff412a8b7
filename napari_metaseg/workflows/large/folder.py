"""The folder of an unfinished job: arrays, and which blocks are done."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_metaseg.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Everything a job has written so far.

    A block is done once its mark is there, which is made after its data: after a kill,
    what has no mark is written again, to the same end.

    Attributes
    ----------
    path : Path
        The folder, which lies beside the result.
    """

    path: Path

    def open_for(self, identity: dict[str, Any]) -> bool:
        """Make the folder, or check that it belongs to the same job.

        Returns
        -------
        bool
            Whether there is something to go on from.

        Raises
        ------
        UserError
            If it belongs to another job, or cannot be made.
        """
        card = self._card
        try:
            self.path.mkdir(exist_ok=True)
            if card.exists():
                if json.loads(card.read_bytes()) != identity:
                    raise UserError(
                        f"{self.path} was begun with another image, model or settings; "
                        "delete it, or choose another name for the result."
                    )
                return True
            self._replace(card, json.dumps(identity, indent=1).encode())
        except (OSError, json.JSONDecodeError) as error:
            raise UserError(
                f"{self.path} cannot be used; delete it, or choose another folder."
            ) from error
        return False

    @property
    def _card(self) -> Path:
        return self.path / "job.json"

    def _replace(self, path: Path, content: bytes) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(content)
        os.replace(partial, path)

    def is_done(self, stage: str, index: int) -> bool:
        """Tell whether a block of a stage is done."""
        return (self.path / "done" / stage / str(index)).exists()

    def mark_done(self, stage: str, index: int) -> None:
        """Say that a block of a stage is done; nothing of it is written afterwards."""
        marks = self.path / "done" / stage
        marks.mkdir(parents=True, exist_ok=True)
        (marks / str(index)).touch()

    def forget(self) -> None:
        """Take no block for done any more; a kill leaves all of the marks or none."""
        gone = self.path / "gone"
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            (self.path / "done").rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def has_array(self, name: str) -> bool:
        """Tell whether an array is there."""
        return (self.path / name / "zarr.json").exists()

    def array(self, name: str) -> Any:
        """Open an array for reading and writing."""
        return zarr.open_array(str(self.path / name), mode="r+")

    def make_array(
        self,
        name: str,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: str,
        axes: str = "",
    ) -> None:
        """Make an array of zeros, unless it is there; its axes may have names."""
        if not self.has_array(name):
            zarr.create_array(
                str(self.path / name),
                shape=shape,
                chunks=chunks,
                dtype=dtype,
                dimension_names=list(axes.lower()) or None,
            )

    def save_table(self, name: str, /, **columns: NDArray[Any]) -> None:
        """Write a table of equally long columns, whole or not at all."""
        target = self.path / f"{name}.npz"
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.stem}.{os.getpid()}.npz")
        np.savez(partial, **columns)  # type: ignore[arg-type]
        os.replace(partial, target)

    def table(self, name: str) -> dict[str, NDArray[Any]]:
        """Read a table."""
        with np.load(self.path / f"{name}.npz", allow_pickle=False) as columns:
            return dict(columns)

    def remove(self) -> None:
        """Delete the folder; what cannot be deleted stays, and counts as not done."""
        with suppress(OSError):
            self.forget()
            # The card goes last, as it tells whose the rest is.
            for part in self.path.iterdir():
                if part != self._card:
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
            shutil.rmtree(self.path)
