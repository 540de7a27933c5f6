"""Regularizers: the contract over the catalog, and each one's place."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.networks import Task, make_cell
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS, REGULARIZERS, NetOptions
from tuner.nets.network import build_network
from tuner.nets.stack import RecurrentStack


def make(name: str, rate: float = 0.5) -> Any:
    """A regularizer from the catalog."""
    entry = REGULARIZERS[name]
    return entry.load()(entry.options.model_validate({name: rate}))


DROPOUTS = ["dropout.input", "dropout.between", "dropout.output", "dropout.variational"]
PENALTIES = ["activation_penalty", "temporal_penalty"]


class Symbols(Task):
    """Symbols to three numbers."""

    def encoder(self) -> Any:
        encoder: Any = torch.nn.Embedding(10, self.inputs)
        encoder.output_size = self.inputs
        return encoder


def networks(name: str, cell: str = "lstm") -> tuple[Any, Any, Any]:
    """A network with a regularizer, the same without it, and an input."""
    net, options = NetOptions(cell=cell, layers=2, hidden_size=16), CELLS[cell].options()
    task, x = (
        (Task(), torch.randn(4, 6, 5)) if name != "dropout.embedding" else (Symbols(), torch.arange(24).view(4, 6) % 10)
    )
    made = []
    for regularizers in ({name: 0.3}, {}):
        torch.manual_seed(0)
        made.append(build_network(net, options, regularizers, task))
    return made[0], made[1], x


@pytest.mark.parametrize("cell", CELLS.entries)
@pytest.mark.parametrize("name", [name for name in REGULARIZERS.entries if name not in PENALTIES])
def test_acts_in_training_only(name: str, cell: str) -> None:
    """Two passes differ in training and are equal, to a network without it too, in evaluation."""
    network, plain, x = networks(name, cell)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    assert torch.equal(network(x), plain(x))


@pytest.mark.parametrize("name", REGULARIZERS.entries)
def test_same_seed_same_values(name: str) -> None:
    """All randomness comes from torch's global generator."""
    network, _, x = networks(name)
    passes = []
    for _ in range(2):
        torch.manual_seed(5)
        passes.append(network(x))
    assert torch.equal(*passes)


@pytest.mark.parametrize("name", REGULARIZERS.entries)
def test_zero_switches_it_off(name: str) -> None:
    """At 0 the random stream is left alone, and nothing is added to the loss."""
    torch.manual_seed(0)
    network = build_network(NetOptions(layers=2, hidden_size=4), CELLS["lstm"].options(), {name: 0.0}, Task())
    before = torch.get_rng_state()
    network(torch.randn(2, 3, 5, generator=torch.Generator()))
    assert torch.equal(torch.get_rng_state(), before)
    assert network.stack.penalty is None


