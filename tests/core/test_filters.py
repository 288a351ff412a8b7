"""The filter bank against closed forms and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_metaseg.core.filters import (
    PER_SCALE,
    REACH,
    SIGMAS,
    filter_bank,
    filter_count,
)


def bank_of(image: np.ndarray) -> dict[str, np.ndarray]:
    """Responses of one channel by name, at every scale."""
    responses = filter_bank(torch.from_numpy(image)[None, None])[0].numpy()
    names = ("smooth", "gradient", "larger", "smaller")
    return {name: responses[1 + i :: PER_SCALE] for i, name in enumerate(names)} | {
        "image": responses[0]
    }


def test_smoothing_is_that_of_scipy() -> None:
    image = np.random.default_rng(0).random((40, 50))

    smooth = bank_of(image)["smooth"]

    for sigma, found in zip(SIGMAS, smooth, strict=True):
        expected = ndi.gaussian_filter(
            image, sigma, mode="nearest", radius=int(np.ceil(3 * sigma))
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_slope_has_its_gradient_and_no_curvature() -> None:
    y, x = np.mgrid[:80, :80].astype(float)

    responses = bank_of(0.03 * y + 0.04 * x)

    inside = (slice(None), slice(REACH, -REACH), slice(REACH, -REACH))
    for sigma, gradient in zip(SIGMAS, responses["gradient"][inside], strict=True):
        np.testing.assert_allclose(gradient, 0.05 * sigma, rtol=1e-9)
    for name in ("larger", "smaller"):
        np.testing.assert_allclose(responses[name][inside], 0, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_a_bowl_has_its_curvatures_whichever_way_it_is_turned(angle: float) -> None:
    y, x = np.mgrid[-40:41, -40:41].astype(float)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x

    responses = bank_of(0.5 * (0.02 * u**2 - 0.01 * v**2))

    for sigma, larger, smaller in zip(
        SIGMAS, responses["larger"], responses["smaller"], strict=True
    ):
        assert larger[40, 40] == pytest.approx(0.02 * sigma**2, rel=1e-6)
        assert smaller[40, 40] == pytest.approx(-0.01 * sigma**2, rel=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_responses_turn_with_the_image(turns: int, flip: bool, seed: int) -> None:
    image = torch.from_numpy(np.random.default_rng(seed).random((1, 2, 24, 24)))

    def turned(t: torch.Tensor) -> torch.Tensor:
        t = torch.rot90(t, turns, (-2, -1))
        return t.flip(-1) if flip else t

    torch.testing.assert_close(filter_bank(turned(image)), turned(filter_bank(image)))


def test_no_response_sees_further_than_it_says() -> None:
    image = torch.zeros(1, 1, 121, 121, dtype=torch.float64)
    image[0, 0, 60, 60] = 1

    seen = (filter_bank(image) - filter_bank(torch.zeros_like(image))).abs() > 1e-12

    where = torch.nonzero(seen.any(1)[0]) - 60
    assert where.abs().max() == REACH


def test_every_channel_is_filtered_on_its_own() -> None:
    images = torch.rand(2, 3, 30, 30)

    responses = filter_bank(images)

    assert responses.shape == (2, filter_count(3), 30, 30)
    alone = filter_bank(images[:, 1:2])
    torch.testing.assert_close(responses[:, 1::3], alone)
