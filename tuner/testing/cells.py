"""The contract of a cell (`tuner.nets.cell.Cell`) as tests.

Letters in shapes: B batch, T steps, I inputs, F features, H units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from tuner.nets.catalog import CELLS
from tuner.nets.cell import Cell
from tuner.nets.cell_options import CandidateNoiseOptions, CellZoneoutOptions
from tuner.nets.stack import RecurrentStack
from tuner.optim.optimizers import parameter_groups

MakeCell = Callable[[int, int], Cell]
"""Creates a cell from input size and hidden size."""
Equations = Callable[[Cell, Tensor], Tensor | None]
"""From a cell (to read its parameters) and inputs (B, T, I) to the outputs (B, T, H); None: no equations given."""
INPUTS, UNITS = 5, 6
NOISE = tuple(
    dict.fromkeys(
        field.alias or name
        for model in (CandidateNoiseOptions, CellZoneoutOptions)
        for name, field in model.model_fields.items()
    )
)
"""The kinds of noise within a cell, as its options name them: "weight_drop", "zoneout.state"."""


def cell_maker(cell: str | type[Cell], options: Mapping[str, Any]) -> MakeCell:
    """A function that creates cells of one type.

    Args:
        cell: Its class, with its options model as the attribute `Options`; or its name in a task file.
        options: Options that differ from the defaults.
    """
    kind, model = _parts(cell)
    return lambda input_size, hidden_size: kind(input_size, hidden_size, model.model_validate(dict(options)))


def noisy_makers(cell: str | type[Cell], options: Mapping[str, Any]) -> dict[str, MakeCell]:
    """A function per kind of noise that the cell's options name, which creates cells with that noise.

    Args:
        cell: See `cell_maker`.
        options: See `cell_maker`.
    """
    names = {field.alias or name for name, field in _parts(cell)[1].model_fields.items()}
    return {kind: cell_maker(cell, {**options, kind: 0.4}) for kind in NOISE if kind in names}


def _parts(cell: str | type[Cell]) -> tuple[Any, Any]:
    """The class and its options model."""
    if isinstance(cell, str):
        return CELLS[cell].load(), CELLS[cell].options
    return cell, cell.Options  # type: ignore[attr-defined]  # as the catalog asks of a class from outside


def telling_cell(make: MakeCell, input_size: int = INPUTS, hidden_size: int = UNITS) -> Cell:
    """A seeded cell in float64; constant parameters (such as zero biases) get noise, so that tests see their effect."""
    torch.manual_seed(1)
    cell = make(input_size, hidden_size).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            if bool((parameter == parameter.flatten()[0]).all()):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return cell


def sequences(items: int = 3, steps: int = 6, inputs: int = INPUTS) -> Tensor:
    """Random inputs (B, T, I) in float64."""
    return torch.randn(items, steps, inputs, dtype=torch.float64)


class CellContract:
    """Tests of any cell.

    In your own test file:

        class TestMine(CellContract):
            cell = MyCell

    With `equations`, written from the paper and not from the code, outputs and gradients are compared with them.
    """

    cell: ClassVar[str | type[Cell]]
    """The class, with its options model as the attribute `Options`; or the name in a task file."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Options that differ from the defaults."""

    def equations(self, cell: Cell, x_BTI: Tensor) -> Tensor | None:  # noqa: ARG002 - for subclasses
        """The outputs (B, T, H) by the cell's equations, step by step, from zero states."""
        return None

    @pytest.fixture
    def make(self) -> MakeCell:
        """A function that creates the cell."""
        return cell_maker(self.cell, self.options)

    @pytest.fixture
    def noisy(self) -> Mapping[str, MakeCell]:
        """Kind of noise that the options name -> a function that creates the cell with it."""
        return noisy_makers(self.cell, self.options) if hasattr(self, "cell") else {}

    @pytest.fixture
    def oracle(self) -> Equations:
        """The cell's equations."""
        return self.equations

    @pytest.mark.parametrize("inputs", [INPUTS, UNITS], ids=["I not H", "I = H"])
    def test_equals_its_equations(self, make: MakeCell, oracle: Equations, inputs: int) -> None:
        """Outputs and all gradients equal those of the equations."""
        cell = telling_cell(make, inputs)
        xs = [sequences(inputs=inputs).requires_grad_()]
        xs.append(xs[0].detach().clone().requires_grad_())
        weights_BTH = torch.randn(3, 6, UNITS, dtype=torch.float64)
        y_BTH, _ = cell(xs[0])
        if (expected_BTH := oracle(cell, xs[1])) is None:
            pytest.skip("no equations are given")
        torch.testing.assert_close(y_BTH, expected_BTH)
        parameters = list(cell.parameters())
        got = torch.autograd.grad((y_BTH * weights_BTH).sum(), [xs[0], *parameters])
        expected = torch.autograd.grad((expected_BTH * weights_BTH).sum(), [xs[1], *parameters])
        torch.testing.assert_close(got, expected)
        assert all(gradient.abs().max() > 0 for gradient in got)

    def test_shapes(self, make: MakeCell) -> None:
        """Outputs are (B, T, H); every part of the state is real, with the batch as first axis."""
        y_BTH, state = telling_cell(make)(sequences())
        assert y_BTH.shape == (3, 6, UNITS)
        assert all(len(part) == 3 and part.dtype == torch.float64 for part in state)

    def test_gradients_equal_finite_differences(self, make: MakeCell) -> None:
        """Gradients of inputs and all parameters equal finite differences."""
        cell = telling_cell(make, 2, 3)
        names, parameters = zip(*cell.named_parameters(), strict=True)

        def outputs(x_BTI: Tensor, *parameters: Tensor) -> Tensor:
            y_BTH: Tensor = functional_call(cell, dict(zip(names, parameters, strict=True)), (x_BTI,))[0]
            return y_BTH

        inputs = (sequences(2, 3, 2).requires_grad_(), *(p.detach().requires_grad_() for p in parameters))
        assert torch.autograd.gradcheck(outputs, inputs, fast_mode=True)

    @pytest.mark.parametrize("cuts", [[2, 4], [1, 1, 4], [1] * 6], ids=str)
    def test_state_is_carried(self, make: MakeCell, cuts: list[int]) -> None:
        """A sequence in parts, with the state carried over, gives the same outputs, last state and gradients."""
        cell = telling_cell(make)
        x_BTI = sequences()
        whole_BTH, end = cell(x_BTI)
        outputs, state = [], None
        for part_BTI in torch.split(x_BTI, cuts, 1):
            y_BTH, state = cell(part_BTI, state)
            outputs.append(y_BTH)
        torch.testing.assert_close(torch.cat(outputs, 1), whole_BTH)
        torch.testing.assert_close(state, end)
        parameters = list(cell.parameters())
        expected = torch.autograd.grad(whole_BTH.square().sum(), parameters)
        torch.testing.assert_close(torch.autograd.grad(torch.cat(outputs, 1).square().sum(), parameters), expected)

    def test_reads_from_left_to_right(self, make: MakeCell) -> None:
        """The cell is causal: a later input changes no earlier output."""
        cell = telling_cell(make)
        x_BTI = sequences()
        other_BTI = x_BTI.clone()
        other_BTI[:, 4:] = 1e3
        assert torch.equal(cell(x_BTI)[0][:, :4], cell(other_BTI)[0][:, :4])

    def test_padding_changes_no_item(self, make: MakeCell) -> None:
        """In both directions, valid steps of a padded batch equal those of each item alone, to 1e-6."""
        torch.manual_seed(1)
        stack = RecurrentStack(lambda size: make(size, UNITS), INPUTS, 2, True).double()
        lengths = [6, 1, 4]
        x_BTI = sequences(steps=8)
        for row, length in enumerate(lengths):
            x_BTI[row, length:] = 0
        y_BTF, _, _ = stack(x_BTI, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone_BTF, _, _ = stack(x_BTI[row : row + 1, :length])
            torch.testing.assert_close(y_BTF[row, :length], alone_BTF[0], atol=1e-6, rtol=0)

    def test_is_deterministic(self, make: MakeCell) -> None:
        """Two passes, and two cells with one seed, are bitwise equal; a pass draws no random numbers."""
        cell, x_BTI = telling_cell(make), sequences()
        before = torch.get_rng_state()
        passes = [cell(x_BTI)[0], cell(x_BTI)[0], telling_cell(make)(x_BTI)[0]]
        assert all(torch.equal(passes[0], other) for other in passes)
        torch.manual_seed(2)
        torch.set_rng_state(before)
        cell(x_BTI)
        assert torch.equal(torch.get_rng_state(), before)

    def test_noise_acts_in_training(self, make: MakeCell, noisy: Mapping[str, MakeCell]) -> None:
        """Each kind of noise of the options acts: passes in training differ; in evaluation zoneout's mean is left."""
        if not noisy:
            pytest.skip("its options name no noise")
        x_BTI, plain = sequences(), telling_cell(make)
        for kind, make_noisy in noisy.items():
            cell = telling_cell(make_noisy)
            cell.load_state_dict(plain.state_dict())
            passes = [cell(x_BTI)[0] for _ in range(2)]
            assert not torch.equal(*passes), f"{kind} does not act in training"
            assert not torch.equal(passes[0], plain(x_BTI)[0]), f"{kind} does not act in training"
            y_BTH = cell.eval()(x_BTI)[0]
            assert torch.equal(cell(x_BTI)[0], y_BTH), f"{kind} acts in evaluation"
            is_plain = torch.allclose(y_BTH, plain(x_BTI)[0])
            assert is_plain != kind.startswith("zoneout"), f"{kind} is not what it is in evaluation"

    def test_state_dict_round_trip(self, make: MakeCell) -> None:
        """A new cell with the loaded state dict gives bitwise equal outputs."""
        cell, x_BTI = telling_cell(make), sequences()
        fresh = make(INPUTS, UNITS).double()
        fresh.load_state_dict(cell.state_dict())
        assert torch.equal(fresh(x_BTI)[0], cell(x_BTI)[0])

    def test_gates_cut_the_stacked_parameters(self, make: MakeCell) -> None:
        """The gates' slices cover the rows of all stacked parameters once, in order, H rows each."""
        cell = telling_cell(make)
        rows = [row for gate in cell.gates().values() for row in range(gate.start, gate.stop)]
        total = UNITS * len(cell.gates())
        weights = cell.recurrent_weights()
        assert rows == list(range(total))
        assert len(cell.input_weights()) == total
        assert cell.input_weights().shape[1] % INPUTS == 0
        assert weights is None or len(weights) == total
        assert all(bias.shape == (total,) for bias in cell.biases())
        assert set(cell.memory_gates()) <= set(cell.gates())

    def test_gate_values_are_shares(self, make: MakeCell) -> None:
        """`gate_values` has only gates of `gates`, with values in [0, 1] per unit and step, without a gradient."""
        cell, x_BTI = telling_cell(make), sequences()
        gates = cell.gate_values(x_BTI, cell(x_BTI)[0])
        assert gates.keys() <= cell.gates().keys()
        for values_BTH in gates.values():
            assert values_BTH.shape == (3, 6, UNITS)
            assert 0 <= float(values_BTH.min()) <= float(values_BTH.max()) <= 1
            assert not values_BTH.requires_grad

    def test_recurrent_blocks_are_views_that_cover_all(self, make: MakeCell) -> None:
        """The recurrent blocks are square views that together cover the recurrent matrix."""
        cell = telling_cell(make)
        with torch.no_grad():
            for block in cell.recurrent_blocks():
                assert block.shape[0] == block.shape[1]
                block.fill_(7)
        filled = [p for p in cell.parameters() if (p == 7).all()]
        weights = cell.recurrent_weights()
        assert sum(p.numel() for p in filled) == sum(block.numel() for block in cell.recurrent_blocks())
        assert weights is None or (weights == 7).all()

    def test_weight_decay_spares_biases(self, make: MakeCell) -> None:
        """Weight decay applies to matrices only, not to biases."""
        cell = telling_cell(make)
        by_name = dict(cell.named_parameters())
        groups = parameter_groups(cell)
        assert all(by_name[name].ndim == 2 for name in groups["decayed"])
        assert {id(bias) for bias in cell.biases()} <= {id(by_name[name]) for name in groups["spared"]}

    def test_one_step_one_unit_one_input(self, make: MakeCell) -> None:
        """The smallest sizes work."""
        assert make(1, 1)(torch.randn(1, 1, 1))[0].isfinite().all()

    @pytest.mark.parametrize("scale", [1e2, -1e2])
    def test_large_inputs_stay_finite(self, make: MakeCell, scale: float) -> None:
        """Outputs and gradients stay finite in float32 with saturated gates."""
        cell = telling_cell(make).float()
        y_BTH, _ = cell(torch.full((2, 4, INPUTS), scale))
        y_BTH.sum().backward()
        assert y_BTH.isfinite().all()
        gradients = [parameter.grad for parameter in cell.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
