"""Initializers, per gate, over cells x initializers."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.support.networks import make_cell
from tuner.errors import TaskFileError
from tuner.nets.catalog import CELLS, INITIALIZERS
from tuner.nets.initializers import initialize

VARIANCES: dict[str, Callable[[int, int], float]] = {
    "xavier_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "xavier_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, _: 2 / fan_in,
    "he_normal": lambda fan_in, _: 2 / fan_in,
    "lecun_uniform": lambda fan_in, _: 1 / fan_in,
    "lecun_normal": lambda fan_in, _: 1 / fan_in,
    "orthogonal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "identity": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "torch_default": lambda _, fan_out: 1 / (3 * fan_out),
}
"""Of an input block, from the definitions."""

RECURRENT = [name for name in CELLS.entries if make_cell(name).recurrent_weights() is not None]
UNTOUCHED = {
    "weight_state", "weight_forget", "weight_reset", "gain_input", "gain_state", "gain_cell", "peephole_input",
    "peephole_forget", "peephole_output", "peepholes", "nu", "theta", "log_gamma", "weight_output", "weight_skip",
}  # fmt: skip
"""Parameters that keep the cell's own start values."""

INPUTS, UNITS = 60, 150


def filled(cell_name: str, initializer: str, **options: Any) -> Any:
    """A seeded cell, filled."""
    torch.manual_seed(3)
    cell = make_cell(cell_name, INPUTS, UNITS, **options)
    initialize(cell, initializer)
    return cell


@pytest.mark.parametrize("initializer", INITIALIZERS.entries)
@pytest.mark.parametrize("cell_name", CELLS.entries)
class TestPerGate:
    def test_variance_of_input_blocks(self, cell_name: str, initializer: str) -> None:
        """Each gate's input block has mean 0 and the variance of its own fan-in and fan-out."""
        cell = filled(cell_name, initializer)
        for rows in cell.gates().values():
            block = cell.input_weights()[rows]
            expected = VARIANCES[initializer](block.shape[1], UNITS)
            if (cell_name, initializer) == ("lru", "torch_default"):
                expected = 1 / (2 * INPUTS)  # the paper's
            assert block.var().item() == pytest.approx(expected, rel=0.06)
            assert abs(block.mean().item()) < 4 * math.sqrt(expected / block.numel())

    def test_recurrent_blocks(self, cell_name: str, initializer: str) -> None:
        """Each recurrent block is orthogonal or the identity for those initializers, else of its variance."""
        cell = filled(cell_name, initializer)
        assert len(cell.recurrent_blocks()) == (len(cell.gates()) if cell_name in RECURRENT else 0)
        for block in cell.recurrent_blocks():
            if initializer == "orthogonal":
                assert (block.T @ block - torch.eye(UNITS)).abs().max() < 1e-5
            elif initializer == "identity":
                assert torch.equal(block, torch.eye(UNITS))
            else:
                assert block.var().item() == pytest.approx(VARIANCES[initializer](UNITS, UNITS), rel=0.06)

    def test_gates_differ(self, cell_name: str, initializer: str) -> None:
        """No two gates get the same numbers."""
        cell = filled(cell_name, initializer)
        blocks = [cell.input_weights()[rows] for rows in cell.gates().values()]
        assert not any(torch.equal(blocks[0], other) for other in blocks[1:])
        if initializer != "identity":
            blocks = cell.recurrent_blocks()
            assert not any(torch.equal(blocks[0], other) for other in blocks[1:])

    def test_biases(self, cell_name: str, initializer: str) -> None:
        """The sum of a gate's biases is what the options ask for, exactly; all others are 0, or torch's."""
        cell = filled(cell_name, initializer)
        torch.manual_seed(3)
        fresh = make_cell(cell_name, INPUTS, UNITS)
        for gate, rows in cell.gates().items():
            total = sum((bias[rows] for bias in cell.biases()), torch.zeros(UNITS))
            if gate in cell.gate_biases():
                assert torch.equal(total, torch.full((UNITS,), cell.gate_biases()[gate]))
            elif initializer == "torch_default":
                drawn = sum((bias[rows] for bias in fresh.biases()), torch.zeros(UNITS))
                assert torch.equal(total, drawn)
                assert drawn.abs().max() > 0 or not cell.biases()
            else:
                assert all(bias[rows].abs().max() == 0 for bias in cell.biases())

    def test_the_rest_keeps_its_values(self, cell_name: str, initializer: str) -> None:
        """Everything that is not an input block, a recurrent block or a bias is what the cell made it."""
        torch.manual_seed(3)
        fresh = dict(make_cell(cell_name, INPUTS, UNITS).named_parameters())
        cell = filled(cell_name, initializer)
        shown = {id(p) for p in (cell.input_weights(), cell.recurrent_weights(), *cell.biases())}
        for name, parameter in cell.named_parameters():
            if id(parameter) not in shown:
                assert name.partition(".")[0] in UNTOUCHED
                assert torch.equal(parameter, fresh[name])

    def test_gradients_are_tracked(self, cell_name: str, initializer: str) -> None:
        """Filling leaves leaf parameters that require gradients."""
        for parameter in filled(cell_name, initializer).parameters():
            assert parameter.is_leaf
            assert parameter.requires_grad


