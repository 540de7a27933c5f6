"""What acts within a cell: over every cell and every kind that its options name, against plain steps as oracle."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.networks import make_cell
from tuner.nets.catalog import CELLS

KINDS = ("weight_drop", "dropout.state", "dropout.recurrent", "zoneout.state", "zoneout.cell")
CASES = [(cell, kind) for cell in CELLS.entries for kind in KINDS if kind in CELLS[cell].parameters()]
UNITS = 7


def of(*kinds: str) -> list[tuple[str, str]]:
    """The cells that have these kinds."""
    return [case for case in CASES if case[1] in kinds]


def make(cell: str, **options: Any) -> Any:
    """A seeded cell in float64."""
    torch.manual_seed(1)
    return make_cell(cell, 5, UNITS, **options).double()


def sequences(items: int = 3, steps: int = 6) -> Tensor:
    """Random inputs in float64."""
    return torch.randn(items, steps, 5, dtype=torch.float64)


def seeded(cell: Any, x_BTI: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A pass whose noise is known."""
    torch.manual_seed(9)
    return cell(x_BTI)


def test_every_gated_cell_with_a_matrix_has_all_kinds() -> None:
    """Cells with a recurrent matrix take all that acts on it; the rest zoneout at least, but for the linear unit."""
    kinds = {cell: {kind for kind in KINDS if (cell, kind) in CASES} for cell in CELLS.entries}
    assert kinds.pop("lru") == set()
    assert kinds.pop("rnn") == {"weight_drop", "dropout.state", "zoneout.state"}
    for cell, found in kinds.items():
        if make(cell).recurrent_weights() is None:
            assert found == {"zoneout.state"}, cell
        else:
            assert found >= {"weight_drop", "dropout.state", "dropout.recurrent", "zoneout.state"}, cell


@pytest.mark.parametrize(("cell", "kind"), CASES)
class TestContract:
    def test_acts_in_training(self, cell: str, kind: str) -> None:
        """Passes differ in training, are equal with equal seeds, and equal in evaluation."""
        noisy, x_BTI = make(cell, **{kind: 0.4}), sequences()
        assert not torch.equal(noisy(x_BTI)[0], noisy(x_BTI)[0])
        assert torch.equal(seeded(noisy, x_BTI)[0], seeded(noisy, x_BTI)[0])
        noisy.eval()
        before = torch.get_rng_state()
        y_BTH = noisy(x_BTI)[0]
        assert torch.equal(y_BTH, noisy(x_BTI)[0])
        assert torch.equal(torch.get_rng_state(), before)
        if not kind.startswith("zoneout"):
            assert torch.equal(y_BTH, make(cell)(x_BTI)[0])

    def test_gradients_flow(self, cell: str, kind: str) -> None:
        """Every parameter has a finite gradient that is not all zero."""
        noisy = make(cell, **{kind: 0.4})
        seeded(noisy, sequences(8, 12))[0].square().sum().backward()
        for name, parameter in noisy.named_parameters():
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("state", [False, True])
def test_steps_equal_the_kernel(cell: str, state: bool) -> None:
    """Taken step by step, as noise demands, a fused cell computes what its kernel does, gradients too."""
    x_BTI = sequences()
    start = tuple(torch.randn_like(part) for part in make(cell)(x_BTI)[1]) if state else None
    outputs, gradients = [], []
    for options in ({}, {"zoneout.state": 1e-300}):  # too little to change a bit, but taken step by step
        made = make(cell, **options).eval()
        y_BTH, end = made(x_BTI, start)
        outputs.append((y_BTH, end))
        gradients.append(torch.autograd.grad(y_BTH.square().sum(), list(made.parameters())))
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(("cell", "kind"), of("weight_drop"))
def test_weight_drop_is_one_mask_on_the_recurrent_matrix(cell: str, kind: str) -> None:
    """A pass equals that of a cell whose recurrent matrix has the mask, scaled by 1 / (1 - p), on it."""
    noisy, x_BTI = make(cell, **{kind: 0.4}), sequences()
    plain = make(cell)
    y_BTH, _ = seeded(noisy, x_BTI)
    torch.manual_seed(9)
    weights = plain.recurrent_weights()
    mask = (torch.rand_like(weights) >= 0.4) / 0.6
    assert 0.3 < (mask == 0).double().mean() < 0.5
    with torch.no_grad():
        weights.mul_(mask)
    torch.testing.assert_close(y_BTH, plain(x_BTI)[0])


