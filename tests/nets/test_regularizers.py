"""Regularizers: the contract over the catalog, and each one's place."""

import pytest
import torch

from tests.nets.cases import Task, make_cell
from tuner.nets.catalog import CELLS, REGULARIZERS, NetOptions
from tuner.nets.network import build_network
from tuner.nets.stack import RecurrentStack


def make(name, rate=0.5):
    """A regularizer from the catalog."""
    entry = REGULARIZERS[name]
    return entry.load()(entry.options.model_validate({name: rate}))


@pytest.mark.parametrize("name", REGULARIZERS.entries)
class TestContract:
    @pytest.mark.parametrize("cell", CELLS.entries)
    def test_acts_in_training_only(self, name, cell):
        """Two passes differ in training and are equal, to a network without it too, in evaluation."""
        net, options = NetOptions(cell=cell, layers=2, hidden_size=16), CELLS[cell].options()
        torch.manual_seed(0)
        plain = build_network(net, options, {}, Task())
        torch.manual_seed(0)
        network = build_network(net, options, {name: 0.3}, Task())
        x_BTI = torch.randn(4, 6, 5)
        assert not torch.equal(network(x_BTI), network(x_BTI))
        network.eval()
        assert torch.equal(network(x_BTI), network(x_BTI))
        assert torch.equal(network(x_BTI), plain(x_BTI))

    def test_same_seed_same_values(self, name):
        """All randomness comes from torch's global generator."""
        regularizer, x_BTF = make(name), torch.randn(4, 6, 8)
        passes = []
        for _ in range(2):
            torch.manual_seed(5)
            passes.append(regularizer(x_BTF))
        assert torch.equal(*passes)

    def test_inverted(self, name):
        """A share `rate` becomes 0 and the rest is scaled by 1 / (1 - rate)."""
        torch.manual_seed(0)
        y_BTF = make(name, 0.25)(torch.ones(200, 3, 200))
        torch.testing.assert_close(y_BTF.unique(), torch.tensor([0, 1 / 0.75]))
        assert (y_BTF == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)

    def test_zero_switches_it_off(self, name):
        """Rate 0 leaves the random stream alone."""
        torch.manual_seed(0)
        network = build_network(NetOptions(layers=2, hidden_size=4), CELLS["lstm"].options(), {name: 0.0}, Task())
        before = torch.get_rng_state()
        network(torch.randn(2, 3, 5, generator=torch.Generator()))
        assert torch.equal(torch.get_rng_state(), before)


def test_variational_mask_is_one_per_sequence():
    """The mask is the same at every step, and another one for every sequence."""
    torch.manual_seed(0)
    y_BTF = make("dropout.variational")(torch.ones(8, 20, 64))
    assert torch.equal(y_BTF, y_BTF[:, :1].expand_as(y_BTF))
    assert len({tuple(row.tolist()) for row in y_BTF[:, 0]}) == 8


def test_plain_masks_change_over_time():
    """The other kinds draw anew at every step."""
    torch.manual_seed(0)
    y_BTF = make("dropout.output")(torch.ones(8, 20, 64))
    assert not torch.equal(y_BTF[:, 0], y_BTF[:, 1])


class Spy(torch.nn.Module):
    """Doubles values at one place and counts its calls."""

    def __init__(self, place):
        super().__init__()
        self.place, self.calls = place, 0

    def forward(self, x_BTF):
        self.calls += 1
        return 2 * x_BTF


@pytest.mark.parametrize(("place", "calls"), [("input", 1), ("layer", 3), ("between", 2), ("output", 1)])
def test_places(place, calls):
    """Of three layers, a place is passed once at the input and output, at each layer, or between layers."""
    spy = Spy(place)
    torch.manual_seed(0)
    stack = RecurrentStack(lambda size: make_cell("gru", size), 5, 3, False, [spy])
    torch.manual_seed(0)
    plain = RecurrentStack(lambda size: make_cell("gru", size), 5, 3, False)
    x_BTI = torch.randn(2, 4, 5)
    y_BTF, _ = stack(x_BTI)
    assert spy.calls == calls
    if place == "output":
        assert torch.equal(y_BTF, 2 * plain(x_BTI)[0])
    if place == "input":
        assert torch.equal(y_BTF, plain(2 * x_BTI)[0])
