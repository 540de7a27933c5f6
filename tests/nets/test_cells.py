"""The contract of a cell, over the whole catalog and its variants, with plain step-by-step cells as oracle."""

import math

import pytest
import torch
from torch.func import functional_call

from tests.support.networks import make_cell, padded_batch
from tests.support.oracles import ORACLES, gates_of
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS
from tuner.nets.stack import RecurrentStack
from tuner.optim.optimizers import parameter_groups

VARIANTS = {
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

CASES = {**{name: (name, {}) for name in CELLS.entries}, **VARIANTS}
UNITS = 6


def make(case, inputs=5, units=UNITS):
    """A seeded cell in float64, no parameter of which has a value that hides its part (0 or 1)."""
    name, options = CASES[case]
    torch.manual_seed(1)
    cell = make_cell(name, inputs, units, **options).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            if len(parameter.unique()) == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return cell


def sequences(items=3, steps=6, inputs=5):
    """Random inputs in float64."""
    return torch.randn(items, steps, inputs, dtype=torch.float64)


@pytest.mark.parametrize("inputs", [5, UNITS], ids=["I not H", "I = H"])
@pytest.mark.parametrize("case", CASES)
def test_equals_its_equations(case, inputs):
    """Outputs, and all gradients, equal those of the paper's equations, so that gate names are true."""
    cell = make(case, inputs)
    xs = [sequences(inputs=inputs).requires_grad_()]
    xs.append(xs[0].detach().clone().requires_grad_())
    weights_BTH = torch.randn(3, 6, UNITS, dtype=torch.float64)
    y_BTH, _ = cell(xs[0])
    expected_BTH = ORACLES[CASES[case][0]](cell, xs[1])
    torch.testing.assert_close(y_BTH, expected_BTH)
    parameters = list(cell.parameters())
    got = torch.autograd.grad((y_BTH * weights_BTH).sum(), [xs[0], *parameters])
    expected = torch.autograd.grad((expected_BTH * weights_BTH).sum(), [xs[1], *parameters])
    torch.testing.assert_close(got, expected)
    assert all(gradient.abs().max() > 0 for gradient in got)


GATELESS = {"rnn", "indrnn", "lru"}


@pytest.mark.parametrize("case", CASES)
def test_tells_its_gates(case):
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
def test_gates_see_the_state_that_zoneout_kept(name):
    """In evaluation zoneout takes its mean: gates follow from the kept h and c, as the steps one by one give them."""
    torch.manual_seed(1)
    cell = make_cell(name, 5, UNITS, **{"zoneout.state": 0.4, "zoneout.cell": 0.3}).double().eval()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    x_BTI = sequences()
    gates = cell.gate_values(x_BTI, cell(x_BTI)[0])
    state = (torch.zeros(3, UNITS, dtype=torch.float64),) * 2
    peepholes = {
        "lstm": dict.fromkeys(("input", "forget"), 0.0),
        "peephole_lstm": {k: getattr(cell, f"peephole_{k}", 0) for k in ("input", "forget")},
        "lstm_ablation": {k: getattr(cell, "peepholes", {}).get(k) for k in ("input", "forget")},
    }[name]
    for step in range(6):
        h_BH, c_BH = state
        a_BG = x_BTI[:, step] @ cell.input_weights().t() + h_BH @ cell.recurrent_weights().t() + sum(cell.biases())
        for gate, p_H in peepholes.items():
            torch.testing.assert_close(gates[gate][:, step], (a_BG[:, cell.gates()[gate]] + p_H * c_BH).sigmoid())
        _, state = cell(x_BTI[:, step : step + 1], state)


def test_every_cell_has_an_oracle():
    """No cell of the catalog goes without an oracle."""
    assert set(ORACLES) == set(CELLS.entries)


@pytest.mark.parametrize("case", CASES)
class TestContract:
    def test_shapes(self, case):
        """Outputs are (B, T, H); every part of the state is real and has the batch first."""
        cell = make(case)
        y_BTH, state = cell(sequences())
        assert y_BTH.shape == (3, 6, UNITS)
        assert all(len(part) == 3 and part.dtype == torch.float64 for part in state)

    def test_gradients_equal_finite_differences(self, case):
        """Gradients of inputs and all parameters equal finite differences."""
        cell = make(case, 2, 3)
        names, parameters = zip(*cell.named_parameters(), strict=True)

        def outputs(x_BTI, *parameters):
            return functional_call(cell, dict(zip(names, parameters, strict=True)), (x_BTI,))[0]

        inputs = (sequences(2, 3, 2).requires_grad_(), *(p.detach().requires_grad_() for p in parameters))
        assert torch.autograd.gradcheck(outputs, inputs, fast_mode=True)

    @pytest.mark.parametrize("cuts", [[2, 4], [1, 1, 4], [1] * 6], ids=str)
    def test_state_is_carried(self, case, cuts):
        """Parts with the state carried give what the whole gives: outputs, last state, gradients."""
        cell = make(case)
        x_BTI = sequences()
        whole_BTH, end = cell(x_BTI)
        outputs, state = [], None
        for part_BTI in x_BTI.split(cuts, 1):
            y_BTH, state = cell(part_BTI, state)
            outputs.append(y_BTH)
        torch.testing.assert_close(torch.cat(outputs, 1), whole_BTH)
        torch.testing.assert_close(state, end)
        parameters = list(cell.parameters())
        expected = torch.autograd.grad(whole_BTH.square().sum(), parameters)
        torch.testing.assert_close(torch.autograd.grad(torch.cat(outputs, 1).square().sum(), parameters), expected)

    def test_reads_from_left_to_right(self, case):
        """A later input changes no earlier output."""
        cell = make(case)
        x_BTI = sequences()
        other_BTI = x_BTI.clone()
        other_BTI[:, 4:] = 1e3
        assert torch.equal(cell(x_BTI)[0][:, :4], cell(other_BTI)[0][:, :4])

    def test_padding_changes_no_item(self, case):
        """Valid steps of a padded batch, read in both directions, equal those of each item alone to 1e-6."""
        name, options = CASES[case]
        torch.manual_seed(1)
        stack = RecurrentStack(lambda size: make_cell(name, size, UNITS, **options), 5, 2, True).double()
        lengths = [6, 1, 4]
        x_BTI, lengths_B = padded_batch(lengths, extra=2)
        y_BTF, _, _ = stack(x_BTI, lengths_B)
        for row, length in enumerate(lengths):
            alone_BTF, _, _ = stack(x_BTI[row : row + 1, :length])
            torch.testing.assert_close(y_BTF[row, :length], alone_BTF[0], atol=1e-6, rtol=0)

    def test_is_deterministic(self, case):
        """Two passes, and two cells of one seed, give the same bits; a pass draws no random numbers."""
        x_BTI = sequences()
        cell = make(case)
        before = torch.get_rng_state()
        passes = [cell(x_BTI)[0], cell(x_BTI)[0], make(case)(x_BTI)[0]]
        assert all(torch.equal(passes[0], other) for other in passes)
        torch.manual_seed(2)
        torch.set_rng_state(before)
        cell(x_BTI)
        assert torch.equal(torch.get_rng_state(), before)

    def test_state_dict_round_trip(self, case):
        """A fresh cell with the saved state gives the same bits."""
        cell, x_BTI = make(case), sequences()
        name, options = CASES[case]
        fresh = make_cell(name, 5, UNITS, **options).double()
        fresh.load_state_dict(cell.state_dict())
        assert torch.equal(fresh(x_BTI)[0], cell(x_BTI)[0])

    def test_gates_cut_the_stacked_parameters(self, case):
        """Gates cover the rows of all stacked parameters once, in order, H rows each."""
        cell = make(case)
        rows = [row for gate in cell.gates().values() for row in range(gate.start, gate.stop)]
        total = UNITS * len(cell.gates())
        assert rows == list(range(total))
        assert len(cell.input_weights()) == total
        assert cell.input_weights().shape[1] % 5 == 0
        assert cell.recurrent_weights() is None or len(cell.recurrent_weights()) == total
        assert all(bias.shape == (total,) for bias in cell.biases())
        assert set(cell.memory_gates()) <= set(cell.gates())

    def test_recurrent_blocks_are_views_that_cover_all(self, case):
        """Filling the recurrent blocks fills the recurrent matrix, and every block is square."""
        cell = make(case)
        with torch.no_grad():
            for block in cell.recurrent_blocks():
                assert block.shape[0] == block.shape[1]
                block.fill_(7)
        filled = [p for p in cell.parameters() if (p == 7).all()]
        weights = cell.recurrent_weights()
        assert sum(p.numel() for p in filled) == sum(block.numel() for block in cell.recurrent_blocks())
        assert weights is None or (weights == 7).all()

    def test_weight_decay_spares_vectors(self, case):
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

    def test_backward_pass_is_linear_in_time(self, case):
        """No node of the backward pass that allocates a whole sequence is there once per step."""

        def whole_sequence_nodes(steps):
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

    def test_one_step_one_unit_one_input(self, case):
        """The smallest sizes work."""
        name, options = CASES[case]
        cell = make_cell(name, 1, 1, **{**options, **({"heads": 1} if "heads" in options else {})})
        assert cell(torch.randn(1, 1, 1))[0].isfinite().all()

    @pytest.mark.parametrize("scale", [1e2, -1e2])
    def test_large_inputs_stay_finite(self, case, scale):
        """Saturated gates give finite outputs and gradients in float32."""
        cell = make(case).float()
        y_BTH, _ = cell(torch.full((2, 4, 5), scale))
        y_BTH.sum().backward()
        assert y_BTH.isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


@pytest.mark.parametrize("name", ["rnn", "indrnn"])
def test_relu_acts(name):
    """With relu there is no negative state, with tanh there is."""
    torch.manual_seed(0)
    x_BTI = torch.randn(3, 6, 5)
    assert make_cell(name, nonlinearity="relu")(x_BTI)[0].min() == 0
    assert make_cell(name, nonlinearity="tanh")(x_BTI)[0].min() < 0


@pytest.mark.parametrize(("max_lag", "most"), [(None, 1.0), (10, 3 ** (1 / 10)), (1000, 3 ** (1 / 1000))])
def test_indrnn_stays_within_its_growth(max_lag, most):
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


def test_lru_starts_on_its_ring():
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


def test_slstm_needs_heads_that_divide_its_units():
    """A number of heads that does not divide the units is refused."""
    with pytest.raises(TrialError, match=r"heads must divide hidden_size \(7\), but got 2"):
        make_cell("slstm", 5, 7, heads=2)


def test_slstm_survives_extreme_gates():
    """Input gates far below and above the range of exp give finite states whose normalizer stays near 1 or above."""
    cell = make_cell("slstm", 1, 4)
    with torch.no_grad():
        cell.weight_ih[:4] = 500.0
    y_BTH, (_, c_BH, n_BH, _) = cell(torch.tensor([[[-1.0], [1.0], [-1.0], [-1.0]]]))
    y_BTH.sum().backward()
    assert c_BH.isfinite().all()
    assert n_BH.min() > 0.999
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


def test_minlstm_survives_shut_gates():
    """Where both gates underflow, their ratio still acts."""
    cell = make_cell("minlstm", 1, 4)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias.zero_()
        for gate in ("forget", "input"):
            cell.bias[cell.gates()[gate]] = -200.0
    y_BTH, _ = cell(torch.zeros(1, 1, 1))
    torch.testing.assert_close(y_BTH, torch.full((1, 1, 4), 0.25))


def test_ablation_without_changes_is_the_peephole_lstm():
    """The two cells with the same weights give the same outputs: rows differ in order only."""
    ablation, peephole = make("lstm_ablation"), make("peephole_lstm")
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


def test_peepholes_start_as_a_plain_lstm():
    """A fresh peephole LSTM computes what an LSTM with its weights does."""
    cell = make_cell("peephole_lstm").double()
    x_BTI = sequences()
    torch.testing.assert_close(cell(x_BTI)[0], ORACLES["lstm"](cell, x_BTI))


@pytest.mark.parametrize("cell_name", ["ln_lstm", "ln_gru"])
def test_layer_norm_takes_away_the_scale_of_the_weights(cell_name):
    """Weights a hundred times as large give the same outputs."""
    cell, x_BTI = make_cell(cell_name, 5, 32).double(), sequences()
    before_BTH, _ = cell(x_BTI)
    with torch.no_grad():
        cell.weight_ih.mul_(100)
    torch.testing.assert_close(cell(x_BTI)[0], before_BTH, rtol=0, atol=math.sqrt(1e-5))
