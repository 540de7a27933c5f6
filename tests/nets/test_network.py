"""The whole network, over cells x initializers x poolings."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from tests.support.networks import Task, padded_batch
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS, INITIALIZERS, POOLINGS, REGULARIZERS, NetOptions
from tuner.nets.network import build_network

EVERYTHING = {name: 0.2 for name in REGULARIZERS if name != "dropout.embedding"}  # these data are no symbols


def build(cell: str = "lstm", dropout: dict[str, Any] | None = None, task: Any = None, **net: Any) -> Any:
    """A small network of two layers."""
    options = NetOptions(**{"cell": cell, "hidden_size": 6, "layers": 2, **net})
    return build_network(options, CELLS[cell].options(), dropout or {}, task or Task())


COMBINATIONS = [
    (cell, initializer, pooling)
    for (cell, initializer), pooling in zip(
        itertools.product(CELLS.entries, INITIALIZERS.entries), itertools.cycle(POOLINGS.entries)
    )
]
"""Every cell with every initializer, each with one pooling after the other."""


@pytest.mark.parametrize(("cell", "initializer", "pooling"), COMBINATIONS)
def test_every_combination_learns(cell: str, initializer: str, pooling: str) -> None:
    """Every parameter of every combination gets a finite gradient, and not 0 everywhere."""
    torch.manual_seed(0)
    task = Task(every_step=pooling == "every")
    network = build(cell, EVERYTHING, task, bidirectional=True, residual=True, initializer=initializer, pooling=pooling)
    x_BTI, lengths_B = padded_batch([6, 3, 5, 2])
    prediction = network(x_BTI.float(), lengths_B)
    assert prediction.shape == ((4, 6, 3) if task.every_step else (4, 3))
    prediction.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("pooling", POOLINGS.entries)
@pytest.mark.parametrize("cell", CELLS.entries)
def test_padding_and_order_change_no_prediction(cell: str, pooling: str) -> None:
    """A shuffled batch with more padding gives the same predictions to 1e-6."""
    torch.manual_seed(0)
    task = Task(every_step=pooling == "every")
    network = build(cell, task=task, bidirectional=True, pooling=pooling).double().eval()
    x_BTI, lengths_B = padded_batch([6, 3, 5], extra=4)
    order = [2, 0, 1]
    padded = network(x_BTI[order], lengths_B[order])
    if task.every_step:
        padded = padded[:, :6]
    torch.testing.assert_close(padded, network(x_BTI[:, :6], lengths_B)[order], atol=1e-6, rtol=0)


def test_one_seed_one_network() -> None:
    """The same seed builds the same network and, in training, the same predictions."""
    predictions = []
    for _ in range(2):
        torch.manual_seed(9)
        predictions.append(build(dropout=EVERYTHING)(torch.ones(2, 3, 5)))
    assert torch.equal(*predictions)


def test_encoder_and_head_keep_their_start_values() -> None:
    """Only recurrent layers are initialized: the head has what its own module drew."""

    class Marked(Task):
        def head(self, input_size: int) -> nn.Module:
            head = nn.Linear(input_size, 3)
            nn.init.constant_(head.weight, 0.25)
            return head

    assert build(task=Marked(), initializer="he_normal").head.weight.unique().tolist() == [0.25]


@pytest.mark.parametrize(("bidirectional", "size"), [(False, 6), (True, 12)])
def test_head_gets_the_size_of_the_features(bidirectional: bool, size: int) -> None:
    """The head is built for H features, 2 H with both directions."""
    assert build(bidirectional=bidirectional).head.in_features == size


def test_steps_are_pooled_unless_each_has_a_prediction() -> None:
    """Left out, pooling is what the task needs: none where it predicts at each step, else the last step."""
    x_BTI = torch.ones(2, 3, 5)
    assert build()(x_BTI).shape == (2, 3)
    assert build(task=Task(every_step=True))(x_BTI).shape == (2, 3, 3)


def test_projection_is_what_the_head_sees() -> None:
    """With a projection, the next layer and the head get its features."""
    network = build(projection_size=3, bidirectional=True)
    assert network.head.in_features == 3
    assert [cell.input_size for cell in network.stack.forward_cells] == [5, 3]


def test_encoder_must_tell_its_size() -> None:
    """An encoder without `output_size` is refused by name."""

    class Silent(Task):
        def encoder(self) -> nn.Module:
            return nn.Flatten()

    with pytest.raises(TrialError, match=r"Flatten\.output_size must be an int, but got None"):
        build(task=Silent())


def test_unknown_regularizer_is_refused() -> None:
    """A regularizer that does not exist is refused with the nearest name."""
    with pytest.raises(ValueError, match=r"but got 'dropout\.outputs'\. Did you mean 'dropout\.output'"):
        build(dropout={"dropout.outputs": 0.1})
