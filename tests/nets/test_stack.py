"""The stack against `torch.nn` on packed sequences, in float64."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.support.networks import make_cell, padded_batch
from tuner.nets.catalog import REGULARIZERS
from tuner.nets.stack import RecurrentStack

KERNELS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def make_stack(name: str, layers: int, bidirectional: bool) -> Any:
    """A seeded stack in float64."""
    torch.manual_seed(1)
    return RecurrentStack(lambda size: make_cell(name, size), 5, layers, bidirectional).double()


def make_oracle(stack: RecurrentStack, name: str, layers: int) -> tuple[nn.Module, dict[str, str]]:
    """A `torch.nn` network with the stack's weights, and parameter name -> its name there."""
    oracle = KERNELS[name](5, 7, layers, batch_first=True, bidirectional=stack.bidirectional).double()
    names = {}
    for own, _ in stack.named_parameters():
        cells, layer, _, kernel = own.split(".")
        names[own] = f"{kernel[:-1]}{layer}" + ("_reverse" if cells == "backward_cells" else "")
    oracle.load_state_dict({names[own]: value.detach() for own, value in stack.named_parameters()})
    return oracle, names


@pytest.mark.parametrize("lengths", [[6, 6, 6], [6, 1, 4]], ids=["full", "ragged"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("name", KERNELS)
def test_equals_torch_on_packed_sequences(name: str, layers: int, bidirectional: bool, lengths: list[int]) -> None:
    """Outputs, final states and gradients equal those of torch.nn on a packed batch, inputs included."""
    stack = make_stack(name, layers, bidirectional)
    oracle, names = make_oracle(stack, name, layers)
    x_BTI, lengths_B = padded_batch(lengths)
    xs = [x_BTI.clone().requires_grad_() for _ in range(2)]
    valid_BT1 = (torch.arange(6) < lengths_B[:, None])[:, :, None]

    packed, state = oracle(pack_padded_sequence(xs[1], lengths_B, batch_first=True, enforce_sorted=False))
    expected_BTF, _ = pad_packed_sequence(packed, batch_first=True)
    y_BTF, end_BF, _ = stack(xs[0], None if min(lengths) == 6 else lengths_B)
    torch.testing.assert_close(y_BTF * valid_BT1, expected_BTF)

    end = (state[0] if name == "lstm" else state)[-1 - bidirectional :]
    torch.testing.assert_close(end_BF, torch.cat(tuple(end), 1))

    weights_BTF = torch.randn_like(expected_BTF) * valid_BT1
    (y_BTF * weights_BTF).sum().backward()
    (expected_BTF * weights_BTF).sum().backward()
    torch.testing.assert_close(xs[0].grad, xs[1].grad)
    for own, parameter in stack.named_parameters():
        torch.testing.assert_close(parameter.grad, oracle.get_parameter(names[own]).grad)


@pytest.mark.parametrize("name", KERNELS)
def test_carried_states(name: str) -> None:
    """A sequence read in two parts, the states carried, gives what it gives as a whole."""
    stack = make_stack(name, 2, False)
    x_BTI, _ = padded_batch([6, 6])
    whole_BTF, _, end = stack(x_BTI)
    first_BTF, _, states = stack(x_BTI[:, :4])
    second_BTF, _, states = stack(x_BTI[:, 4:], states=states)
    torch.testing.assert_close(torch.cat((first_BTF, second_BTF), 1), whole_BTF)
    torch.testing.assert_close(states, end)


def test_nothing_to_carry() -> None:
    """No states come back where they would be wrong: with both directions."""
    x_BTI, _ = padded_batch([6, 2])
    assert make_stack("gru", 1, True)(x_BTI)[2] == []


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), extra=st.integers(0, 5), order=st.randoms())
def test_padding_and_order_change_nothing(name: str, lengths: list[int], extra: int, order: random.Random) -> None:
    """More padding or another order of the batch changes no valid output by 1e-6."""
    stack = make_stack(name, 2, True)
    x_BTI, lengths_B = padded_batch(lengths)
    y_BTF, _, _ = stack(x_BTI, lengths_B)
    shuffled = list(range(len(lengths)))
    order.shuffle(shuffled)
    more_BTI = torch.cat((x_BTI, torch.zeros(len(lengths), extra, 5, dtype=x_BTI.dtype)), 1)[shuffled]
    other_BTF, _, _ = stack(more_BTI, lengths_B[shuffled])
    for row, source in enumerate(shuffled):
        length = lengths[source]
        torch.testing.assert_close(other_BTF[row, :length], y_BTF[source, :length], atol=1e-6, rtol=0)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("projection_size", [0, 4])