@pytest.mark.parametrize(("cell", "kind"), of("dropout.state"))
def test_state_dropout_hides_units_from_the_products(cell: str, kind: str) -> None:
    """For one sequence, a pass equals that of a cell whose recurrent matrix lacks the columns of the hidden units."""
    noisy, plain, x_1TI = make(cell, **{kind: 0.4}), make(cell), sequences(1, 8)
    y_1TH, _ = seeded(noisy, x_1TI)
    torch.manual_seed(9)
    mask_1H = (torch.rand(1, UNITS, dtype=torch.float64) >= 0.4) / 0.6
    assert 0 < (mask_1H == 0).sum() < UNITS
    with torch.no_grad():
        plain.recurrent_weights().mul_(mask_1H)
    torch.testing.assert_close(y_1TH, plain(x_1TI)[0])


@pytest.mark.parametrize(("cell", "kind"), of("dropout.state"))
def test_state_dropout_differs_between_sequences(cell: str, kind: str) -> None:
    """Every sequence of a batch has units of its own: two equal ones give different outputs."""
    y_BTH, _ = seeded(make(cell, **{kind: 0.5}), sequences(1, 8).repeat(2, 1, 1))
    assert not torch.equal(y_BTH[0], y_BTH[1])


@pytest.mark.parametrize(("cell", "kind"), of("dropout.recurrent"))
def test_recurrent_dropout_takes_away_what_is_written(cell: str, kind: str) -> None:
    """With nearly all new values dropped, the state stays 0; with half of them, at the first step, half of it is."""
    x_BTI = sequences()
    assert not seeded(make(cell, **{kind: 1 - 1e-12}), x_BTI)[0].any()
    torch.manual_seed(0)
    if cell == "ln_lstm":
        return  # its output is normalized over units, so that none is 0
    noisy = make_cell(cell, 5, 2000, **{kind: 0.5}).double()
    assert (noisy(x_BTI[:1, :1])[0] == 0).double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_recurrent_dropout_is_scaled_and_only_on_the_candidate() -> None:
    """One step of the LSTM: c = f c' + i g m, m = 0 or 1 / (1 - p)."""
    cell, x_B1I = make("lstm", **{"dropout.recurrent": 0.4}), sequences(3, 1)
    start = (torch.randn(3, UNITS, dtype=torch.float64), torch.randn(3, UNITS, dtype=torch.float64))
    torch.manual_seed(9)
    _, (_, c_BH) = cell(x_B1I, start)
    torch.manual_seed(9)
    mask_BH = (torch.rand(3, UNITS, dtype=torch.float64) >= 0.4) / 0.6
    a_BG = x_B1I[:, 0] @ cell.input_weights().T + start[0] @ cell.recurrent_weights().T + sum(cell.biases())
    i, f, g, _ = a_BG.chunk(4, 1)
    torch.testing.assert_close(c_BH, f.sigmoid() * start[1] + i.sigmoid() * g.tanh() * mask_BH)


@pytest.mark.parametrize(("cell", "kind"), of("zoneout.state", "zoneout.cell"))
def test_zoneout_in_evaluation_is_the_mean(cell: str, kind: str) -> None:
    """Step by step, the state is z * old + (1 - z) * new, where new is what the cell without zoneout makes of old."""
    part = 1 if kind == "zoneout.cell" else 0
    noisy, plain, x_BTI = make(cell, **{kind: 0.3}).eval(), make(cell), sequences()
    _, end = noisy(x_BTI)
    state = tuple(torch.zeros_like(each) for each in end)
    if cell == "slstm":
        state = (*state[:3], torch.full_like(state[3], -torch.inf))
    for x_B1I in x_BTI.split(1, 1):
        new = list(plain(x_B1I, state)[1])
        new[part] = 0.3 * state[part] + 0.7 * new[part]
        state = tuple(new)
    torch.testing.assert_close(end, state)


@pytest.mark.parametrize(("cell", "kind"), of("zoneout.state", "zoneout.cell"))
def test_zoneout_keeps_a_share_of_the_units(cell: str, kind: str) -> None:
    """After one step from a known state, a share z of the units has the old value, the others the new one, exactly."""
    part = 1 if kind == "zoneout.cell" else 0
    torch.manual_seed(0)
    options = {"nonlinearity": "tanh"} if cell == "indrnn" else {}  # relu's zeros would look kept
    plain = make_cell(cell, 5, 2000, **options).double()
    noisy = copy.deepcopy(plain)
    noisy.options = type(noisy.options).model_validate({kind: 0.3, **options})
    x_B1I = sequences(2, 2)
    _, start = plain(x_B1I)
    old, new, kept = start[part], plain(x_B1I[:, :1], start)[1][part], noisy(x_B1I[:, :1], start)[1][part]
    assert torch.isclose(kept, old, atol=1e-12).double().mean().item() == pytest.approx(0.3, abs=0.05)
    assert (torch.isclose(kept, old, atol=1e-12) | torch.isclose(kept, new, atol=1e-12)).all()
