"""What probes make of a look, against plain arithmetic."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.looked import LENGTHS, SHAPES, UNITS, build, oracle, sample
from tests.support.oracles import ORACLES, gates_of
from tuner.diagnostics import look_probes, names
from tuner.diagnostics.look import cells_of, take_look
from tuner.diagnostics.look_probes import Gates, Measured, NoiseScale, Spectrum, StateGradients, Units, spectrum
from tuner.nets.catalog import CELLS

BORDERS = [*range(3, 23, 3), 22]
GATED = sorted(set(CELLS.entries) - {"rnn", "indrnn", "lru"})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lag", [5, 1000, None])
def test_profile_slope_and_attenuation(shape: str, lag: int) -> None:
    """From the oracle's norms: root mean squares by lag, numpy's line through all logarithms, powers of ten."""
    every = SHAPES[shape].get("every", False)
    network, given = build("gru", **SHAPES[shape]).eval(), sample(every=every, lag=lag)
    expected, inputs = oracle("gru", network, given)
    metrics, tensors, profiles = StateGradients().measure(take_look(network, given))
    for name, norms_TB in expected.items():
        points = [
            (length - border, norms_TB[border - 1, item].item())
            for item, length in enumerate(LENGTHS)
            for border in BORDERS
            if border < length
        ]
        lags, values = zip(*points, strict=True)
        slope = np.polyfit(lags, np.log(values), 1)[0]
        assert tensors[names.SLOPE][name] == pytest.approx(slope)
        reach = 20 if lag is None else min(lag, 20)
        assert tensors[names.CELL_ATTENUATION][name] == pytest.approx(slope * reach / math.log(10))
        by_lag = {at: [value for other, value in points if other == at] for at in lags}
        assert [at for at, _ in profiles[names.STATE_GRAD][name]] == sorted(by_lag)
        for at, value in profiles[names.STATE_GRAD][name]:
            assert value == pytest.approx(np.sqrt(np.mean(np.square(by_lag[at]))))
    assert metrics[names.ATTENUATION] == max(tensors[names.CELL_ATTENUATION].values())
    first = dict(profiles[names.INPUT_GRAD]["encoder"])
    assert list(first) == list(range(23))
    assert first[22] == pytest.approx(inputs[0, 0].item())
    assert first[0] == pytest.approx(np.sqrt(np.mean([inputs[i, n - 1].item() ** 2 for i, n in enumerate(LENGTHS)])))


def cells(network: nn.Module) -> dict[str, Any]:
    """The cells, of any class, as tests read what theirs has."""
    return dict(cells_of(network))


def faded(norms: list[float]) -> Measured:
    """A look at one cell whose gradient is set by hand."""
    given = sample(dtype=torch.float32)
    given.batch.lengths = None
    look = take_look(build("lstm", dtype=torch.float32), given)
    (seen,) = look.cells.values()
    seen.norms = torch.tensor(norms, dtype=torch.float64)[:, None].expand(-1, 3)
    return StateGradients().measure(look)


def test_a_gradient_that_vanishes_to_nothing_is_very_strong_attenuation() -> None:
    """The first 0 counts as the smallest number, those behind it not at all; 0 everywhere falls from the end."""
    metrics, tensors, profiles = faded([0, 0, 0, 0, 0, 0, 1e-30, 1e-2, 1.0])
    smallest = math.log(2.0**-149)
    slope = np.polyfit([1, 2, 5], [math.log(1e-2), math.log(1e-30), smallest], 1)[0]
    assert tensors[names.SLOPE] == {"stack.forward_cells.0": pytest.approx(slope)}
    assert metrics[names.ATTENUATION] == pytest.approx(slope * 20 / math.log(10))
    assert profiles[names.STATE_GRAD]["stack.forward_cells.0"][-1] == (20.0, 0.0)
    metrics, tensors, _ = faded([0] * 8 + [1.0])
    assert tensors[names.SLOPE] == {"stack.forward_cells.0": pytest.approx(smallest)}
    assert metrics[names.ATTENUATION] < -800


def test_no_gradient_at_all_has_no_slope() -> None:
    """Where nothing arrives even at the end, or nothing is finite, nothing is said."""
    for norms in ([0.0] * 9, [math.nan] * 9, [math.inf] * 9):
        metrics, tensors, _ = faded(norms)
        assert (metrics, tensors[names.SLOPE]) == ({}, {})


def test_the_profile_of_a_long_input_is_thinned() -> None:
    """At most about 50 lags, evenly spaced, the end among them."""
    given = sample()
    given.batch.x = torch.randn(3, 430, 5, dtype=torch.float64)
    given.batch.lengths = None
    (pairs,) = StateGradients().measure(take_look(build("gru"), given)).profiles[names.INPUT_GRAD].values()
    assert [lag for lag, _ in pairs] == list(range(0, 430, 9))


@pytest.mark.parametrize("cell", GATED)
def test_gates_equal_the_equations(cell: str) -> None:
    """Mean and shares over valid steps only, and memory from the gate that keeps, by the step-by-step oracle."""
    network, given = build(cell, bidirectional=True).eval(), sample()
    metrics, tensors, _ = Gates().measure(take_look(network, given))
    x_BTI, saturated = given.batch.x, []
    for name, module in cells(network).items():
        read_BTI = torch.zeros_like(x_BTI)
        for item, length in enumerate(LENGTHS):
            part = x_BTI[item, :length]
            read_BTI[item, :length] = part.flip(0) if "backward" in name else part
        gates = {
            gate: [row[:length] for row, length in zip(values_BTH, LENGTHS, strict=True)]
            for gate, values_BTH in gates_of(module, read_BTI, ORACLES[cell]).items()
        }
        assert gates
        for gate, rows in gates.items():
            values = torch.cat(rows)
            left, right = ((values < 0.1).double().mean().item(), (values > 0.9).double().mean().item())
            assert tensors[names.GATE_MEAN][f"{name}/{gate}"] == pytest.approx(values.mean().item())
            assert tensors[names.GATE_LEFT][f"{name}/{gate}"] == pytest.approx(left)
            assert tensors[names.GATE_RIGHT][f"{name}/{gate}"] == pytest.approx(right)
            saturated.append(left + right)
        keeping = {
            "mgu": lambda gates: [1 - row for row in gates["forget"]],
            "mingru": lambda gates: [1 - row for row in gates["update"]],
        }
        memory = next((gate for gate in ("forget", "update") if gate in gates), None)
        kept = keeping.get(cell, lambda gates, memory=memory: gates[memory])(gates)
        tau = -1 / torch.cat([row[1:] for row in kept]).log().mean(0)
        assert tensors[names.MEMORY_TIME][name] == pytest.approx(np.quantile(tau.numpy(force=True), 0.95))
    assert metrics[names.GATES_SATURATED] == pytest.approx(max(saturated))


def test_memory_of_gates_at_their_ends_is_finite() -> None:
    """A gate that is 0 or 1 to the last bit forgets at once, or hardly ever."""
    look_probe, network = Gates(), build("lstm", dtype=torch.float32)
    (cell,) = cells(network).values()
    for bias, low, high in [(-1e4, 0, 0.02), (1e4, 1e6, 1e8)]:
        with torch.no_grad():
            for parameter in cell.biases():
                parameter[cell.gates()["forget"]] = bias
        (tau,) = look_probe.measure(take_look(network, sample(dtype=torch.float32))).tensors[names.MEMORY_TIME].values()
        assert low < tau < high


@pytest.mark.parametrize("cell", CELLS.entries)
def test_units_equal_plain_arithmetic(cell: str) -> None:
    """Of valid steps only, by numpy, from a plain pass item by item."""
    network, given = build(cell).eval(), sample()
    ((_, module),) = cells(network).items()
    with torch.no_grad():
        runs = [module(given.batch.x[i : i + 1, :length]) for i, length in enumerate(LENGTHS)]
    y_NH = np.concatenate([y_BTH[0].numpy() for y_BTH, _ in runs])
    x_NI = np.concatenate([given.batch.x[i, :length].numpy() for i, length in enumerate(LENGTHS)])
    metrics, tensors, _ = Units().measure(take_look(network, given))
    expected = {
        names.UNITS_DEAD: np.mean(y_NH.std(0) < 1e-3),
        names.UNITS_SATURATED: np.mean(np.abs(y_NH) > 0.95),
        names.OUTPUT_MEAN: np.abs(y_NH).mean(),
        names.OUTPUT_SD: y_NH.std(),
        names.OUTPUT_MAX: np.abs(y_NH).max(),
        names.INPUT_SD: x_NI.std(),
        names.INPUT_MAX: np.abs(x_NI).max(),
    }
    for quantity, value in expected.items():
        assert tensors[quantity] == {"stack.forward_cells.0": pytest.approx(value)}
    assert metrics[names.DEAD] == expected[names.UNITS_DEAD]
    assert metrics[names.SATURATED] == expected[names.UNITS_SATURATED]
    state = max(
        part.abs().max().item()
        for item, length in enumerate(LENGTHS)
        for border in [*BORDERS, 23]
        if border <= length
        for part in module(given.batch.x[item : item + 1, :border].clone().requires_grad_())[1]
        if part.requires_grad
    )
    assert metrics[names.STATE_MAX] == tensors[names.CELL_STATE_MAX]["stack.forward_cells.0"] == pytest.approx(state)


def test_dead_units_are_counted() -> None:
    """Rectified units that never open, and units that always say the same, are dead."""
    torch.manual_seed(0)
    network: Any = build("rnn")
    (cell,) = cells(network).values()
    with torch.no_grad():
        cell.input_weights()[:3] = 0
        cell.recurrent_weights()[:3] = 0
    assert Units().measure(take_look(network, sample())).metrics[names.DEAD] == 0.5


@pytest.mark.parametrize("cell", CELLS.entries)
def test_singular_values_equal_numpys(cell: str) -> None:
    """Largest and least of every recurrent block, by its gate."""
    network: Any = build(cell, layers=2)
    metrics, tensors, _ = Spectrum().measure(take_look(network, sample()))
    expected = {}
    for name, module in cells(network).items():
        if module.recurrent_weights() is not None:
            for gate, rows in module.gates().items():
                block = module.recurrent_weights()[rows].numpy(force=True)
                expected[f"{name}/{gate}"] = np.linalg.svd(block, compute_uv=False)
    assert tensors[names.SINGULAR_LARGEST] == {label: pytest.approx(values[0]) for label, values in expected.items()}
    assert tensors[names.SINGULAR_LEAST] == {label: pytest.approx(values[-1]) for label, values in expected.items()}
    assert metrics == ({names.SINGULAR_MAX: max(tensors[names.SINGULAR_LARGEST].values())} if expected else {})


@pytest.mark.parametrize(
    ("cell", "options", "labels"),
    [
        ("slstm", {"heads": 3}, [f"{g}.{k}" for g in ("input", "forget", "candidate", "output") for k in range(3)]),
        (
            "lstm_ablation",
            {"full_gate_recurrence": True, "input_gate": False},
            ["forget", "output", "candidate", "block.3", "block.4", "block.5", "block.6"],
        ),
    ],
)
def test_every_block_has_a_label(cell: str, options: dict[str, Any], labels: list[str]) -> None:
    """Heads are counted within their gate, other blocks after the gates'."""
    entry = CELLS[cell]
    module = entry.load()(4, UNITS, entry.options(**options))
    largest, least = spectrum({"c": module})
    assert list(largest) == list(least) == [f"c/{label}" for label in labels]
    for value, block in zip(largest.values(), module.recurrent_blocks(), strict=True):
        assert value == pytest.approx(np.linalg.norm(block.numpy(force=True), 2), rel=1e-5)


