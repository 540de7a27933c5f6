"""The gradient's norm and clipping against plain arithmetic."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tuner.optim.clipping import REMEMBERED_NORMS, Clipping, clip_, gradient_norm, make_clipping
from tuner.optim.learning import LearningOptions


def with_gradients(*gradients: list[float]) -> list[Tensor]:
    """One parameter per list, with that gradient."""
    parameters = []
    for values in gradients:
        parameter = torch.zeros(len(values), dtype=torch.float64, requires_grad=True)
        parameter.grad = torch.tensor(values, dtype=torch.float64)
        parameters.append(parameter)
    return parameters


@given(
    gradients=st.lists(
        st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=1, max_size=4), min_size=1, max_size=4
    ),
    max_norm=st.floats(1e-2, 1e4),
)
def test_norm_and_clip(gradients: list[list[float]], max_norm: float) -> None:
    """The norm is the root of the sum of all squares; clipping scales to max_norm, or changes no bit."""
    parameters = with_gradients(*gradients)
    norm = gradient_norm(parameters)
    flat = [value for values in gradients for value in values]
    assert norm.item() == pytest.approx(math.hypot(*flat), abs=1e-12)
    clip_(parameters, norm, max_norm)
    scale = max_norm / math.hypot(*flat) if norm.item() > max_norm else 1.0
    clipped = [value for parameter in parameters for value in gradient(parameter)]
    if scale == 1.0:
        assert clipped == flat
    else:
        assert clipped == pytest.approx([value * scale for value in flat])
        assert gradient_norm(parameters).item() == pytest.approx(max_norm)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_clip_survives_what_is_not_finite(bad: float) -> None:
    """A norm that is not finite leaves every gradient as it is, so that the one at fault can be named."""
    parameters = with_gradients([1.0, bad], [2.0])
    norm = gradient_norm(parameters)
    assert not norm.isfinite()
    clip_(parameters, norm, 0.5)
    torch.testing.assert_close(parameters[0].grad, torch.tensor([1.0, bad]).double(), equal_nan=True)
    assert gradient(parameters[1]) == [2.0]


def test_parameters_without_gradient_do_not_count() -> None:
    """A parameter without gradient is left out; with none at all the norm is 0 and clipping does nothing."""
    parameters = with_gradients([3.0], [4.0])
    silent = torch.zeros(2, requires_grad=True)
    assert gradient_norm([silent, *parameters]).item() == 5.0
    assert gradient_norm([silent]).item() == 0.0
    clip_([silent], gradient_norm([silent]), 1.0)
    assert silent.grad is None


def test_takes_a_generator() -> None:
    """Both take `network.parameters()` as it comes."""
    network = torch.nn.Linear(2, 2)
    network(torch.ones(1, 2)).sum().backward()
    norm = gradient_norm(network.parameters())
    clip_(network.parameters(), norm, norm.item() / 2)
    assert gradient_norm(network.parameters()).item() == pytest.approx(norm.item() / 2, rel=1e-5)


def gradient(parameter: Tensor) -> list[float]:
    """What is left of a gradient."""
    assert parameter.grad is not None
    return [float(value) for value in parameter.grad]


def clip(clipping: Clipping, *gradients: list[float]) -> tuple[bool, list[float]]:
    """Clip gradients; whether any was changed, and what is left."""
    parameters = with_gradients(*gradients)
    norm = gradient_norm(parameters)
    changed = clipping.clip_(parameters, norm, norm.item())
    return changed, [value for parameter in parameters for value in gradient(parameter)]


def test_by_norm() -> None:
    """A norm above the limit is scaled to it; null never clips."""
    assert clip(make_clipping(LearningOptions(clip_norm=1.0)), [3.0], [4.0]) == (True, pytest.approx([0.6, 0.8]))
    assert clip(make_clipping(LearningOptions(clip_norm=5.0)), [3.0], [4.0]) == (False, [3.0, 4.0])
    assert clip(make_clipping(LearningOptions(clip_norm=None)), [3e30], [4.0]) == (False, [3e30, 4.0])


def test_by_value() -> None:
    """Every entry is cut to the limit on its own; entries within it say that nothing was clipped."""
    clipping = make_clipping(LearningOptions(clip="value", clip_value=1.5))
    assert clip(clipping, [3.0, -2.0], [0.5]) == (True, [1.5, -1.5, 0.5])
    assert clip(clipping, [1.2, -1.4], [0.5]) == (False, [1.2, -1.4, 0.5])


@given(norms=st.lists(st.floats(0.1, 1e3), min_size=1, max_size=30), percentile=st.floats(0, 100))
def test_by_percentile(norms: list[float], percentile: float) -> None:
    """A gradient is scaled to the percentile of all norms so far, its own included, also after a resume."""

    def make() -> Clipping:
        return make_clipping(LearningOptions(clip="percentile", clip_percentile=percentile))

    clipping = make()
    for seen, norm in enumerate(norms, 1):
        limit = np.percentile(norms[:seen], percentile)
        changed, (value,) = clip(clipping, [norm])
        assert changed == (norm > limit)
        assert value == pytest.approx(min(norm, limit))
        resumed = make()
        resumed.load_state_dict(clipping.state_dict())
        clipping = resumed


def test_percentile_forgets_old_norms() -> None:
    """Norms of the start do not count for ever."""
    clipping = make_clipping(LearningOptions(clip="percentile", clip_percentile=0))
    clip(clipping, [0.5])
    for _ in range(REMEMBERED_NORMS):
        assert clip(clipping, [2.0])[1] != [2.0] or len(clipping.state_dict()["norms"]) == REMEMBERED_NORMS
    assert clip(clipping, [3.0])[1] == pytest.approx([2.0])
