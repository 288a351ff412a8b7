"""Widening a network."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_metaseg.core.errors import UserError
from napari_metaseg.core.evidence import IN_CHANNELS
from napari_metaseg.core.growth import widen
from napari_metaseg.core.network import Architecture, Params, PrototypeUNet

OLD = Architecture(widths=(4, 6, 8, 10))


def outputs(architecture: Architecture, params: Params) -> torch.Tensor:
    """Draw one image of which some is painted."""
    network = PrototypeUNet(architecture).double()
    network.load_state_dict(params)
    random = torch.Generator().manual_seed(1)
    image = torch.rand(2, IN_CHANNELS, 32, 40, generator=random, dtype=torch.float64)
    painted = torch.zeros(2, 32, 40, dtype=torch.float64)
    painted[:, 8:20, 5:25] = 1
    drawn: torch.Tensor = network(image, painted=painted).logits
    return drawn


def trained(seed: int) -> Params:
    """Weights, none of which is where a network begins."""
    torch.manual_seed(seed)
    return {k: torch.randn_like(v) for k, v in PrototypeUNet(OLD).named_parameters()}


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 99),
    st.tuples(*(st.integers(0, 7) for _ in range(3))),
)
def test_a_wider_network_draws_the_same(seed: int, more: tuple[int, int, int]) -> None:
    """The half resolution, on whose features the prototype is fitted, stays."""
    params = trained(seed)
    a, b, c, d = OLD.widths
    new = Architecture(widths=(a + more[0], b, c + more[1], d + more[2]))
    grown = widen(params, OLD, new)
    torch.testing.assert_close(outputs(new, grown), outputs(OLD, params))


def test_channels_that_were_added_learn() -> None:
    """Weights from them get a gradient at once, and those into them after a step."""
    new = Architecture(widths=(8, 8, 12, 16))
    network = PrototypeUNet(new)
    network.load_state_dict(widen(trained(0), OLD, new))
    image, painted = torch.rand(1, IN_CHANNELS, 16, 16), torch.zeros(1, 16, 16)
    painted[:, 4:9, 4:9] = 1
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3)
    for _ in range(2):
        optimiser.zero_grad()
        network(image, painted=painted).logits.square().sum().backward()
        optimiser.step()
    into_new = network.bottom.convs[0].weight.grad
    assert into_new is not None
    assert (into_new[OLD.widths[3] :].flatten(1).norm(dim=1) > 0).all()


def test_every_weight_of_an_unchanged_network_is_kept() -> None:
    params = trained(3)
    same = widen(params, OLD, OLD)
    assert same.keys() == params.keys()
    assert all(torch.equal(same[k], params[k]) for k in params)


def test_a_network_is_not_cut_down() -> None:
    with pytest.raises(UserError, match="cannot be cut down"):
        widen(trained(0), OLD, Architecture(widths=(4, 6, 7, 10)))