@pytest.mark.parametrize("initializer", ["orthogonal", "identity"])
@pytest.mark.parametrize(
    ("name", "options", "count"),
    [("slstm", {"heads": 3}, 12), ("lstm_ablation", {"full_gate_recurrence": True}, 4 + 9)],
)
def test_every_block_is_filled(name: str, options: dict[str, Any], count: int, initializer: str) -> None:
    """Heads, and the nine matrices of full gate recurrence, are blocks of their own."""
    blocks = filled(name, initializer, **options).recurrent_blocks()
    assert len(blocks) == count
    for block in blocks:
        eye = torch.eye(len(block))
        assert torch.equal(block, eye) if initializer == "identity" else (block.T @ block - eye).abs().max() < 1e-5


@pytest.mark.parametrize("initializer", INITIALIZERS.entries)
@pytest.mark.parametrize("value", [-3.0, 0.0, 1.0, 2.7])
def test_forget_bias(initializer: str, value: Any) -> None:
    """The forget gate's two biases add up to the asked value exactly, with every initializer."""
    cell = filled("lstm", initializer, forget_bias=value)
    total = sum(bias[cell.gates()["forget"]] for bias in cell.biases())
    assert torch.equal(total, torch.full((UNITS,), value))


def test_torch_default_keeps_the_weights() -> None:
    """The control arm leaves the numbers that torch drew."""
    torch.manual_seed(3)
    fresh = make_cell("lstm", INPUTS, UNITS)
    cell = filled("lstm", "torch_default")
    assert torch.equal(cell.input_weights(), fresh.input_weights())
    assert torch.equal(cell.recurrent_weights(), fresh.recurrent_weights())


@pytest.mark.parametrize("kind", ["xavier", "he", "lecun"])
def test_uniform_is_bounded_by_its_definition(kind: str) -> None:
    """The uniform kinds stay within sqrt(3 * variance), and the normal ones do not."""
    bound = math.sqrt(3 * VARIANCES[f"{kind}_uniform"](INPUTS, UNITS))
    assert filled("gru", f"{kind}_uniform").input_weights().abs().max() <= bound
    assert filled("gru", f"{kind}_normal").input_weights().abs().max() > 1.2 * bound


def test_unknown_name_is_refused() -> None:
    """An unknown initializer is refused with the nearest known name."""
    with pytest.raises(TaskFileError, match=r"initializer must be a known name, but got 'ortogonal'\..*'orthogonal'"):
        initialize(make_cell("rnn"), "ortogonal")
