"""The contract of a cell, over the whole catalog and its variants, with plain step-by-step cells as oracle."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from tests.support.networks import make_cell
from tests.support.oracles import ORACLES, gates_of
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS
from tuner.nets.cell import Cell
from tuner.optim.optimizers import parameter_groups
from tuner.testing.cells import (
    UNITS,
    CellContract,
    Equations,
    MakeCell,
    cell_maker,
    noisy_makers,
    sequences,
    telling_cell,
)

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "indrnn, tanh": ("indrnn", {"nonlinearity": "tanh"}),
    "slstm, heads": ("slstm", {"heads": 3}),
    "qrnn, width 1": ("qrnn", {"filter_width": 1}),
    "qrnn, width 4": ("qrnn", {"filter_width": 4}),
    "janet, coupled": ("janet", {"beta": 0.0}),
    "lstm_ablation, NIG": ("lstm_ablation", {"input_gate": False}),
    "lstm_ablation, NFG": ("lstm_ablation", {"forget_gate": False}),
    "lstm_ablation, NOG": ("lstm_ablation", {"output_gate": False}),
    "lstm_ablation, NIAF": ("lstm_ablation", {"input_activation": False}),
    "lstm_ablation, NOAF": ("lstm_ablation", {"output_activation": False}),
    "lstm_ablation, CIFG": ("lstm_ablation", {"coupled_gates": True}),
    "lstm_ablation, NP": ("lstm_ablation", {"peepholes": False}),
    "lstm_ablation, FGR": ("lstm_ablation", {"full_gate_recurrence": True}),
    "lstm_ablation, FGR, CIFG": ("lstm_ablation", {"full_gate_recurrence": True, "coupled_gates": True}),
    "lstm_ablation, FGR, NOG, NP": (
        "lstm_ablation",
        {"full_gate_recurrence": True, "output_gate": False, "peepholes": False},
    ),
    "lstm_ablation, no gates": (
        "lstm_ablation",
        {"input_gate": False, "forget_gate": False, "output_gate": False},
    ),
}
"""Options that change what is computed, beside every cell as it is by default."""

CASES: dict[str, tuple[str, dict[str, Any]]] = {**{name: (name, {}) for name in CELLS.entries}, **VARIANTS}


def maker(case: str) -> MakeCell:
    """What makes a case's cell; with one unit it has one head."""
    name, options = CASES[case]
    one_head = {"heads": 1} if "heads" in options else {}
    return lambda inputs, units: cell_maker(name, {**options, **(one_head if units == 1 else {})})(inputs, units)


def make(case: str) -> Cell:
    """A case's cell, seeded, no parameter of which hides its part."""
    return telling_cell(maker(case))


GATELESS = {"rnn", "indrnn", "lru"}


@pytest.mark.parametrize("case", CASES)
def test_tells_its_gates(case: str) -> None:
    """Values of all gates equal those of the equations, need no gradient, and are those of the listed gates."""
    cell, x_BTI = make(case), sequences()
    gates = cell.gate_values(x_BTI, cell(x_BTI)[0])
    expected = gates_of(cell, x_BTI, ORACLES[CASES[case][0]])
    assert gates.keys() == expected.keys() <= cell.gates().keys()
    assert bool(gates) == (CASES[case][0] not in GATELESS and case != "lstm_ablation, no gates")
    for name, values_BTH in gates.items():
        torch.testing.assert_close(values_BTH, expected[name])
        assert not values_BTH.requires_grad
        assert values_BTH.shape == (3, 6, UNITS)


