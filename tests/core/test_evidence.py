"""Evidence against an independent regression, and what it may and may not use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_metaseg.core.evidence import (
    FAR,
    IN_CHANNELS,
    MAPS,
    RANDOM_FEATURES,
    SHARP,
    draw_evidence,
    fit_evidence,
    network_input,
    random_projection,
    without_evidence,
)
from napari_metaseg.core.filters import filter_bank, filter_count
from napari_metaseg.core.stored_evidence import read_evidence


def disks(seed: int = 0, channels: int = 1, n: int = 2) -> tuple[torch.Tensor, ...]:
    """Draw textured disks in noise: images, all disks, and one painted in each."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 0.1, (n, channels, 96, 96))
    every, painted = np.zeros((2, n, 96, 96))
    y, x = np.mgrid[:96, :96]
    for i in range(n):
        for j, (cy, cx) in enumerate([(24, 24), (24, 70), (70, 26), (68, 70)]):
            disk = np.hypot(y - cy, x - cx) < 11
            images[i, 0][disk] += 0.6
            every[i][disk] = 1
            if j == i:
                painted[i][disk] = 1
    return tuple(torch.from_numpy(a).float() for a in (images, every, painted))


def cue_of(painted: torch.Tensor) -> torch.Tensor:
    distances = [ndi.distance_transform_edt(p) for p in painted.numpy()]
    return torch.from_numpy(np.clip(np.stack(distances) / 5, 0, 1)).float()


def fit(
    images: torch.Tensor, painted: torch.Tensor, stroke: torch.Tensor | None = None
):
    stroke = torch.zeros_like(painted) if stroke is None else stroke
    return fit_evidence(filter_bank(images), painted, stroke, cue_of(painted))


def test_unpainted_cells_look_like_the_painted_ones() -> None:
    images, every, painted = disks()

    evidence, _ = fit(images, painted)
    maps = draw_evidence(evidence, images)

    inside, outside = (
        maps[every.bool()[:, None].expand_as(maps)],
        maps[(every == 0)[:, None].expand_as(maps)],
    )
    assert inside.mean() > 0.3
    assert outside.mean() < -0.3
    for i in range(MAPS - 1):
        right = (maps[:, i] > 0) == (every > 0)
        assert right.float().mean() > 0.85


