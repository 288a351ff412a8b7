from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_metaseg.data.augment import Appearance, apply_appearance, draw_appearance

from .tasks import PLAIN

CELL = np.full((40, 40), 0.1, np.float32)
CELL[10:20, 10:20] = 0.9
FIELD = np.full((60, 50), 0.1, np.float32)
FIELD[30:45, 5:40] = 0.9


def change(**how: object) -> list[np.ndarray]:
    values = {name: getattr(PLAIN, name) for name in Appearance.__slots__}
    appearance = Appearance(**values | how)
    return apply_appearance(appearance, [CELL, FIELD], np.random.default_rng(0))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"invert": True},
        {"gamma": 2.0},
        {"invert": True, "gamma": 0.5},
        {"kernel": (0.0, 0.1, 0.0, 0.1, -1.0, 0.1, 0.0, 0.1, 0.0)},
    ],
)
def test_what_looked_alike_still_does(how: dict[str, object]) -> None:
    first, second = change(**how)

    # Well inside and well outside the objects.
    assert first[15, 15] == pytest.approx(second[37, 20], abs=1e-5)
    assert first[35, 35] == pytest.approx(second[5, 5], abs=1e-5)
    assert first[15, 15] != pytest.approx(first[35, 35], abs=0.1)


def test_inversion_swaps_dark_and_bright() -> None:
    first, second = change(invert=True)

    assert first[15, 15] < first[35, 35]
    assert second[37, 20] < second[5, 5]


def test_one_range_serves_all_images() -> None:
    dim = apply_appearance(PLAIN, [CELL, 0.5 * CELL], np.random.default_rng(0))

    assert dim[1][15, 15] == pytest.approx(0.5 * dim[0][15, 15], abs=0.1)


def test_nothing_is_changed_in_place() -> None:
    before = CELL.copy()

    change(noise=0.1, blur=1.0, shading=0.3, halo=(0.5, 5.0))

    np.testing.assert_array_equal(CELL, before)


def gradient_energy(image: np.ndarray) -> float:
    return float(sum(np.square(slope).sum() for slope in np.gradient(image)))


def test_blur_takes_gradients_away_from_all_images_and_leaves_the_levels() -> None:
    sharp, soft, softer = (change(blur=blur) for blur in (0.0, 0.6, 1.6))

    for n, inside in enumerate([(15, 15), (37, 20)]):
        energy = [gradient_energy(images[n]) for images in (sharp, soft, softer)]
        assert energy[1] < 0.8 * energy[0]
        assert energy[2] < 0.6 * energy[1]
        assert softer[n][inside] == pytest.approx(sharp[n][inside], abs=0.1)
        assert softer[n][0, 0] == pytest.approx(sharp[n][0, 0], abs=0.1)


def test_a_halo_darkens_the_ground_around_what_is_bright_as_far_as_told() -> None:
    for n, bright in enumerate([CELL > 0.5, FIELD > 0.5]):
        away = ndi.distance_transform_edt(~bright)
        around, farther, far = away == 1, (away > 6) & (away < 9), away > 15
        plain, narrow, wide = (
            change(halo=halo)[n] for halo in ((0.0, 1.0), (0.8, 3.0), (0.8, 6.0))
        )
        assert plain[around].mean() == pytest.approx(plain[far].mean())
        assert narrow[around].mean() < narrow[far].mean() - 0.2
        assert narrow[farther].mean() > narrow[far].mean() - 0.01
        assert wide[farther].mean() < wide[far].mean() - 0.03


def test_a_halo_flattens_large_structures() -> None:
    field = change(halo=(0.8, 3.0))[1]

    # The middle of a broad object against its edge.
    assert field[37, 22] < field[30, 22] - 0.1


def test_noise_is_as_strong_in_all_images_and_nowhere_the_same() -> None:
    first, second = (
        noisy - quiet for noisy, quiet in zip(change(noise=0.1), change(), strict=True)
    )

    assert first.std() == pytest.approx(0.1, rel=0.1)
    assert second.std() == pytest.approx(0.1, rel=0.1)
    assert abs(np.corrcoef(first.ravel(), second.ravel()[: first.size])[0, 1]) < 0.1


@given(st.integers(0, 2**32))
def test_any_appearance_gives_finite_images_of_the_same_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)

    changed = apply_appearance(draw_appearance(rng), [CELL, FIELD], rng)

    assert [c.shape for c in changed] == [CELL.shape, FIELD.shape]
    assert all(c.dtype == np.float32 and np.isfinite(c).all() for c in changed)


def test_an_even_field_stays_finite() -> None:
    flat = np.full((20, 20), 0.3, np.float32)
    rng = np.random.default_rng(0)

    for _ in range(20):
        (changed,) = apply_appearance(draw_appearance(rng), [flat], rng)
        assert np.isfinite(changed).all()