@pytest.mark.parametrize("name", ["lstm", "peephole_lstm", "lstm_ablation"])
def test_gates_see_the_state_that_zoneout_kept(name: str) -> None:
    """In evaluation zoneout takes its mean: gates follow from the kept h and c, as the steps one by one give them."""
    torch.manual_seed(1)
    cell = make_cell(name, 5, UNITS, **{"zoneout.state": 0.4, "zoneout.cell": 0.3}).double().eval()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    x_BTI = sequences()
    gates = cell.gate_values(x_BTI, cell(x_BTI)[0])
    state = (torch.zeros(3, UNITS, dtype=torch.float64),) * 2
    choices: dict[str, dict[str, Any]] = {
        "lstm": dict.fromkeys(("input", "forget"), 0.0),
        "peephole_lstm": {k: getattr(cell, f"peephole_{k}", 0) for k in ("input", "forget")},
        "lstm_ablation": {k: getattr(cell, "peepholes", {}).get(k) for k in ("input", "forget")},
    }
    peepholes = choices[name]
    for step in range(6):
        h_BH, c_BH = state
        a_BG = x_BTI[:, step] @ cell.input_weights().t() + h_BH @ cell.recurrent_weights().t() + sum(cell.biases())
        for gate, p_H in peepholes.items():
            torch.testing.assert_close(gates[gate][:, step], (a_BG[:, cell.gates()[gate]] + p_H * c_BH).sigmoid())
        _, state = cell(x_BTI[:, step : step + 1], state)


def test_every_cell_has_an_oracle() -> None:
    """No cell of the catalog goes without an oracle."""
    assert set(ORACLES) == set(CELLS.entries)


class TestContract(CellContract):
    """Every cell and variant fulfils the contract that is shipped, with its equations from the paper."""

    @pytest.fixture(params=CASES)
    def case(self, request: pytest.FixtureRequest) -> str:
        """A cell of the catalog, or a variant of one."""
        case: str = request.param
        return case

    @pytest.fixture
    def make(self, case: str) -> MakeCell:
        """See `CellContract.make`."""
        return maker(case)

    @pytest.fixture
    def noisy(self, case: str) -> Mapping[str, MakeCell]:
        """See `CellContract.noisy`."""
        return noisy_makers(*CASES[case])

    @pytest.fixture
    def oracle(self, case: str) -> Equations:
        """See `CellContract.oracle`."""
        return ORACLES[CASES[case][0]]


@pytest.mark.parametrize("case", CASES)
def test_weight_decay_spares_vectors(case: str) -> None:
    """Matrices are decayed; biases, gains, peepholes, eigenvalues and own-state weights are spared."""
    cell = make(case)
    by_name = dict(cell.named_parameters())
    groups = parameter_groups(cell)
    assert all(by_name[name].ndim == 2 for name in groups["decayed"])
    spared = {name.rpartition(".")[0] or name for name in groups["spared"]}
    known = {"kernel", "bias", "gain_input", "gain_state", "gain_cell", "peepholes", "nu", "theta", "log_gamma"}
    known |= {"peephole_input", "peephole_forget", "peephole_output"}
    known |= {"weight_state", "weight_forget", "weight_reset"}
    assert spared <= known
    assert {id(bias) for bias in cell.biases()} <= {id(by_name[name]) for name in groups["spared"]}


@pytest.mark.parametrize("case", CASES)
def test_backward_pass_is_linear_in_time(case: str) -> None:
    """No node of the backward pass that allocates a whole sequence is there once per step."""

    def whole_sequence_nodes(steps: int) -> int:
        x_BTI = sequences(steps=steps).requires_grad_()
        nodes, seen, found = [make(case)(x_BTI)[0].grad_fn], set(), 0
        while nodes:
            node = nodes.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            found += node.name().startswith(("Select", "Slice", "Index", "CopySlices", "Gather", "AsStrided"))
            nodes.extend(parent for parent, _ in node.next_functions)
        return found

    assert whole_sequence_nodes(24) == whole_sequence_nodes(12)


@pytest.mark.parametrize("name", ["rnn", "indrnn"])
def test_relu_acts(name: str) -> None:
    """With relu there is no negative state, with tanh there is."""
    torch.manual_seed(0)
    x_BTI = torch.randn(3, 6, 5)
    assert make_cell(name, nonlinearity="relu")(x_BTI)[0].min() == 0
    assert make_cell(name, nonlinearity="tanh")(x_BTI)[0].min() < 0


@pytest.mark.parametrize(("max_lag", "most"), [(None, 1.0), (10, 3 ** (1 / 10)), (1000, 3 ** (1 / 1000))])
def test_indrnn_stays_within_its_growth(max_lag: int | None, most: float) -> None:
    """A unit's own weight starts in, and acts as if in, an interval that bounds its growth over T_max."""
    torch.manual_seed(0)
    cell = make_cell("indrnn", 1, 500, growth=3.0, max_lag=max_lag)
    assert cell.weight_state.min() >= 0
    assert 0.98 * most < cell.weight_state.max() <= most
    with torch.no_grad():
        cell.weight_state.fill_(5.0)
        cell.weight_ih.fill_(1.0)
        cell.bias.zero_()
    x_BTI = torch.zeros(1, 11, 1)
    x_BTI[0, 0] = 1
    assert cell(x_BTI)[0][0, -1, 0].item() == pytest.approx(most**10, rel=1e-5)


