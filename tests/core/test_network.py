from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.evidence import (
    IN_CHANNELS,
    Evidence,
    draw_evidence,
    fit_evidence,
    network_input,
)
from napari_metaseg.core.filters import filter_bank
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import Context, run
from napari_metaseg.core.network import (
    Architecture,
    Moments,
    Params,
    PrototypeUNet,
)
from napari_metaseg.core.prototype import fit_prototypes
from napari_metaseg.core.tiles import predict, tile_windows

SMALL = Architecture(widths=(4, 6, 8, 10))


def lively(architecture: Architecture = SMALL, seed: int = 0) -> PrototypeUNet:
    """Build a network whose output is far from constant."""
    torch.manual_seed(seed)
    network = PrototypeUNet(architecture)
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(1.2)
    return network


def some_evidence() -> Evidence:
    """Fit evidence on a bright square in noise."""
    torch.manual_seed(3)
    painted = torch.zeros(1, 40, 40)
    painted[0, 12:28, 12:28] = 1
    images = torch.rand(1, 1, 40, 40) + painted
    return fit_evidence(
        filter_bank(images), painted, torch.zeros_like(painted), painted
    )[0]


def measured(
    network: PrototypeUNet, params: Params, image: np.ndarray, *, known: bool
) -> Context:
    """Measure an image's moments, and add evidence and prototype if known."""
    crop = torch.from_numpy(np.ascontiguousarray(image[None, :, :96, :96]))
    evidence = some_evidence() if known else None
    maps = None if evidence is None else draw_evidence(evidence, crop)
    moments = run(network, params, network_input(crop, maps)).moments
    return Context(moments, torch.linspace(-1, 1, 7) if known else None, evidence)


def test_the_bundled_network_is_compact() -> None:
    assert sum(p.numel() for p in PrototypeUNet().parameters()) < 2_000_000


def test_architectures_survive_json_and_refuse_others() -> None:
    assert Architecture.from_dict(SMALL.as_dict()) == SMALL
    for wrong in (
        {},
        SMALL.as_dict() | {"name": "resnet"},
        SMALL.as_dict() | {"widths": [10**9] * 4},
    ):
        with pytest.raises(UserError, match="another network architecture"):
            Architecture.from_dict(wrong)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(100, 330),
    st.integers(100, 330),
    st.sampled_from([64, 128, 192]),
    st.booleans(),
)
def test_tiles_leave_no_trace(height: int, width: int, tile: int, known: bool) -> None:
    network = lively()
    params = {k: p.detach() for k, p in network.named_parameters()}
    image = np.random.default_rng(height).random((1, height, width), np.float32)
    context = measured(network, params, image, known=known)

    def draw(size: int) -> np.ndarray:
        return exhaust(predict(network, params, image, context, tile=size))

    tiled, whole = draw(tile), draw(1024)

    assert whole.std() > 0.01
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


def test_mirror_images_are_averaged_over() -> None:
    network = lively()
    params = {k: p.detach() for k, p in network.named_parameters()}
    image = np.random.default_rng(0).random((1, 64, 128), np.float32)
    context = measured(network, params, image, known=True)

    def draw(what: np.ndarray, mirrors: int) -> np.ndarray:
        return exhaust(predict(network, params, what, context, mirrors=mirrors))

    by_hand = (draw(image, 1) + np.flip(draw(np.flip(image, (1, 2)), 1), (1, 2))) / 2
    np.testing.assert_allclose(draw(image, 2), by_hand, atol=1e-4)
    assert np.abs(draw(image, 1) - by_hand).max() > 1e-3
    # The four are the same four, whichever of them is given.
    for axes in ((1, 2), (1,), (2,)):
        back = np.flip(draw(np.flip(image, axes), 4), axes)
        np.testing.assert_allclose(back, draw(image, 4), atol=1e-4)


def test_the_halo_covers_the_receptive_field() -> None:
    network = lively().double()
    shape = 1, IN_CHANNELS, 256, 256
    image = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    moments = network(torch.rand(shape, dtype=torch.float64)).moments
    moments = Moments(*(tuple(t.detach() for t in part) for part in moments))
    network(image, moments=moments).logits[0, :, 128, 128].sum().backward()
    assert image.grad is not None
    touched = torch.nonzero(image.grad[0, 0])

    reach = (touched - 128).abs().max()

    assert 40 < reach <= PrototypeUNet.HALO