@pytest.mark.parametrize(
    ("near", "far", "shares"),
    [
        (False, False, (1, 0, 0)),
        (True, False, (0.5, 0.5, 0)),
        (False, True, (1 - FAR, 0, FAR)),
        (True, True, ((1 - FAR) / 2, (1 - FAR) / 2, FAR)),
    ],
)
@pytest.mark.parametrize("count", [1.0, 0.25])
def test_the_linear_map_is_the_ridge_regression_of_its_definition(
    near: bool, far: bool, shares: tuple[float, ...], count: float
) -> None:
    """Cells are told from their ring, and from strokes, each with its share.

    Of two cells one counts less, and its ring as well.
    """
    images, every, painted = disks(n=2)
    painted[1] = 0
    painted[0, 48:, 48:] = count * every[0, 48:, 48:]
    stroke = torch.zeros_like(painted)
    stroke[0, 70:90, 4:12], stroke[1, 30:50, 30:50] = float(near), float(far)
    evidence, _ = fit(images, painted, stroke)

    f = filter_bank(images).movedim(1, -1).flatten(0, 2).double().numpy()
    z = np.clip((f - f.mean(0)) / (f.std(0, ddof=1) + 1e-3), -5, 5)
    z = np.c_[z, np.ones(len(z))]
    own = painted.numpy() > 0
    square = np.ones((1, 3, 3), bool)
    around = ndi.binary_dilation(own, square)
    ring = ndi.binary_dilation(own, square, iterations=7) & ~around
    struck = stroke.numpy() > 0
    first = np.arange(2)[:, None, None] == 0
    near_count = ndi.maximum_filter(painted.numpy(), (1, 15, 15))

    def moments(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = counts.ravel() / counts.sum()
        return p @ z, (z * p[:, None]).T @ z

    masks = (ring * near_count, struck & first, struck & ~first)
    others = [(*moments(m), s) for m, s in zip(masks, shares, strict=True) if s]
    centre = sum(share * mean for mean, _, share in others)
    against = sum(share * square for _, square, share in others)
    mean, spread = moments(painted.double().numpy())
    gram = (spread + against) / 2 + SHARP * np.eye(z.shape[1])
    weights = np.linalg.solve(gram, (mean - centre) / 2)
    high, low = mean @ weights, centre @ weights

    expected = (2 * z @ weights - high - low) / (high - low)
    expected = np.clip(expected, -2, 2).reshape(2, 96, 96)
    np.testing.assert_allclose(
        draw_evidence(evidence, images)[:, 0], expected, atol=2e-3
    )


def test_only_what_cells_count_beside_each_other_matters() -> None:
    images, _, painted = disks(n=2)
    cue, zero = cue_of(painted), torch.zeros_like(painted)
    responses = filter_bank(images)

    whole, maps = fit_evidence(responses, painted, zero, cue)
    half, half_maps = fit_evidence(responses, painted / 2, zero, cue)

    torch.testing.assert_close(half.weights, whole.weights, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(half_maps, maps, atol=1e-3, rtol=1e-3)


def test_each_crop_is_judged_by_the_others() -> None:
    images, _, painted = disks(n=2)
    zero = torch.zeros_like(painted)

    _, maps = fit(images, painted)
    # Keeping the second crop's pixels out of the fit, but not out of the scale.
    responses = filter_bank(images)
    only_first = fit_evidence(
        torch.cat([responses[:1], responses]),
        torch.cat([painted[:1], zero[:1], zero[:1]]),
        torch.cat([zero[:1]] * 3),
        torch.cat([cue_of(painted[:1])] * 3),
    )
    whole, _ = fit(images, painted)

    own = draw_evidence(whole, images)
    assert not torch.allclose(maps[1], own[1], atol=1e-3)
    assert torch.isfinite(only_first[1]).all()
    alone_evidence, alone_maps = fit(images[:1], painted[:1])
    torch.testing.assert_close(
        alone_maps, draw_evidence(alone_evidence, images[:1]), atol=1e-3, rtol=1e-3
    )


def test_what_is_painted_in_a_crop_does_not_change_its_own_judgement() -> None:
    images, _, painted = disks(n=3)
    other = painted.clone()
    other[0] = torch.roll(painted[0], (20, 20), (0, 1))

    first, second = fit(images, painted)[1], fit(images, other)[1]

    torch.testing.assert_close(first[0], second[0], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(first[1], second[1], atol=1e-3)


def test_a_stroke_lowers_what_looks_like_it() -> None:
    images, _, painted = disks(n=1)
    images[0, 0, 60:80, 60:80] = 0.35
    stroke = torch.zeros_like(painted)
    stroke[0, 66:70, 62:78] = 1

    without, struck = (
        draw_evidence(fit(images, painted, s)[0], images)[0, :4, 72:78, 62:78].mean()
        for s in (None, stroke)
    )

    assert struck < without - 0.1


def test_colour_counts() -> None:
    images, every, painted = disks(channels=2, n=1)
    images[:, 1] = images[:, 0]
    images[0, 1, 40:, :] = -images[0, 1, 40:, :]

    maps = draw_evidence(fit(images, painted)[0], images)[0]

    same, opposite = every[0].clone().bool(), every[0].clone().bool()
    same[40:], opposite[:40] = False, False
    assert maps[2][same].mean() > maps[2][opposite].mean() + 0.3


def test_the_network_input_says_whether_there_is_evidence() -> None:
    images, _, painted = disks(channels=3)
    _, maps = fit(images, painted)

    known, unknown = network_input(images, maps), network_input(images, None)

    assert known.shape == unknown.shape == (2, IN_CHANNELS, 96, 96)
    torch.testing.assert_close(known[:, 0], images.mean(1))
    assert (known[:, -1] == 1).all()
    assert not unknown[:, 1:].any()
    assert torch.equal(without_evidence(known), unknown)


def test_the_random_directions_are_the_same_every_time() -> None:
    assert torch.equal(random_projection(17), random_projection(17))
    assert random_projection(34).shape == (35, RANDOM_FEATURES)


def test_evidence_from_a_file_is_checked() -> None:
    images, _, painted = disks(channels=2)
    evidence, _ = fit(images, painted)
    tensors = {k: v.half() for k, v in evidence._asdict().items()}

    read = read_evidence(tensors, 2)

    assert read is not None
    assert read.mean.shape == (filter_count(2),)
    assert read.weights.dtype == torch.float32
    assert read_evidence(tensors, 3) is None
    assert read_evidence({k: v for k, v in tensors.items() if k != "mean"}, 2) is None
    broken = tensors | {"scale": tensors["scale"] * float("nan")}
    assert read_evidence(broken, 2) is None


def test_large_images_are_judged_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    images, _, painted = disks()
    evidence, _ = fit(images, painted)
    whole = draw_evidence(evidence, images)

    monkeypatch.setattr("napari_metaseg.core.evidence.PIXELS_AT_ONCE", 1000)

    torch.testing.assert_close(draw_evidence(evidence, images), whole)