def test_lru_starts_on_its_ring() -> None:
    """Eigenvalues are spread over the ring between r_min and r_max by area, and over the phases."""
    torch.manual_seed(0)
    cell = make_cell("lru", 3, 4000, r_min=0.5, r_max=0.9, max_phase=1.0)
    magnitude, phase = torch.exp(-cell.nu.exp()), cell.theta.exp()
    assert magnitude.min() >= 0.5
    assert magnitude.max() <= 0.9
    assert (magnitude**2).mean().item() == pytest.approx((0.25 + 0.81) / 2, rel=0.02)
    assert phase.max() <= 1
    assert phase.mean().item() == pytest.approx(0.5, rel=0.03)
    torch.testing.assert_close(cell.log_gamma.exp(), (1 - magnitude**2).sqrt())


def test_slstm_needs_heads_that_divide_its_units() -> None:
    """A number of heads that does not divide the units is refused."""
    with pytest.raises(TrialError, match=r"heads must divide hidden_size \(7\), but got 2"):
        make_cell("slstm", 5, 7, heads=2)


def test_slstm_survives_extreme_gates() -> None:
    """Input gates far below and above the range of exp give finite states whose normalizer stays near 1 or above."""
    cell = make_cell("slstm", 1, 4)
    with torch.no_grad():
        cell.weight_ih[:4] = 500.0
    y_BTH, (_, c_BH, n_BH, _) = cell(torch.tensor([[[-1.0], [1.0], [-1.0], [-1.0]]]))
    y_BTH.sum().backward()
    assert c_BH.isfinite().all()
    assert n_BH.min() > 0.999
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


def test_minlstm_survives_shut_gates() -> None:
    """Where both gates underflow, their ratio still acts."""
    cell = make_cell("minlstm", 1, 4)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias.zero_()
        for gate in ("forget", "input"):
            cell.bias[cell.gates()[gate]] = -200.0
    y_BTH, _ = cell(torch.zeros(1, 1, 1))
    torch.testing.assert_close(y_BTH, torch.full((1, 1, 4), 0.25))


def test_ablation_without_changes_is_the_peephole_lstm() -> None:
    """The two cells with the same weights give the same outputs: rows differ in order only."""
    ablation: Any = make("lstm_ablation")
    peephole: Any = make("peephole_lstm")
    with torch.no_grad():
        for gate, rows in peephole.gates().items():
            its = ablation.gates()[gate]
            ablation.weight_ih[its] = peephole.weight_ih[rows]
            ablation.weight_hh[its] = peephole.weight_hh[rows]
            ablation.bias[its] = peephole.bias[rows]
        for gate in ("input", "forget", "output"):
            ablation.peepholes[gate].copy_(getattr(peephole, f"peephole_{gate}"))
    x_BTI = sequences()
    torch.testing.assert_close(ablation(x_BTI)[0], peephole(x_BTI)[0])


def test_peepholes_start_as_a_plain_lstm() -> None:
    """A fresh peephole LSTM computes what an LSTM with its weights does."""
    cell = make_cell("peephole_lstm").double()
    x_BTI = sequences()
    torch.testing.assert_close(cell(x_BTI)[0], ORACLES["lstm"](cell, x_BTI))


@pytest.mark.parametrize("cell_name", ["ln_lstm", "ln_gru"])
def test_layer_norm_takes_away_the_scale_of_the_weights(cell_name: str) -> None:
    """Weights a hundred times as large give the same outputs."""
    cell, x_BTI = make_cell(cell_name, 5, 32).double(), sequences()
    before_BTH, _ = cell(x_BTI)
    with torch.no_grad():
        cell.weight_ih.mul_(100)
    torch.testing.assert_close(cell(x_BTI)[0], before_BTH, rtol=0, atol=math.sqrt(1e-5))
