"""What is drawn into the pictures of procedural tasks, and what into their masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_metaseg.data import procedural
from napari_metaseg.data.procedural import procedural_task

if TYPE_CHECKING:
    import pytest

    from napari_metaseg.data.geometry import Geometry


def test_distractors_are_drawn_and_stay_out_of_the_masks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[Geometry, np.ndarray | None]] = []
    paint = procedural.paint

    def spy(
        rng: np.random.Generator,
        geometry: Geometry,
        cores: np.ndarray | None,
        *how: object,
    ) -> np.ndarray:
        drawn.append((geometry, cores))
        return paint(rng, geometry, cores, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(procedural, "paint", spy)
    mixed = 0
    for seed in range(24):
        drawn.clear()
        task = procedural_task(np.random.default_rng(seed), n_images=2, size=96)
        assert len(drawn) == len(task)
        for (_, masks), (geometry, cores) in zip(task, drawn, strict=True):
            classes = geometry.classes[geometry.labels]
            assert (classes[geometry.labels == 0] == -1).all(), "ground is no object"
            assert not masks[classes != 0].any()
            wanted = [classes == 0]
            if cores is not None:
                wanted.append((classes == 0) & (cores > 0))
            assert any(np.array_equal(masks > 0, target) for target in wanted)
            mixed += bool((classes == 1).any() and masks.any())

    assert mixed > 15, "half of the pictures show objects of both kinds"


def test_distractors_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the same picture looks different where they lie, and only there."""
    paint = procedural.paint
    differences = []

    def spy(rng: np.random.Generator, geometry: Geometry, *how: object) -> np.ndarray:
        state = rng.bit_generator.state
        picture = paint(rng, geometry, *how)  # type: ignore[arg-type]
        other = geometry.classes[geometry.labels] == 1
        if other.any():
            after = rng.bit_generator.state
            rng.bit_generator.state = state
            classes = np.where(geometry.classes == 1, -1, geometry.classes)
            bare = type(geometry)(
                geometry.labels,
                classes,
                geometry.depth,
                geometry.relative,
                geometry.deepest,
            )
            without = paint(rng, bare, *how)  # type: ignore[arg-type]
            rng.bit_generator.state = after
            differences.append(float(np.abs(picture - without)[other].mean()))
        return picture

    monkeypatch.setattr(procedural, "paint", spy)
    for seed in range(24):
        procedural_task(np.random.default_rng(seed), n_images=1, size=96)

    assert len(differences) > 8
    assert np.mean(np.array(differences) > 0.03) > 0.9