@pytest.mark.parametrize("residual", [False, True])
def test_residual_and_projection(residual: bool, projection_size: int, bidirectional: bool) -> None:
    """Layers are chained as written: y = f(x) for the first, x + f(x) for the others, f with its projection."""
    torch.manual_seed(1)
    stack: Any = RecurrentStack(
        lambda size: make_cell("gru", size, 6),
        5,
        3,
        bidirectional,
        residual=residual,
        projection_size=projection_size,
    ).double()
    x_BTI, _ = padded_batch([6, 6])
    y_BTF, _, _ = stack(x_BTI)
    expected = x_BTI
    for layer in range(3):
        outputs = [stack.forward_cells[layer](expected)[0]]
        if bidirectional:
            outputs.append(stack.backward_cells[layer](expected.flip(1))[0].flip(1))
        through = torch.cat(outputs, 2)
        if projection_size:
            through = through @ stack.projections[layer].weight.T
        expected = expected + through if residual and layer else through
    assert y_BTF.shape[2] == stack.output_size == (projection_size or 6 * (1 + bidirectional))
    torch.testing.assert_close(y_BTF, expected)


def test_carried_states_with_residual_and_projection() -> None:
    """States are those of the cells, before any projection."""
    torch.manual_seed(1)
    stack: Any = RecurrentStack(lambda size: make_cell("lstm", size), 5, 2, residual=True, projection_size=3).double()
    x_BTI, _ = padded_batch([6, 6])
    whole_BTF, _, end = stack(x_BTI)
    first_BTF, _, states = stack(x_BTI[:, :4])
    second_BTF, _, states = stack(x_BTI[:, 4:], states=states)
    torch.testing.assert_close(torch.cat((first_BTF, second_BTF), 1), whole_BTF)
    torch.testing.assert_close(states, end)
    assert all(part.shape == (2, 7) for state in states for part in state)


def summary(stack: Any, x_TI: Tensor) -> Tensor:
    """What one sequence comes to, read whole by each direction alone, as sums of products: no padding, no slicing."""
    y_TF, whole_F = x_TI, torch.empty(0)
    for layer, cell in enumerate(stack.forward_cells):
        ahead_TH = cell(y_TF[None])[0][0]
        outputs_TF, ends = ahead_TH, [ahead_TH[-1]]
        if stack.bidirectional:
            back_TH = stack.backward_cells[layer](y_TF.flip(0)[None])[0][0]
            outputs_TF, ends = torch.cat((ahead_TH, back_TH.flip(0)), 1), [ahead_TH[-1], back_TH[-1]]
        end_F = torch.cat(ends)
        if stack.projections:
            weights = stack.projections[layer].weight
            outputs_TF = outputs_TF @ weights.T
            columns = weights.split([len(end) for end in ends], 1)
            end_F = sum(part @ end for part, end in zip(columns, ends, strict=True))
        added = stack.residual and layer
        y_TF, whole_F = (y_TF + outputs_TF, whole_F + end_F) if added else (outputs_TF, end_F)
    return whole_F


@pytest.mark.parametrize("name", ["lstm", "ln_gru", "minlstm"])
@pytest.mark.parametrize("projection_size", [0, 4], ids=["as it is", "projected"])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
def test_the_end_is_what_each_direction_gives_when_it_has_read_all(
    bidirectional: bool, residual: bool, projection_size: int, name: str
) -> None:
    """However directions are mixed afterwards, and whatever the padding: as each sequence alone."""
    torch.manual_seed(1)
    stack: Any = RecurrentStack(
        lambda size: make_cell(name, size, 6),
        5,
        3,
        bidirectional,
        residual=residual,
        projection_size=projection_size,
    ).double()
    lengths = [6, 1, 4]
    x_BTI, lengths_B = padded_batch(lengths, extra=3)
    _, end_BF, _ = stack(x_BTI, lengths_B)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(end_BF[row], summary(stack, x_BTI[row, :length]))
    _, whole_BF, _ = stack(x_BTI[:1, :6])
    torch.testing.assert_close(whole_BF[0], end_BF[0])


def test_the_end_is_dropped_out_as_the_steps_are() -> None:
    """In training a variational mask is that of the steps, and the output's own is drawn for the end, too."""
    torch.manual_seed(1)
    regularizers = [
        REGULARIZERS[name].load()(REGULARIZERS[name].options.model_validate({name: 0.5}))
        for name in ("dropout.variational", "dropout.output")
    ]
    stack: Any = RecurrentStack(lambda size: make_cell("gru", size, 40), 5, 1, True, regularizers, projection_size=200)
    y_BTF, end_BF, _ = stack(torch.randn(2, 9, 5))
    everywhere_BF = (y_BTF == 0).all(dim=1)
    assert (end_BF[everywhere_BF] == 0).all()
    assert 0.65 < (end_BF == 0).double().mean() < 0.85
