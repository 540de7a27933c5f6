"""Poolings against plain loops."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tuner.nets.catalog import POOLINGS


def attend(y_TF: Tensor, pool: Any) -> Tensor:
    """Yang et al. 2016, eq. 5-7, step by step."""
    W, b, v = pool.hidden.weight, pool.hidden.bias, pool.score.weight[0]
    weights = [torch.exp(torch.tanh(W @ y + b) @ v) for y in y_TF]
    return sum(weight * y for weight, y in zip(weights, y_TF, strict=True)) / sum(weights)


def concatenate(y_TF: Tensor, pool: Any) -> Tensor:
    """Howard & Ruder 2018, section 3.3."""
    return torch.cat([ORACLES[name](y_TF, pool) for name in ("last", "max", "mean")])


ORACLES: dict[str, Callable[..., Tensor]] = {
    "attention": attend,
    "concat": concatenate,
    "every": lambda y_TF, _: functional.pad(y_TF, (0, 0, 0, 5 - len(y_TF))),
    "last": lambda _, pool: pool.end_F,
    "mean": lambda y_TF, _: torch.stack([column.sum() / len(y_TF) for column in y_TF.T]),
    "max": lambda y_TF, _: torch.tensor([max(column.tolist()) for column in y_TF.T]),
}


@pytest.mark.parametrize("padding", [0.0, 1e9, -1e9, float("nan")])
@pytest.mark.parametrize("name", POOLINGS.entries)
def test_pools_valid_steps_only(name: str, padding: int) -> None:
    """Each sequence gives what a plain loop over its valid steps gives, whatever the padding holds."""
    torch.manual_seed(0)
    y_BTF, lengths_B = torch.randn(3, 5, 4), torch.tensor([5, 1, 3])
    for row, length in enumerate(lengths_B):
        y_BTF[row, length:] = padding
    pool = POOLINGS[name].load()(4)
    end_BF = torch.randn(3, 4)
    pooled_BF = pool(y_BTF, lengths_B, end_BF)
    for row, length in enumerate(lengths_B):
        pool.end_F = end_BF[row]
        torch.testing.assert_close(pooled_BF[row], ORACLES[name](y_BTF[row, :length], pool))


@pytest.mark.parametrize("name", POOLINGS.entries)
def test_no_lengths_means_all_steps(name: str) -> None:
    """Without lengths the result is that of full lengths."""
    pool, y_BTF = POOLINGS[name].load()(4), torch.randn(3, 5, 4)
    lengths_B, end_BF = torch.tensor([5, 5, 5]), y_BTF[:, -1]
    torch.testing.assert_close(pool(y_BTF, None, end_BF), pool(y_BTF, lengths_B, end_BF))


@pytest.mark.parametrize("name", POOLINGS.entries)
def test_padding_gets_no_gradient(name: str) -> None:
    """Gradients reach valid steps and are 0 in padding."""
    y_BTF = torch.randn(3, 5, 4, requires_grad=True)
    lengths_B = torch.tensor([5, 1, 3])
    POOLINGS[name].load()(4)(y_BTF, lengths_B, y_BTF[torch.arange(3), lengths_B - 1]).square().sum().backward()
    assert y_BTF.grad is not None
    assert y_BTF.grad[1, 1:].abs().max() == 0
    assert y_BTF.grad[1, 0].abs().min() > 0