@given(st.integers(1, 40), st.integers(1, 40))
def test_tiles_cover_every_pixel_once(rows: int, columns: int) -> None:
    count = np.zeros((8 * rows, 8 * columns), int)
    for read, keep, write in tile_windows(count.shape, 64):
        count[write] += 1
        for r, k, w in zip(read, keep, write, strict=True):
            assert (r.start + k.start, r.start + k.stop) == (w.start, w.stop)
    assert (count == 1).all()


def test_prototype_is_the_density_ratio_of_its_equation() -> None:
    torch.manual_seed(1)
    features = torch.randn(1, 5, 6, 6)
    painted = (torch.rand(1, 6, 6) < 0.3) * torch.rand(1, 6, 6)
    stroke = (torch.rand(1, 6, 6) < 0.2).float() * (painted == 0)

    whole = fit_prototypes(features, painted, stroke, torch.tensor(0.1)).whole

    f = np.c_[features[0].reshape(5, -1).T.numpy(), np.ones(36)]
    s = stroke.numpy().ravel() > 0
    mean = painted.numpy().ravel() @ f / painted.numpy().sum()
    gram = f.T @ f / 36 + f[s].T @ f[s] / s.sum() + 0.1 * np.eye(6)
    answer = np.linalg.solve(gram, mean)
    np.testing.assert_allclose(whole, answer / (mean @ answer), rtol=1e-3)
    assert mean @ whole.numpy() == pytest.approx(1, rel=1e-3)


def test_each_support_image_is_judged_by_the_others() -> None:
    torch.manual_seed(2)
    features = torch.randn(3, 4, 8, 8)
    painted = torch.zeros(3, 8, 8)
    painted[0, :3, :3] = painted[1, 4:, 4:] = 1
    ridge = torch.tensor(0.1)

    fit = fit_prototypes(features, painted, None, ridge)
    without = painted.clone()
    without[0] = 0
    expected = fit_prototypes(features, without, None, ridge).whole

    torch.testing.assert_close(fit.crossed[0], expected)
    torch.testing.assert_close(fit.crossed[2], fit.whole)
    alone = fit_prototypes(features[:1], painted[:1], None, ridge)
    torch.testing.assert_close(alone.crossed[0], alone.whole)


def test_the_order_of_the_images_does_not_matter() -> None:
    network = lively()
    params = dict(network.named_parameters())
    inputs = torch.rand(3, IN_CHANNELS, 64, 64)

    context = Context(run(network, params, inputs).moments, None, None)

    together = run(network, params, inputs, context).logits
    apart = torch.cat(
        [run(network, params, one[None], context).logits for one in inputs]
    )

    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)


def test_deciding_layers_alone_give_what_the_whole_network_gives() -> None:
    network = lively()
    inputs = torch.rand(2, IN_CHANNELS, 64, 64)
    prototype = torch.linspace(-1, 1, 7)

    whole = network(inputs, prototype=prototype)
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([1.0, 2.0]))
    again = network(inputs, seen=whole.seen)

    torch.testing.assert_close(
        again.logits, network(inputs, prototype=prototype).logits
    )
    assert not torch.equal(again.logits, whole.logits)


def test_moments_are_those_of_the_features_and_are_told_in_order() -> None:
    network = lively()
    inputs = torch.rand(2, IN_CHANNELS, 64, 64)
    features = network.stem.convs[0](inputs)

    moments = network(inputs).moments

    expected = torch.stack(
        [
            features.mean((0, 2, 3)),
            (features.var((0, 2, 3), correction=0) + 1e-4).sqrt(),
        ]
    )
    torch.testing.assert_close(moments.seeing[0], expected)
    shapes = network.moment_shapes()
    for found, like in zip(moments, shapes, strict=True):
        assert [t.shape for t in found] == [t.shape for t in like]


def test_given_moments_take_the_place_of_measured_ones() -> None:
    network = lively()
    support, query = torch.rand(2, 2, IN_CHANNELS, 64, 64)
    moments = network(support).moments

    torch.testing.assert_close(
        network(support, moments=moments).logits, network(support).logits
    )
    assert not torch.allclose(
        network(query, moments=moments).logits, network(query).logits, atol=1e-3
    )