def test_a_block_that_is_not_finite_is_left_out() -> None:
    """The others are measured."""
    network: Any = build("lstm")
    (cell,) = cells(network).values()
    with torch.no_grad():
        cell.recurrent_blocks()[1][0, 0] = math.nan
    largest, _ = spectrum(cells(network))
    assert [label.rpartition("/")[2] for label in largest] == ["input", "candidate", "output"]


def test_noise_scale_equals_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of |G|^2 and S by the published formula from whole and half batches' gradients, smoothed over looks."""
    monkeypatch.setattr(look_probes, "SMOOTHING", 0.5)
    network, given = build("gru").eval(), sample()
    x_BTI, y = torch.randn(10, 8, 5).double(), 0.2 * torch.randn(10, 3).double() + 3
    given.batch.x, given.batch.y, given.batch.lengths = x_BTI, y, torch.tensor([8] * 10)

    def squared(rows: slice) -> float:
        value = (network(x_BTI[rows]) - y[rows]).square().mean(-1).mean()
        return sum(g.square().sum().item() for g in torch.autograd.grad(value, list(network.parameters())))

    probe, square, trace = NoiseScale(), 0.0, 0.0
    for _ in range(3):
        measured = probe.measure(take_look(network, given))
        small, large = (squared(slice(0, 5)) + squared(slice(5, 10))) / 2, squared(slice(0, 10))
        square = 0.5 * square + 0.5 * (10 * large - 5 * small) / (10 - 5)
        trace = 0.5 * trace + 0.5 * (small - large) / (1 / 5 - 1 / 10)
        assert measured.metrics == {names.NOISE_SCALE: pytest.approx(trace / square)}
        with torch.no_grad():
            network.get_parameter("head.bias").add_(0.1)
    other = NoiseScale()
    other.load_state_dict(probe.state_dict())
    assert other.measure(take_look(network, given)) == probe.measure(take_look(network, given))


def test_a_network_that_is_not_finite_raises_nothing() -> None:
    """Not a number in, whatever is finite out."""
    for cell in CELLS.entries:
        network: Any = build(cell)
        with torch.no_grad():
            network.stack.forward_cells[0].input_weights()[0, 0] = math.nan
        look = take_look(network, sample())
        for probe in (StateGradients(), Gates(), Units(), Spectrum(), NoiseScale()):
            probe.measure(look)
