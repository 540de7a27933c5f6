"""Start values of gate biases: what they mean, over all cells that have gates of memory."""

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tests.support.networks import Task, make_cell
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS, NetOptions
from tuner.nets.cell_options import ForgetBiasOptions, GateBiasOptions, LagOptions
from tuner.nets.initializers import initialize
from tuner.nets.network import build_network

GATED = [name for name, entry in CELLS.entries.items() if issubclass(entry.options, GateBiasOptions)]
FORGETTING = [name for name, entry in CELLS.entries.items() if issubclass(entry.options, ForgetBiasOptions)]
UNITS = 600


def biases(name: str, **options: Any) -> dict[str, tuple[int, Tensor]]:
    """Sign and start biases of every gate of memory of a seeded cell."""
    torch.manual_seed(0)
    cell = make_cell(name, 1, UNITS, **options)
    initialize(cell, "torch_default")
    total = sum(bias.detach() for bias in cell.biases())
    return {gate: (sign, total[cell.gates()[gate]]) for gate, sign in cell.memory_gates().items()}


def test_gates_of_memory_are_named() -> None:
    """A cell takes these options exactly where it has gates of memory, a forget bias where one is called forget."""
    for name in CELLS.entries:
        gates = make_cell(name).memory_gates()
        assert bool(gates) == (name in GATED)
        assert ("forget" in gates) == (name in FORGETTING)
        assert set(gates.values()) <= {1, -1}


@pytest.mark.parametrize("name", GATED)
class TestContract:
    def test_sign_is_true(self, name: str) -> None:
        """Shutting or opening the gates of memory by their signs keeps the state, or forgets it."""
        for push, kept in ((60.0, True), (-60.0, False)):
            torch.manual_seed(0)
            cell = make_cell(name, 3, 5, **({"beta": 0.0} if name == "janet" else {})).double()
            _, state = cell(torch.randn(2, 4, 3, dtype=torch.float64))
            with torch.no_grad():
                for gate, sign in cell.memory_gates().items():
                    cell.biases()[0][cell.gates()[gate]] = sign * push
            _, later = cell(torch.randn(2, 1, 3, dtype=torch.float64), state)
            if name == "slstm":  # what lasts is c by its normalizer
                before, after = state[1] / state[2], later[1] / later[2]
            else:  # c where there is one; the second part of a QRNN's state is its inputs
                which = 1 if len(state) > 1 and name != "qrnn" else 0
                before, after = state[which], later[which]
            assert torch.allclose(before, after, atol=1e-9) == kept

    def test_chrono(self, name: str) -> None:
        """States are kept for u steps, u uniform from 1 to T_max - 1, and coupled gates share u."""
        found = biases(name, gate_bias="chrono", max_lag=101)
        spans = [torch.exp(sign * bias) for sign, bias in found.values()]
        for u in spans:
            torch.testing.assert_close(u, spans[0])
            assert u.min() + 1e-5 >= 1
            assert u.max() <= 100 + 1e-3
            assert u.mean().item() == pytest.approx(50.5, rel=0.06)
            assert u.var().item() == pytest.approx(99**2 / 12, rel=0.1)

    def test_uniform(self, name: str) -> None:
        """Gates are spread evenly between 1/H and 1 - 1/H."""
        for sign, bias in biases(name, gate_bias="uniform").values():
            gate = torch.sigmoid(sign * bias)
            assert gate.mean().item() == pytest.approx(0.5, abs=0.04)
            assert gate.var().item() == pytest.approx(1 / 12, rel=0.1)
            assert gate.min() >= 1 / UNITS - 1e-6
            assert gate.max() <= 1 - 1 / UNITS + 1e-6

    def test_uniform_of_one_unit(self, name: str) -> None:
        """A single unit starts half open."""
        cell = make_cell(name, 1, 1, gate_bias="uniform")
        initialize(cell, "orthogonal")
        assert all(bias.tolist() == [0.0] for bias in cell.gate_biases().values())

    def test_chrono_needs_a_lag(self, name: str) -> None:
        """Without a known lag chrono is refused."""
        with pytest.raises(TrialError, match="gate_bias chrono needs max_lag"):
            initialize(make_cell(name, gate_bias="chrono"), "orthogonal")

    def test_shortest_lag(self, name: str) -> None:
        """With T_max = 2 every state is kept for one step on average: biases are 0."""
        assert all(bias.abs().max() == 0 for _, bias in biases(name, gate_bias="chrono", max_lag=2).values())

    def test_unconnected_parameters_are_refused(self, name: str) -> None:
        """max_lag acts with chrono only, a forget bias with constant only."""
        options = CELLS[name].options
        with pytest.raises(ValidationError, match=r"max_lag acts only with gate_bias: chrono, but got 'uniform'"):
            options(gate_bias="uniform", max_lag=10)
        if name in FORGETTING:
            with pytest.raises(ValidationError, match=r"forget_bias acts only with gate_bias: constant"):
                options(gate_bias="chrono", forget_bias=2.0)


@pytest.mark.parametrize("name", FORGETTING)
def test_forget_bias(name: str) -> None:
    """A forget bias is what the gate starts at, exactly, towards keeping in every cell."""
    sign, bias = biases(name, forget_bias=3.0)["forget"]
    assert torch.equal(sign * bias, torch.full((UNITS,), 3.0))


@pytest.mark.parametrize(
    "name", [name for name, entry in CELLS.entries.items() if issubclass(entry.options, LagOptions)]
)
def test_lag_comes_from_the_task(name: str) -> None:
    """The task's lag is T_max, unless the options give it; bare networks of a task without one can be built."""
    options = CELLS[name].options
    chosen = {"gate_bias": "chrono"} if name in GATED else {}
    net = NetOptions(cell=name, hidden_size=4)
    for lag, given, expected in ((40, None, 40), (40, 9, 9), (1, None, 2)):
        network: Any = build_network(net, options(**chosen, max_lag=given), {}, Task(lag=lag))
        assert network.stack.forward_cells[0].options.max_lag == expected
    build_network(net, options(), {}, Task())


def test_ablation_without_gates_has_no_biases_of_memory() -> None:
    """Gates that are switched off get no bias."""
    cell = make_cell("lstm_ablation", forget_gate=False, gate_bias="chrono", max_lag=10)
    assert list(cell.gate_biases()) == ["input"]
    assert math.isfinite(cell.gate_biases()["input"].sum())