@pytest.mark.parametrize("name", DROPOUTS)
def test_inverted(name: str) -> None:
    """A share `rate` becomes 0 and the rest is scaled by 1 / (1 - rate)."""
    torch.manual_seed(0)
    y_BTF = make(name, 0.25)(torch.ones(200, 3, 200))
    torch.testing.assert_close(y_BTF.unique(), torch.tensor([0, 1 / 0.75]))
    assert (y_BTF == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_input_noise_has_its_deviation() -> None:
    """What is added has mean 0 and the asked standard deviation, drawn anew at every step."""
    torch.manual_seed(0)
    noise_BTF = make("input_noise", 0.4)(torch.full((50, 20, 30), 3.0)) - 3.0
    assert noise_BTF.mean().item() == pytest.approx(0, abs=0.01)
    assert noise_BTF.std().item() == pytest.approx(0.4, rel=0.02)
    assert not torch.equal(noise_BTF[:, 0], noise_BTF[:, 1])


def test_scaling_gives_each_channel_of_a_sequence_one_factor() -> None:
    """Of mean 1 and the asked deviation, the same at all of its steps; padding stays 0."""
    torch.manual_seed(0)
    x_BTF = torch.full((400, 5, 30), 3.0)
    x_BTF[:, 4] = 0
    factor_BTF = make("input_scaling", 0.2)(x_BTF) / 3.0
    assert torch.equal(factor_BTF[:, :4], factor_BTF[:, :1].expand(-1, 4, -1))
    assert not factor_BTF[:, 4].any()
    assert factor_BTF[:, 0].mean().item() == pytest.approx(1, abs=0.01)
    assert factor_BTF[:, 0].std().item() == pytest.approx(0.2, rel=0.03)
    assert factor_BTF[0, 0].unique().numel() == 30


def test_a_time_mask_is_a_stretch_of_each_sequence() -> None:
    """At most the asked share of its steps, half of that in the mean, all channels, every step as often as another."""
    torch.manual_seed(0)
    y_BTF = make("time_mask", 0.4)(torch.ones(4000, 20, 3))
    masked_BT = (y_BTF == 0).all(dim=2)
    assert torch.equal(masked_BT, (y_BTF == 0).any(dim=2))
    assert masked_BT.sum(dim=1).max().item() == 8
    begins_B = (masked_BT & ~masked_BT.roll(1, dims=1)).sum(dim=1)
    assert begins_B.max().item() == 1
    shares_T = masked_BT.float().mean(dim=0)
    assert shares_T.mean().item() == pytest.approx(0.2, abs=0.01)
    assert shares_T.max().item() - shares_T.min().item() < 0.05


def test_embedding_dropout_drops_symbols() -> None:
    """A symbol is gone or scaled at all its places in a batch; others are drawn for the next batch."""
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(1000, 4)
    make("dropout.embedding", 0.25).attach(torch.nn.Sequential(embedding))
    symbols = torch.arange(1000).repeat(3, 1)
    kept = (embedding(symbols) / embedding.weight).round(decimals=4)
    assert kept.unique().tolist() == pytest.approx([0, 1.3333])
    assert torch.equal(kept, kept[:1, :, :1].expand_as(kept))
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    assert not torch.equal(kept, embedding(symbols) / embedding.weight)


def test_embedding_dropout_needs_an_embedding() -> None:
    """Where the data are numbers, it would do nothing, and is refused."""
    with pytest.raises(TrialError, match=r"dropout\.embedding acts only where the data are symbols"):
        build_network(NetOptions(), CELLS["lstm"].options(), {"dropout.embedding": 0.1}, Task())


@pytest.mark.parametrize("lengths", [None, [6, 1, 4]])
def test_penalties_equal_their_formulas(lengths: list[int]) -> None:
    """Both are means over valid steps: of the dropped output's squares, and of squared changes of the raw output."""
    torch.manual_seed(0)
    raw_BTF, dropped_BTF = torch.randn(3, 6, 4), torch.randn(3, 6, 4)
    valid_BT1 = None if lengths is None else (torch.arange(6) < torch.tensor(lengths)[:, None])[..., None]
    squares, changes = [], []
    for row, length in enumerate(lengths or [6, 6, 6]):
        squares += dropped_BTF[row, :length].flatten().tolist()
        changes += (raw_BTF[row, 1:length] - raw_BTF[row, : length - 1]).flatten().tolist()
    ar = make("activation_penalty", 2.0)(raw_BTF, dropped_BTF, valid_BT1)
    tar = make("temporal_penalty", 3.0)(raw_BTF, dropped_BTF, valid_BT1)
    assert ar.item() == pytest.approx(2.0 * sum(value**2 for value in squares) / len(squares))
    assert tar.item() == pytest.approx(3.0 * sum(value**2 for value in changes) / len(changes))


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("steps", [6, 1])
def test_penalties_add_to_the_loss_in_training(name: str, steps: int) -> None:
    """The stack has their sum after a pass in training; predictions are those without them; one step gives no NaN."""
    network, plain, x_BTI = networks(name)
    x_BTI = x_BTI[:, :steps]
    assert torch.equal(network(x_BTI), plain(x_BTI))
    expected = 0.0 if (name, steps) == ("temporal_penalty", 1) else None
    penalty = network.stack.penalty
    assert penalty.item() == expected if expected is not None else penalty.item() > 0
    penalty.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_variational_mask_is_one_per_sequence() -> None:
    """The mask is the same at every step, and another one for every sequence."""
    torch.manual_seed(0)
    y_BTF = make("dropout.variational")(torch.ones(8, 20, 64))
    assert torch.equal(y_BTF, y_BTF[:, :1].expand_as(y_BTF))
    assert len({tuple(row.tolist()) for row in y_BTF[:, 0]}) == 8


def test_plain_masks_change_over_time() -> None:
    """The other kinds draw anew at every step."""
    torch.manual_seed(0)
    y_BTF = make("dropout.output")(torch.ones(8, 20, 64))
    assert not torch.equal(y_BTF[:, 0], y_BTF[:, 1])


class Spy(torch.nn.Module):
    """Doubles values at one place and counts its calls."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place, self.calls = place, 0

    def forward(self, x_BTF: Tensor) -> Tensor:
        self.calls += 1
        return 2 * x_BTF


@pytest.mark.parametrize(("place", "calls"), [("input", 1), ("layer", 3), ("between", 2), ("output", 1)])
def test_places(place: str, calls: int) -> None:
    """Of three layers, a place is passed once at the input and output, at each layer, or between layers."""
    spy: Any = Spy(place)
    torch.manual_seed(0)
    stack = RecurrentStack(lambda size: make_cell("gru", size), 5, 3, False, [spy])
    torch.manual_seed(0)
    plain = RecurrentStack(lambda size: make_cell("gru", size), 5, 3, False)
    x_BTI = torch.randn(2, 4, 5)
    y_BTF, _, _ = stack(x_BTI)
    assert spy.calls == calls
    if place == "output":
        assert torch.equal(y_BTF, 2 * plain(x_BTI)[0])
    if place == "input":
        assert torch.equal(y_BTF, plain(2 * x_BTI)[0])
