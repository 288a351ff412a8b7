"""Drawing images of any size in tiles that leave no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from .evidence import draw_evidence, network_input
from .filters import REACH
from .inner_loop import run
from .network import STRIDE, Params, PrototypeUNet
from .support import pad_to
from .windows import grown, whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from .inner_loop import Context
    from .windows import Window

TILE = 512
"""Side (px) of the part of a tile that is kept."""

FLIPS: tuple[tuple[int, ...], ...] = ((), (-2, -1), (-2,), (-1,))
"""Axes along which the mirror images are flipped: none, half a turn, two reflections.
A cell is the same cell in a mirror; the network's errors are others."""

MARGIN = 48
"""Distance (px) around what is wanted that is drawn too, lest its cells be cut."""


class Tile(NamedTuple):
    """A part of a plane, as pairs of slices.

    Attributes
    ----------
    read : Window
        What to read of the image.
    keep : Window
        What to keep of the result.
    write : Window
        Where that goes.
    """

    read: Window
    keep: Window
    write: Window


def tile_windows(
    shape: tuple[int, int], tile: int, part: Window | None = None
) -> Iterator[Tile]:
    """Divide an image, or a part of it.

    Parameters
    ----------
    shape : (int, int)
        Multiples of `STRIDE`.
    tile : int
        Side of the kept parts, a multiple of `STRIDE`.
    part : Window, optional
        What the tiles are to cover; they may go beyond it.

    Yields
    ------
    Tile
    """
    halo = PrototypeUNet.HALO + -(-REACH // STRIDE) * STRIDE

    def spans(length: int, within: slice) -> Iterator[tuple[slice, slice, slice]]:
        end = min(-(-within.stop // STRIDE) * STRIDE, length)
        for start in range(within.start // STRIDE * STRIDE, end, tile):
            stop = min(start + tile, end)
            low, high = max(0, start - halo), min(length, stop + halo)
            kept = slice(start - low, stop - low)
            yield slice(low, high), kept, slice(start, stop)

    rows, columns = whole(shape) if part is None else part
    for read_y, keep_y, write_y in spans(shape[0], rows):
        for read_x, keep_x, write_x in spans(shape[1], columns):
            yield Tile((read_y, read_x), (keep_y, keep_x), (write_y, write_x))


def tiles_within(
    shape: tuple[int, int], tile: int, where: NDArray[np.bool_] | None
) -> Iterator[Tile]:
    """Divide an image, and leave out tiles that are far from all that is wanted.

    Parameters
    ----------
    shape, tile
        As those of `tile_windows`.
    where : (Y, X) array of bool, or None
        What is wanted; None for everything.

    Yields
    ------
    Tile
    """
    for part in tile_windows(shape, tile):
        if where is None or where[grown(part.write, MARGIN, shape)].any():
            yield part


def predict(
    network: nn.Module,
    params: Params,
    image: NDArray[np.float32],
    context: Context,
    *,
    tile: int = TILE,
    mirrors: int = 1,
    where: NDArray[np.bool_] | None = None,
) -> Generator[float, None, NDArray[np.float32]]:
    """Draw foreground and cue of a whole image, tile by tile.

    Parameters
    ----------
    network : nn.Module
        Supplies the structure.
    params : Params
        Parameters; their device is used.
    image : (C, Y, X) array of float32
        Normalised image at working scale.
    context : Context
        What is known of the task.
    tile : int
        Side (px) of the kept part of a tile.
    mirrors : int
        How many mirror images the probabilities are averaged over, of
        `napari_metaseg.core.settings.MIRRORS`.
    where : (Y, X) array of bool, optional
        What is wanted; tiles with nothing of it in reach are left 0.

    Yields
    ------
    float
        Share of the tiles done.

    Returns
    -------
    (2, Y, X) array of float32
        Probabilities of foreground and cue.
    """
    padded = pad_to(image, STRIDE, STRIDE, "edge")
    maps = np.zeros((2, *padded.shape[1:]), np.float32)
    shape = padded.shape[1], padded.shape[2]
    windows = list(tiles_within(shape, tile, where))
    for done, window in enumerate(windows, start=1):
        drawn = draw_tile(network, params, padded, context, window, mirrors=mirrors)
        maps[(slice(None), *window.write)] = drawn
        yield done / len(windows)
    return maps[:, : image.shape[1], : image.shape[2]]


def draw_tile(
    network: nn.Module,
    params: Params,
    image: NDArray[np.float32],
    context: Context,
    tile: Tile,
    *,
    mirrors: int = 1,
) -> NDArray[np.float32]:
    """Draw foreground and cue of one tile, see `predict`.

    Parameters
    ----------
    network, params, context, mirrors
        As those of `predict`.
    image : (C, Y, X) array of float32
        Normalised image at working scale; its sides are multiples of `STRIDE`.
    tile : Tile
        Which part of it.

    Returns
    -------
    (2, y, x) array of float32
        Of the shape of ``tile.write``.
    """
    device = next(iter(params.values())).device
    crop = torch.from_numpy(np.ascontiguousarray(image[(slice(None), *tile.read)]))
    with torch.no_grad():
        batch = crop[None].to(device)
        evidence = context.evidence
        known = None if evidence is None else draw_evidence(evidence, batch)
        inputs = network_input(batch, known, context.mix)
        drawn = [
            run(network, params, inputs.flip(axes), context).logits.flip(axes)
            for axes in FLIPS[:mirrors]
        ]
        mean: NDArray[np.float32] = (
            torch.sigmoid(torch.cat(drawn)).mean(0).cpu().numpy()
        )
    return mean[(slice(None), *tile.keep)]
