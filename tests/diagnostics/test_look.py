"""Looks: gradients through time equal those by single steps, and nothing of the network notices."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.looked import LENGTHS, SHAPES, build, oracle, sample
from tuner.diagnostics.look import cells_of, take_look
from tuner.nets.catalog import CELLS


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS.entries)
def test_gradients_through_time_equal_single_steps(cell: str, shape: str) -> None:
    """||dL/ds_t|| at every border, item and cell, and ||dL/dx_t||, of a pass through the cell's own kernel."""
    network: Any = build(cell, **SHAPES[shape]).eval()
    given = sample(every=SHAPES[shape].get("every", False))
    expected, inputs = oracle(cell, network, given)
    look = take_look(network, given)
    assert set(look.cells) == set(cells_of(network)) == set(expected)
    for name, seen in look.cells.items():
        assert seen.borders == [*range(3, 23, 3), 22, 23]
        torch.testing.assert_close(seen.norms, expected[name][[border - 1 for border in seen.borders]])
        assert seen.norms.max() > 0
    torch.testing.assert_close(look.input_norms, inputs)
    assert look.lengths.tolist() == LENGTHS


@pytest.mark.parametrize("cell", CELLS.entries)
def test_what_is_kept_is_what_the_cells_did(cell: str) -> None:
    """Inputs, outputs and states of every cell are those of a plain pass."""
    network, given = build(cell, layers=2).eval(), sample()
    look = take_look(network, given)
    x_BTI = given.batch.x.clone().requires_grad_()
    modules: dict[str, Any] = dict(cells_of(network))
    for seen, module in zip(look.cells.values(), modules.values(), strict=True):
        torch.testing.assert_close(seen.x, x_BTI)
        x_BTI, state = module(x_BTI)
        torch.testing.assert_close(seen.y, x_BTI)
        differentiable = [part for part in state if part.requires_grad]
        torch.testing.assert_close(list(seen.states[-1]), differentiable)
        assert not seen.y.requires_grad


@pytest.mark.parametrize("cell", CELLS.entries)
def test_nothing_notices(cell: str) -> None:
    """Weights, gradients, modes, random streams, methods and the next prediction are as if nobody had looked."""
    network: Any = build(cell, bidirectional=True, dtype=torch.float32).train()
    given = sample(dtype=torch.float32)
    given.loss(network(given.batch.x, given.batch.lengths), given.batch).backward()
    before, random = copy.deepcopy(network), torch.get_rng_state()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    take_look(network, given)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(p.grad, g) for p, g in zip(network.parameters(), gradients, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), before.parameters(), strict=True))
    assert all(module.training for module in network.modules())
    assert all("forward" not in vars(module) for module in network.modules())
    assert not network.stack._forward_pre_hooks
    assert torch.equal(network(given.batch.x), before(given.batch.x))


@pytest.mark.parametrize("steps", [1, 2, 3, 11])
def test_short_sequences(steps: int) -> None:
    """Every number of steps has borders within it, the last at its end."""
    network, given = build("lstm"), sample()
    given.batch.x, given.batch.lengths = given.batch.x[:, :steps], None
    (seen,) = take_look(network, given).cells.values()
    assert seen.borders[-1] == steps
    assert seen.borders == sorted(set(seen.borders))
    assert seen.norms.shape == (len(seen.borders), 3)


def test_a_look_that_fails_leaves_no_trace() -> None:
    """When the loss raises, the network is as it was."""
    network: Any = build("lstm").train()
    given = sample()

    def failing(_prediction: Tensor, _batch: Any) -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_look(network, type(given)(given.batch, failing, False, 20))
    assert all(module.training and "forward" not in vars(module) for module in network.modules())
    assert not network.stack._forward_pre_hooks
