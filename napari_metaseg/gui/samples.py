"""Sample images for napari's File > Open Sample menu, drawn by the package."""

from __future__ import annotations

from typing import Any

LayerData = tuple[Any, dict[str, Any], str]


def phase_contrast() -> list[LayerData]:
    """Draw adherent cells in phase contrast."""
    return _sample("phase-contrast", "Phase contrast")


def fluorescence() -> list[LayerData]:
    """Draw nuclei in fluorescence."""
    return _sample("fluorescence", "Fluorescence")


def tissue() -> list[LayerData]:
    """Draw a stained tissue section, in colour."""
    return _sample("tissue", "Tissue")


def _sample(kind: str, name: str) -> list[LayerData]:
    from napari_metaseg.data.synthetic import sample_scene

    scene = sample_scene(kind)
    arguments = {
        "name": name,
        "rgb": scene.image.ndim == 3,
        "scale": (scene.pixel_size, scene.pixel_size),
        "units": "um",
    }
    return [(scene.image, arguments, "image")]
