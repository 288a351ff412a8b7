from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.func import functional_call

from napari_metaseg.core.attention_unet import AttentionUNet
from napari_metaseg.core.errors import UserError
from napari_metaseg.core.vgg_unet import VggUNet, read_encoder

if TYPE_CHECKING:
    from pathlib import Path

# Outputs of torchvision's vgg11().features.state_dict(), weights and biases.
VGG11 = {
    0: (64, 3),
    3: (128, 64),
    6: (256, 128),
    8: (256, 256),
    11: (512, 256),
    13: (512, 512),
    16: (512, 512),
    18: (512, 512),
}


def published_weights() -> dict[str, torch.Tensor]:
    weights = {"classifier.0.bias": torch.zeros(3)}
    for k, shape in VGG11.items():
        weights[f"features.{k}.weight"] = torch.randn(*shape, 3, 3)
        weights[f"features.{k}.bias"] = torch.randn(shape[0])
    return weights


def test_the_encoder_takes_published_weights_and_sums_the_colours(
    tmp_path: Path,
) -> None:
    weights = published_weights()
    save_file(weights, tmp_path / "vgg.safetensors")
    colour = VggUNet(3)
    encoder = sum(p.numel() for p in colour.features.parameters())
    assert encoder == sum(v.numel() for k, v in weights.items() if k[0] == "f")
    read = read_encoder(tmp_path / "vgg.safetensors", colour)
    assert set(read) == {k for k in weights if k[0] == "f"}
    assert torch.equal(read["features.18.bias"], weights["features.18.bias"])
    gray = read_encoder(tmp_path / "vgg.safetensors", VggUNet(1))
    # A gray image looks like one of three equal colours.
    image = torch.rand(1, 1, 8, 8)
    expected = nn.functional.conv2d(
        image.expand(-1, 3, -1, -1), weights["features.0.weight"], padding=1
    )
    found = nn.functional.conv2d(image, gray["features.0.weight"], padding=1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file(published_weights(), tmp_path / "vgg.safetensors")
    with pytest.raises(UserError, match=r"width at 1"):
        read_encoder(tmp_path / "vgg.safetensors", VggUNet(1, 0.5))
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="cannot be read"):
        read_encoder(tmp_path / "broken.safetensors", VggUNet(1, 0.1))


@pytest.mark.parametrize(
    ("network", "channels"), [(VggUNet(1, 0.05), 1), (AttentionUNet(3, 0.1), 3)]
)
def test_networks_can_be_differentiated_twice(
    network: nn.Module, channels: int
) -> None:
    """A Hessian-vector product agrees with differences of gradients."""
    torch.manual_seed(0)
    assert not list(network.buffers())
    params = {k: p.detach().double() for k, p in network.named_parameters()}
    images = torch.rand(2, channels, 64, 96, dtype=torch.float64)
    target = torch.rand(2, 1, 64, 96, dtype=torch.float64)

    def slope(at: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        leaves = {k: p.detach().requires_grad_() for k, p in at.items()}
        drawn = functional_call(network, leaves, (images,))
        assert drawn.shape == (2, 1, 64, 96)
        loss = nn.functional.binary_cross_entropy_with_logits(drawn, target)
        return torch.autograd.grad(loss, list(leaves.values()))

    leaves = {k: p.requires_grad_() for k, p in params.items()}
    loss = nn.functional.binary_cross_entropy_with_logits(
        functional_call(network, leaves, (images,)), target
    )
    gradient = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
    # Along the head alone: no rectifier flips on the way.
    along = [torch.randn_like(p) * k.startswith("head") for k, p in params.items()]
    found = torch.autograd.grad(
        gradient, list(leaves.values()), along, materialize_grads=True
    )
    step = 1e-5
    ahead, behind = (
        slope({k: p + s * d for (k, p), d in zip(params.items(), along, strict=True)})
        for s in (step, -step)
    )
    for h, a, b in zip(found, ahead, behind, strict=True):
        torch.testing.assert_close(h, (a - b) / (2 * step), rtol=1e-4, atol=1e-7)


def test_the_attention_u_net_has_the_published_size() -> None:
    # The U-Net of 32 channels (7,763,041 numbers) and the four gates.
    gates = sum(
        2 * (c * c // 2 + c // 2) + 2 * 2 * c // 2 + c // 2 + 1 + 2
        for c in (32, 64, 128, 256)
    )
    size = sum(p.numel() for p in AttentionUNet().parameters())
    assert size == 7_763_041 + gates
