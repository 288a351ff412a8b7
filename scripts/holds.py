"""Measure for how long a round holds Python's lock, which the window has to wait for.

    python3 scripts/holds.py [SIDE]

A round on a large image runs in a thread, while this one asks for the lock a thousand
times a second. Told is how long the round was at work, by the processor's clock, until
the lock was handed over, and at which line; that does not depend on what else the
machine does. Known cells stand in for what the network draws of tiles; the network
itself runs where a part is previewed.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import traceback
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _tiled import some_cells, tiled
from scipy import ndimage as ndi

from napari_metaseg.core.annotation import check_annotation
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.scaling import WORKING_DIAMETER, resize_labels, scaled_shape
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.gui.decoding import decode
from napari_metaseg.workflows import drawing
from napari_metaseg.workflows.adapt import adapt_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 4096
LEAST = 5.0
"""ms; Python itself hands the lock over that often."""

TOLD = 20


def known_maps(
    masks: NDArray[np.int32], painted: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return maps at working scale that a network might have drawn of cells."""
    zoom = WORKING_DIAMETER / check_annotation(painted[None]).diameter
    inside = resize_labels(masks, scaled_shape((len(masks), len(masks)), zoom)) > 0
    sure = np.pad(0.9 * inside.astype(np.float32), [(0, 8), (0, 8)])
    return np.stack([sure, ndi.gaussian_filter(sure, 3)])


def work(image: NDArray[np.float32], painted: NDArray[np.int32]) -> None:
    """Adapt, decode, and decode again as a slider asks for it."""
    model = exhaust(adapt_steps(image, painted, device="cpu"))
    first = exhaust(decode(model, DecodeSettings(), painted, None))
    exhaust(decode(model, DecodeSettings(threshold=0.4), painted, first.labels))


def main() -> None:
    """Run a round and tell of the longest holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", nargs="?", type=int, default=SIDE)
    image, masks = tiled(parser.parse_args().side)
    painted = np.zeros_like(masks)
    for number, pixels in enumerate(some_cells(masks), start=1):
        painted[pixels] = number
    maps = known_maps(masks, painted)

    def draw_tile(*arguments: Any, **_options: Any) -> NDArray[np.float32]:
        part: NDArray[np.float32] = maps[(slice(None), *arguments[4].write)]
        return part.copy()

    vars(drawing)["draw_tile"] = draw_tile
    thread = threading.Thread(target=work, args=(image, painted))
    thread.start()
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    holds: dict[str, list[float]] = defaultdict(list)
    while thread.is_alive():
        start = time.clock_gettime(clock)
        time.sleep(0.001)
        frame = sys._current_frames().get(thread.ident or 0)
        if frame is None:
            break
        held = 1000 * (time.clock_gettime(clock) - start)
        if held > LEAST:
            (line,) = traceback.extract_stack(frame)[-1:]
            where = f"{Path(line.filename).name}:{line.lineno}"
            holds[f"{where} {line.line}"].append(held)
    thread.join()
    print("| longest hold, ms | how often | at |")
    print("| --- | --- | --- |")
    for at, all_of in sorted(holds.items(), key=lambda item: -max(item[1]))[:TOLD]:
        print(f"| {max(all_of):.0f} | {len(all_of)} | `{at}` |")


if __name__ == "__main__":
    main()
