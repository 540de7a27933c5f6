"""Averages of the weights against plain sums, and what the training sees of them: nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tuner.optim.averaging import Averaging, make_averaging
from tuner.optim.catalog import OPTIMIZERS
from tuner.optim.learning import LearningOptions
from tuner.optim.optimizers import make_optimizer

KINDS = [{}, {"ema": 0.9}, {"average_after": 1}, {"optimizer": "adamw_schedule_free"}]


def start(**learning: Any) -> tuple[nn.Linear, Averaging, torch.optim.Optimizer, Callable[[], Tensor]]:
    """A network of two weights, its averaging, and a function that trains a step towards 0."""
    torch.manual_seed(0)
    options = LearningOptions.model_validate(learning)
    network = nn.Linear(2, 1, bias=False).double()
    entry = OPTIMIZERS[options.optimizer]
    optimizer = make_optimizer(options.optimizer, entry.options(learning_rate=0.1), network)
    averaging = make_averaging(options, list(network.parameters()), optimizer)

    def step() -> Tensor:
        optimizer.zero_grad()
        network.weight.square().sum().backward()
        optimizer.step()
        averaging.update()
        return network.weight.detach().clone()

    return network, averaging, optimizer, step


def applied(network: nn.Linear, averaging: Averaging) -> Tensor:
    """The weights that are judged."""
    with averaging.applied():
        return network.weight.detach().clone()


@pytest.mark.parametrize("learning", KINDS, ids=str)
class TestContract:
    def test_training_sees_nothing_of_it(self, learning: dict[str, Any]) -> None:
        """Looking at the average at every step, or failing while one looks, changes no bit of what is trained."""
        looked, plain = start(**learning), start(**learning)
        for loss in range(6):
            for _, averaging, _, _ in (looked, plain):
                averaging.observe(float(loss))
            before = looked[0].weight.detach().clone()
            with pytest.raises(RuntimeError), looked[1].applied():
                raise RuntimeError
            assert torch.equal(looked[0].weight, before)
            assert torch.equal(looked[3](), plain[3]())

    def test_resumes(self, learning: dict[str, Any]) -> None:
        """What is saved after three steps and loaded goes on to the same average."""
        network, averaging, optimizer, step = start(**learning)
        other, resumed, fresh, again = start(**learning)
        for loss in (1.0, 2.0, 3.0):
            step()
            averaging.observe(loss)
        states = copy.deepcopy([network.state_dict(), optimizer.state_dict(), averaging.state_dict()])
        parts: tuple[Any, ...] = (other, fresh, resumed)
        for each, state in zip(parts, states, strict=True):
            each.load_state_dict(state)
        assert torch.equal(step(), again())
        assert torch.equal(applied(network, averaging), applied(other, resumed))


def test_off_is_the_trained_weight() -> None:
    """Without averaging, the weights that are judged are those that are trained."""
    network, averaging, _, step = start()
    assert torch.equal(step(), applied(network, averaging))


def test_exponential_average() -> None:
    """The mean moves by 1 - d of the way to the weights, d = min(decay, (1 + t) / (10 + t))."""
    network, averaging, _, step = start(ema=0.6)
    expected = network.weight.detach().clone()
    for t in range(1, 20):
        d = min(0.6, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * step()
    torch.testing.assert_close(applied(network, averaging), expected)


def test_tail_average_begins_when_the_loss_stops_falling() -> None:
    """NT-ASGD, algorithm 1: with n = 2, it begins once a loss is above the least of those more than 2 checks old."""
    network, averaging, _, step = start(average_after=2)
    losses = [5.0, 4.0, 4.5, 4.4, 4.3, 4.2]  # 4.4 is above 4.0 only once 4.0 is two checks older: at 4.3
    tail: list[Tensor] = []
    for loss in losses:
        averaging.observe(loss)
        weight = step()
        if len(tail) or loss == 4.3:
            tail.append(weight)
        expected = torch.stack(tail).mean(0) if tail else weight
        torch.testing.assert_close(applied(network, averaging), expected)
    assert len(tail) == 2
