"""What a person would not expect of a result, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_metaseg.core.intensity import Range

    from .lens import Lens


def notes_on(lens: Lens, measured: Iterable[Range], further: int) -> Iterator[str]:
    """Tell what is odd about an image, beside those that a model knows.

    Parameters
    ----------
    lens : Lens
        How the model looks at images.
    measured : iterable of Range
        Of each channel of the image.
    further : int
        How many more images its file holds.
    """
    if further:
        yield (
            f"this is the first of {further + 1} images in the file, save the others "
            "in files of their own"
        )
    share = lens.blank_share(measured)
    if share is not None:
        yield (
            f"its intensities span {share:.0%} of those of the painted image, so it "
            "counts as blank; if it only was recorded or saved in another way, paint "
            "on one like it"
        )
