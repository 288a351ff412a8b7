"""What each channel counts: in the evidence, in the gray image, and how it is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_metaseg.core.evidence import draw_evidence, fit_evidence
from napari_metaseg.core.filters import filter_bank
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.gray import gray_of
from napari_metaseg.core.losses import Sparse
from napari_metaseg.core.mixing import MOST_CROPS, STEPS, adapt_mix
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.support import Crops
from napari_metaseg.io.bundle import load_bundle

SIDE = 64
BUNDLE = load_bundle("maml")
NETWORK = PrototypeUNet(BUNDLE.architecture)


def crops(channels: int, seen_in: int, number: int = 2) -> Crops:
    """Draw disks that one channel shows; the others show as much of something else."""
    rng = np.random.default_rng(0)
    images = rng.normal(0.3, 0.1, (number, channels, SIDE, SIDE)).astype(np.float32)
    y, x = np.mgrid[:SIDE, :SIDE]
    targets = []
    for image in images:
        for channel in image:
            for cy, cx in rng.integers(0, SIDE, (6, 2)):
                channel[np.hypot(y - cy, x - cx) < 9] += 0.5
        image[seen_in] = rng.normal(0.2, 0.05, (SIDE, SIDE))
        painted = np.hypot(y - 32, x - 30) < 11
        image[seen_in][painted | (np.hypot(y - 34, x - 54) < 11)] += 0.5
        ring = ndi.binary_dilation(painted, iterations=2) & ~painted
        cue = np.clip(ndi.distance_transform_edt(painted) / 5, 0, 1)
        targets.append((painted, np.zeros_like(painted), ring, cue))
    stacked = (
        torch.from_numpy(np.stack(m)).float() for m in zip(*targets, strict=True)
    )
    pixels = torch.from_numpy(images)
    known = Sparse(*stacked)
    return Crops(pixels, filter_bank(pixels), known, known.painted.int())


def found(known: Crops) -> torch.Tensor | None:
    return exhaust(adapt_mix(NETWORK, BUNDLE.params, known))


@pytest.mark.parametrize("seen_in", [0, 2])
def test_the_channel_that_shows_the_cells_counts_most(seen_in: int) -> None:
    mix = found(crops(3, seen_in))

    assert mix is not None
    assert mix.argmax() == seen_in
    assert mix[seen_in] == 1
    assert mix.sum() < 2.5


def test_it_can_be_stopped_after_each_gradient() -> None:
    assert sum(1 for _ in adapt_mix(NETWORK, BUNDLE.params, crops(2, 0))) == STEPS


@pytest.mark.parametrize("known", [crops(1, 0), crops(3, 0, number=1)])
def test_nothing_is_weighed_without_need_or_proof(known: Crops) -> None:
    """One channel has nothing to be weighed against, one crop no other to judge it."""
    assert found(known) is None


def test_cells_that_fill_their_crops_weigh_nothing() -> None:
    known = crops(2, 0)
    whole = known.target._replace(ring=torch.zeros_like(known.target.ring))

    assert found(known._replace(target=whole)) is None


def test_of_many_crops_a_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def support(known: Crops, mix: torch.Tensor | None = None) -> None:
        seen.append(known.images[:, 0, 0, 0].tolist())
        raise KeyboardInterrupt

    monkeypatch.setattr(Crops, "support", support)
    many = crops(2, 0, number=20)
    with pytest.raises(KeyboardInterrupt):
        found(many)

    assert len(seen[0]) == MOST_CROPS
    assert seen[0][:1] + seen[0][-1:] == many.images[[0, -1], 0, 0, 0].tolist()


def test_all_at_one_is_all_channels_alike() -> None:
    known = crops(3, 1)

    mixed, plain = known.support(torch.ones(3)), known.support()

    torch.testing.assert_close(mixed.inputs, plain.inputs)


def test_a_channel_that_counts_nothing_is_as_good_as_absent() -> None:
    known, single = crops(3, 1), torch.tensor([0.0, 1.0, 0.0])
    other = known.images.clone()
    other[:, [0, 2]] = 1 - other[:, [0, 2]]

    assert torch.equal(gray_of(known.images, single), known.images[:, 1:2])
    evidence = known.support(single).evidence
    drawn = (draw_evidence(evidence, images) for images in (known.images, other))
    torch.testing.assert_close(*drawn, atol=0.02, rtol=0)


def test_the_evidence_is_differentiated_through_its_fit() -> None:
    known = crops(2, 0)
    responses = known.responses[..., 20:44, 20:44].double()
    painted, stroke, _, cue = (t[:, 20:44, 20:44].double() for t in known.target)

    def total(mix: torch.Tensor) -> torch.Tensor:
        return fit_evidence(responses, painted, stroke, cue, mix)[1].square().sum()

    mix = torch.tensor([0.8, 0.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(mix), mix)

    for k, step in enumerate(1e-6 * torch.eye(2, dtype=torch.float64)):
        there, back = total(mix.detach() + step), total(mix.detach() - step)
        assert slope[k].item() == pytest.approx(float(there - back) / 2e-6, rel=1e-3)
