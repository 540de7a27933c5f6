"""The contract of a cell, over the whole catalog, with plain step-by-step cells as oracle."""

import pytest
import torch

from tests.nets.cases import make_cell
from tuner.nets.catalog import CELLS


def step_by_step(cell, name, x_BTI):
    """The equations of the cells' docstrings, gate by gate and step by step."""
    gates, (b, c) = cell.gates(), cell.biases()
    W, U = cell.input_weights(), cell.recurrent_weights()
    h = torch.zeros(len(x_BTI), cell.hidden_size, dtype=x_BTI.dtype)
    memory, outputs = h, []

    def parts(gate, x, h):
        rows = gates[gate]
        return x @ W[rows].T + b[rows], h @ U[rows].T + c[rows]

    for x in x_BTI.unbind(1):
        if name == "rnn":
            h = torch.tanh(sum(parts("candidate", x, h)))
        elif name == "gru":
            r, z = (torch.sigmoid(sum(parts(gate, x, h))) for gate in ("reset", "update"))
            from_x, from_h = parts("candidate", x, h)
            h = (1 - z) * torch.tanh(from_x + r * from_h) + z * h
        else:
            i, f, o = (torch.sigmoid(sum(parts(gate, x, h))) for gate in ("input", "forget", "output"))
            memory = f * memory + i * torch.tanh(sum(parts("candidate", x, h)))
            h = o * torch.tanh(memory)
        outputs.append(h)
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_equals_its_equations(name):
    """Outputs and all gradients equal those of the docstring's equations, so that gate names are true."""
    torch.manual_seed(0)
    cell = make_cell(name).double()
    x_BTI = torch.randn(3, 6, 5, dtype=torch.float64)
    weights_BTH = torch.randn(3, 6, 7, dtype=torch.float64)
    y_BTH, _ = cell(x_BTI)
    expected_BTH = step_by_step(cell, name, x_BTI)
    torch.testing.assert_close(y_BTH, expected_BTH)
    parameters = list(cell.parameters())
    got = torch.autograd.grad((y_BTH * weights_BTH).sum(), parameters)
    expected = torch.autograd.grad((expected_BTH * weights_BTH).sum(), parameters)
    torch.testing.assert_close(got, expected)


def test_relu_acts():
    """The plain cell with relu has no negative state."""
    torch.manual_seed(0)
    x_BTI = torch.randn(3, 6, 5)
    assert make_cell("rnn", nonlinearity="relu")(x_BTI)[0].min() == 0
    assert make_cell("rnn")(x_BTI)[0].min() < 0


@pytest.mark.parametrize("name", CELLS.entries)
class TestContract:
    def test_shapes(self, name):
        """Outputs are (B, T, H); states are (B, H) each, the first one the last output."""
        cell = make_cell(name)
        y_BTH, state = cell(torch.randn(3, 6, 5))
        assert y_BTH.shape == (3, 6, 7)
        assert all(part.shape == (3, 7) for part in state)
        torch.testing.assert_close(state[0], y_BTH[:, -1])

    def test_state_is_carried(self, name):
        """Two halves with the state carried give what the whole gives."""
        cell = make_cell(name).double()
        x_BTI = torch.randn(3, 6, 5, dtype=torch.float64)
        whole_BTH, end = cell(x_BTI)
        first_BTH, state = cell(x_BTI[:, :2])
        second_BTH, state = cell(x_BTI[:, 2:], state)
        torch.testing.assert_close(torch.cat((first_BTH, second_BTH), 1), whole_BTH)
        torch.testing.assert_close(state, end)

    def test_reads_from_left_to_right(self, name):
        """A later input changes no earlier output."""
        cell = make_cell(name)
        x_BTI = torch.randn(3, 6, 5)
        other_BTI = x_BTI.clone()
        other_BTI[:, 4:] = 1e3
        assert torch.equal(cell(x_BTI)[0][:, :4], cell(other_BTI)[0][:, :4])

    def test_gates_cut_the_stacked_parameters(self, name):
        """Gates cover the rows of all stacked parameters once, in order, H rows each."""
        cell = make_cell(name)
        rows = [row for gate in cell.gates().values() for row in range(gate.start, gate.stop)]
        total = 7 * len(cell.gates())
        assert rows == list(range(total))
        assert cell.input_weights().shape == (total, 5)
        assert cell.recurrent_weights().shape == (total, 7)
        assert all(bias.shape == (total,) for bias in cell.biases())
        assert set(cell.gate_biases()) <= set(cell.gates())

    def test_accessors_give_the_parameters(self, name):
        """Accessors give the cell's own parameters, all of them."""
        cell = make_cell(name)
        given = {id(p) for p in (cell.input_weights(), cell.recurrent_weights(), *cell.biases())}
        assert given == {id(p) for p in cell.parameters()}
