"""Dynamic evaluation: while a text is scored, the network goes on learning from what has been scored. Imports torch.

Letters of shapes: B texts side by side, always 1 here, T steps, K tokens.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Batch, Problem
from tuner.adapters.batching import device_of

SEGMENT = 20
"""Tokens between two steps, as Krause et al. take of characters."""
EPSILON = 1.0
"""Added to the root of the mean squared gradient, as a share of that root's mean over all parameters. With much less
(0.001), the weights of rare symbols, whose gradients are small, move as far as all others, away from these symbols, and
a long text is spoilt by the few places where they come."""
STRETCHES, SEGMENTS = 50, 20
"""Stretches of the training text from which squared gradients are collected, spread evenly, and segments of each."""
OPEN = "validation"
"""In place of an option's value: it is chosen on validation data."""
RATES = (1e-4, 3e-4, 6e-4, 1e-3, 2e-3)
DECAYS = (0.0, 0.001, 0.003, 0.01, 0.03)
"""What is tried on validation data."""
_USUAL = (1e-3, 0.003)
TUNED = 20_000
"""Tokens of the validation text, from its beginning, on which the rule is chosen."""
SQUARES = "squares"
"""The name of a network's module `Squares`."""


class Squares(nn.Module):
    """The mean square of the gradient of each of a network's parameters, over segments of the training text.

    Args:
        network: Whose parameters.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for number, parameter in enumerate(network.parameters()):
            self.register_buffer(str(number), torch.zeros_like(parameter))


class Rule(NamedTuple):
    """The step that is made after each segment.

    With g the gradient of the segment's mean loss, s the root of the gradient's mean square on training data, m the
    mean of s over all parameters, w the weights and w_0 the trained ones:
    w <- w - rate g / (s + EPSILON m) + min(1, decay s / m) (w_0 - w).

    Args:
        rate: Learning rate, >= 0.
        decay: Towards the trained weights, in [0, 1].

    Reference:
        Krause, Kahembwe, Murray and Renals 2018, arXiv:1709.07432, equations 5 to 7 (RMS with global prior).
        Deviations: the mean square is over segments, not over mini-batches of segments, and over a part of the training
        text; epsilon is relative.
    """

    rate: float
    decay: float

    @classmethod
    def of(cls, rate: float | str, decay: float | str) -> Self:
        """By given options; what is still to be chosen has its usual value."""
        return cls(*(float(_USUAL[place] if given == OPEN else given) for place, given in enumerate((rate, decay))))


def tuned(
    network: nn.Module, problem: Problem, text: NDArray[np.integer], rate: float | str, decay: float | str
) -> Rule:
    """The rule with the lowest loss on the beginning of a validation text: first the rate, then the decay.

    Args:
        network: With `Squares`.
        problem: Its loss.
        text: Token numbers, beginning with token 0.
        rate: A value, or `OPEN`.
        decay: A value, or `OPEN`.
    """

    @cache
    def loss(rule: Rule) -> float:
        nats = float(adapted(network, problem, text[: TUNED + 1], rule)[:, 0].mean())
        return nats if math.isfinite(nats) else math.inf

    rule = Rule.of(rate, decay)
    if rate == OPEN:
        rule = min((rule._replace(rate=each) for each in RATES), key=loss)
    if decay == OPEN:
        rule = min((rule._replace(decay=each) for each in DECAYS), key=loss)
    return rule


def collect(network: nn.Module, problem: Problem, text: NDArray[np.integer]) -> None:
    """Fill a network's `Squares` from a training text, which begins with token 0."""
    squares = list(network.get_submodule(SQUARES).buffers())
    length = SEGMENT * SEGMENTS
    starts = np.unique(np.linspace(0, max(0, len(text) - 1 - length), STRETCHES).astype(int))
    count = 0
    for start in starts:
        for read in _segments(network.eval(), problem, text[start : start + length + 1]):
            torch._foreach_add_(squares, [gradient.square() for gradient in read.gradients])
            count += 1
    torch._foreach_div_(squares, float(count))


def adapted(network: nn.Module, problem: Problem, text: NDArray[np.integer], rule: Rule) -> Tensor:
    """The reduced predictions of a text, each made before its token was learned from.

    Args:
        network: With `Squares`; it is not changed: a copy learns.
        problem: Its loss, and how predictions are reduced.
        text: Token numbers, (N + 1,), beginning with token 0.
        rule: How it learns.

    Returns:
        As of a `ReducingProblem`, on the CPU: (N, ...).
    """
    with torch.inference_mode(False):  # which a copy would keep for good
        learner = copy.deepcopy(network).eval()
        weights, trained = ([weight.detach() for weight in one.parameters()] for one in (learner, network))
        roots = [square.sqrt() for square in learner.get_submodule(SQUARES).buffers()]
        mean = sum(float(root.sum()) for root in roots) / sum(root.numel() for root in roots)
        steps = [rule.rate / (root + EPSILON * mean) for root in roots]
        pulls = [(rule.decay / mean * root).clamp(max=1) for root in roots]
        found = []
        for read in _segments(learner, problem, text):
            found.append(read.reduced)
            with torch.no_grad():
                torch._foreach_addcmul_(weights, pulls, torch._foreach_sub(trained, weights))
                torch._foreach_addcmul_(weights, steps, read.gradients, value=-1.0)
    return torch.cat(found)


class _Read(NamedTuple):
    """A segment that was read: its reduced predictions, on the CPU, (T, ...), and the gradient of its mean loss."""

    reduced: Tensor
    gradients: list[Tensor]


def _segments(network: nn.Module, problem: Any, text: NDArray[np.integer]) -> Iterator[_Read]:
    """Read a text segment by segment, the state carried over; the weights may be changed in between."""
    parameters, device = list(network.parameters()), device_of(network)
    tokens = torch.from_numpy(text.astype(np.int64)).to(device)
    states: Any = None
    for first in range(0, len(text) - 1, SEGMENT):
        x_BT, y_BT = (tokens[None, first + ahead : first + SEGMENT + ahead] for ahead in (0, 1))
        batch = Batch(x_BT[:, : y_BT.shape[1]], None, y_BT)
        # cuDNN has no gradients of a network in evaluation mode
        with torch.inference_mode(False), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            prediction, states = network.read(batch.x, None, states)  # type: ignore[operator]  # a network's
            loss = problem.loss(prediction, batch)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        states = _detached(states)
        with torch.no_grad():
            reduced = problem.reduce(prediction.detach(), batch)[0].cpu()
        yield _Read(reduced, list(gradients))


def _detached(states: Any) -> Any:
    """The states of a network, or of each of an ensemble's, without what they were computed from."""
    return states.detach() if isinstance(states, Tensor) else [_detached(state) for state in states]
