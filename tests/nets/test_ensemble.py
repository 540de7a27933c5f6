"""Networks whose predictions are averaged."""

from __future__ import annotations

import pytest
import torch

from tests.support.networks import Task
from tuner.nets.catalog import CELLS, NetOptions
from tuner.nets.ensemble import Ensemble
from tuner.nets.network import Network, build_network

LENGTHS = torch.tensor([4, 2, 3])


def members(count: int = 3) -> list[Network]:
    """Networks that differ by their seeds."""
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(build_network(NetOptions(cell="gru", hidden_size=5), CELLS["gru"].options(), {}, Task(3)).eval())
    return made


def test_probabilities_are_averaged_and_not_their_logarithms() -> None:
    """What comes out are logits of the mean of the members' probabilities."""
    made, x = members(), torch.randn(3, 4, 3) * 5
    found = Ensemble(made, logits=True)(x, LENGTHS)
    each = torch.stack([member(x, LENGTHS).softmax(-1) for member in made])
    torch.testing.assert_close(found.softmax(-1), each.mean(0))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(3))
    geometric = torch.stack([member(x, LENGTHS) for member in made]).mean(0).softmax(-1)
    assert not torch.allclose(found.softmax(-1), geometric, atol=1e-4)


def test_other_predictions_are_averaged_as_they_are() -> None:
    """A forecast is the mean of the members' forecasts."""
    made, x = members(), torch.randn(3, 4, 3)
    wanted = (made[0](x, LENGTHS) + made[1](x, LENGTHS) + made[2](x, LENGTHS)) / 3
    torch.testing.assert_close(Ensemble(made, logits=False)(x, LENGTHS), wanted)


@pytest.mark.parametrize("logits", [True, False])
def test_of_one_network_it_says_what_that_says(logits: bool) -> None:
    """An average over one, and over copies of one, changes nothing."""
    (one,), x = members(1), torch.randn(3, 4, 3)
    for count in (1, 4):
        found = Ensemble([one] * count, logits=logits)(x, LENGTHS)
        torch.testing.assert_close(found.softmax(-1), one(x, LENGTHS).softmax(-1))


def test_each_member_goes_on_from_its_own_states() -> None:
    """Part after part is what the whole is."""
    network, x = Ensemble(members(), logits=True), torch.randn(2, 6, 3)
    whole, _ = network.read(x)
    _, states = network.read(x[:, :4])
    later, _ = network.read(x[:, 4:], None, states)
    torch.testing.assert_close(later[:, -1] if later.ndim == 3 else later, whole[:, -1] if whole.ndim == 3 else whole)
