"""A page with a picture, lines and a label over it, as PDF (ISO 32000-1)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Colour = tuple[int, int, int]

POINTS_PER_PIXEL = 72 / 96
"""Size of a pixel on the page; programs scale figures without loss."""

# Widths of Helvetica's letters, in thousandths of its size.
_WIDTHS = {" ": 278, ".": 278, "m": 833}
_WIDTH = 556


@dataclass(frozen=True, slots=True)
class Line:
    """A closed line, in px from the picture's upper left corner.

    Attributes
    ----------
    points : (N, 2) array
        Corners, (x, y).
    colour : (int, int, int)
        Red, green and blue, to 255.
    """

    points: NDArray[Any]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled bar with a text above it, white with a black rim.

    Attributes
    ----------
    x, y, width, height : float
        Upper left corner and size, in px.
    text : str
        What it says, in Windows' Latin letters.
    size : float
        Height of the letters, in px.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    size: float


def make_page(
    picture: NDArray[np.uint8],
    lines: Iterable[Line],
    line_width: float,
    bar: Bar | None = None,
) -> bytes:
    """Draw a page of the size of a picture.

    Parameters
    ----------
    picture : (Y, X, 3) array of uint8
        Embedded pixel by pixel, without loss.
    lines : iterable of Line
        Drawn over it as paths, which any vector program can edit.
    line_width : float
        In px.
    bar : Bar, optional
        Scale bar; its text stays text.

    Returns
    -------
    bytes
        A PDF file.
    """
    height, width = picture.shape[:2]
    scale = POINTS_PER_PIXEL
    drawn = [f"{scale} 0 0 {-scale} 0 {height * scale:.4f} cm", "1 j"]
    drawn.append(f"q {width} 0 0 {-height} 0 {height} cm /Picture Do Q")
    drawn.append(f"{line_width} w")
    drawn += map(_path, lines)
    if bar is not None:
        drawn += _bar(bar)
    page = (
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width * scale:.4f} "
        f"{height * scale:.4f}]/Contents 4 0 R/Resources<</XObject<</Picture 5 0 R>>"
        "/Font<</Letters 6 0 R>>>>>>"
    )
    colour = (
        f"/Type/XObject/Subtype/Image/Width {width}/Height {height}"
        "/ColorSpace/DeviceRGB/BitsPerComponent 8"
    )
    return _file(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page.encode(),
            _stream("\n".join(drawn).encode("cp1252")),
            _stream(np.ascontiguousarray(picture).tobytes(), colour),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        ]
    )


def _path(line: Line) -> str:
    points = [f"{x:g} {y:g}" for x, y in np.asarray(line.points, float)]
    red, green, blue = (f"{c / 255:.4f}" for c in line.colour)
    way = " l ".join(points[1:])
    return f"{red} {green} {blue} RG {points[0]} m {way} l s"


def _bar(bar: Bar) -> list[str]:
    letters = sum(_WIDTHS.get(c, _WIDTH) for c in bar.text) * bar.size / 1000
    x, y = bar.x + (bar.width - letters) / 2, bar.y - 0.3 * bar.size
    rim = bar.size / 8
    text = bar.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    # Letters stand upright in a system of their own, as y points down here.
    begin = f"BT /Letters {bar.size:g} Tf 1 0 0 -1 {x:.3f} {y:.3f} Tm"
    return [
        f"0 G 1 g {rim:g} w {bar.x:g} {bar.y:g} {bar.width:g} {bar.height:g} re B",
        f"{begin} 1 Tr ({text}) Tj ET",
        f"{begin} 0 Tr ({text}) Tj ET",
    ]


def _stream(data: bytes, known: str = "") -> bytes:
    packed = zlib.compress(data)
    head = f"<<{known}/Filter/FlateDecode/Length {len(packed)}>>\nstream\n"
    return head.encode() + packed + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    """Join objects, numbered from 1; the first is the root."""
    # Bytes above 127 tell programs that the file is binary.
    content = bytearray(b"%PDF-1.4\n%\xb5\xb5\xb5\xb5\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        content += b"%010d 00000 n \n" % place
    content += b"trailer\n<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    content += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(content)
