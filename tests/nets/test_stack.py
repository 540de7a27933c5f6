"""The stack against `torch.nn` on packed sequences, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.nets.cases import make_cell, padded_batch
from tuner.nets.poolings import Last
from tuner.nets.stack import RecurrentStack

KERNELS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def make_stack(name, layers, bidirectional):
    """A seeded stack in float64."""
    torch.manual_seed(1)
    return RecurrentStack(lambda size: make_cell(name, size), 5, layers, bidirectional).double()


def make_oracle(stack, name, layers):
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
def test_equals_torch_on_packed_sequences(name, layers, bidirectional, lengths):
    """Outputs, final states and gradients equal those of torch.nn on a packed batch, inputs included."""
    stack = make_stack(name, layers, bidirectional)
    oracle, names = make_oracle(stack, name, layers)
    x_BTI, lengths_B = padded_batch(lengths)
    xs = [x_BTI.clone().requires_grad_() for _ in range(2)]
    valid_BT1 = (torch.arange(6) < lengths_B[:, None])[:, :, None]

    packed, state = oracle(pack_padded_sequence(xs[1], lengths_B, batch_first=True, enforce_sorted=False))
    expected_BTF, _ = pad_packed_sequence(packed, batch_first=True)
    y_BTF, _ = stack(xs[0], None if min(lengths) == 6 else lengths_B)
    torch.testing.assert_close(y_BTF * valid_BT1, expected_BTF)

    end = (state[0] if name == "lstm" else state)[-1 - bidirectional :]
    torch.testing.assert_close(Last(y_BTF.shape[2])(y_BTF, lengths_B, bidirectional), torch.cat(tuple(end), 1))

    weights_BTF = torch.randn_like(expected_BTF) * valid_BT1
    (y_BTF * weights_BTF).sum().backward()
    (expected_BTF * weights_BTF).sum().backward()
    torch.testing.assert_close(xs[0].grad, xs[1].grad)
    for own, parameter in stack.named_parameters():
        torch.testing.assert_close(parameter.grad, oracle.get_parameter(names[own]).grad)


@pytest.mark.parametrize("name", KERNELS)
def test_carried_states(name):
    """A sequence read in two parts, the states carried, gives what it gives as a whole."""
    stack = make_stack(name, 2, False)
    x_BTI, _ = padded_batch([6, 6])
    whole_BTF, end = stack(x_BTI)
    first_BTF, states = stack(x_BTI[:, :4])
    second_BTF, states = stack(x_BTI[:, 4:], states=states)
    torch.testing.assert_close(torch.cat((first_BTF, second_BTF), 1), whole_BTF)
    torch.testing.assert_close(states, end)


def test_nothing_to_carry():
    """No states come back where they would be wrong: with both directions."""
    x_BTI, _ = padded_batch([6, 2])
    assert make_stack("gru", 1, True)(x_BTI)[1] == []


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), extra=st.integers(0, 5), order=st.randoms())
def test_padding_and_order_change_nothing(name, lengths, extra, order):
    """More padding or another order of the batch changes no valid output by 1e-6."""
    stack = make_stack(name, 2, True)
    x_BTI, lengths_B = padded_batch(lengths)
    y_BTF, _ = stack(x_BTI, lengths_B)
    shuffled = list(range(len(lengths)))
    order.shuffle(shuffled)
    more_BTI = torch.cat((x_BTI, torch.zeros(len(lengths), extra, 5, dtype=x_BTI.dtype)), 1)[shuffled]
    other_BTF, _ = stack(more_BTI, lengths_B[shuffled])
    for row, source in enumerate(shuffled):
        length = lengths[source]
        torch.testing.assert_close(other_BTF[row, :length], y_BTF[source, :length], atol=1e-6, rtol=0)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("projection_size", [0, 4])
@pytest.mark.parametrize("residual", [False, True])
def test_residual_and_projection(residual, projection_size, bidirectional):
    """Layers are chained as written: y = f(x) for the first, x + f(x) for the others, f with its projection."""
    torch.manual_seed(1)
    stack = RecurrentStack(
        lambda size: make_cell("gru", size, 6),
        5,
        3,
        bidirectional,
        residual=residual,
        projection_size=projection_size,
    ).double()
    x_BTI, _ = padded_batch([6, 6])
    y_BTF, _ = stack(x_BTI)
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


def test_carried_states_with_residual_and_projection():
    """States are those of the cells, before any projection."""
    torch.manual_seed(1)
    stack = RecurrentStack(lambda size: make_cell("lstm", size), 5, 2, residual=True, projection_size=3).double()
    x_BTI, _ = padded_batch([6, 6])
    whole_BTF, end = stack(x_BTI)
    first_BTF, states = stack(x_BTI[:, :4])
    second_BTF, states = stack(x_BTI[:, 4:], states=states)
    torch.testing.assert_close(torch.cat((first_BTF, second_BTF), 1), whole_BTF)
    torch.testing.assert_close(states, end)
    assert all(part.shape == (2, 7) for state in states for part in state)
