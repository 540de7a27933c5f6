"""Small networks to look at, and their gradients through time by single steps and plain autograd."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.networks import Task, padded_batch
from tuner.adapters.base import Batch
from tuner.diagnostics.look import Sample, cells_of
from tuner.nets.catalog import CELLS, NetOptions
from tuner.nets.network import build_network

UNITS = 6
LENGTHS = [23, 9, 21]
OUTPUT_IS_NO_STATE = {"sru", "qrnn", "lru"}

SHAPES: dict[str, dict[str, Any]] = {
    "last": {},
    "2 layers, mean": {"layers": 2, "pooling": "mean"},
    "2 layers, both ways": {"layers": 2, "bidirectional": True},
    "each step": {"every": True},
    "2 layers, both ways, each step": {"layers": 2, "bidirectional": True, "every": True},
}


def build(cell: str, *, every: bool = False, dtype: torch.dtype = torch.float64, **net: Any) -> nn.Module:
    """A seeded network; no parameter has a value that hides its part (0 or 1)."""
    torch.manual_seed(3)
    options = CELLS[cell].options()
    network = build_network(NetOptions(cell=cell, hidden_size=UNITS, **net), options, {}, Task(every_step=every))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network.to(dtype)


def sample(*, every: bool = False, dtype: torch.dtype = torch.float64, lag: int | None = 20) -> Sample:
    """Three sequences of unequal length."""
    torch.manual_seed(4)
    x_BTI, lengths_B = padded_batch(LENGTHS)
    y = torch.randn(3, x_BTI.shape[1], 3) if every else torch.randn(3, 3)
    return Sample(Batch(x=x_BTI.to(dtype), lengths=lengths_B, y=y.to(dtype)), loss, every, lag)


def loss(prediction: Tensor, batch: Any) -> Tensor:
    """Mean squared error, of valid steps where there is a prediction at each."""
    errors = (prediction - batch.y).square().mean(-1)
    if errors.dim() == 1:
        return errors.mean()
    return torch.stack([row[:length].sum() for row, length in zip(errors, batch.lengths, strict=True)]).sum() / 40


def oracle(cell_name: str, network: nn.Module, sample: Sample) -> tuple[dict[str, Tensor], Tensor]:
    """||dL/ds_t|| by cell, (T, B), and ||dL/dx_t||, (B, T).

    Every cell takes single steps, and after each a tensor of zeros is added to every part of its state, before anything
    reads it; the gradient of those zeros is dL/ds_t.
    """
    found: dict[str, Tensor] = {}
    ahead, inputs = _nudged(cell_name, network, sample, first=False)
    found |= {name: norms for name, norms in ahead.items() if "forward" in name or not sample.every_step}
    if sample.every_step:
        back, _ = _nudged(cell_name, network, sample, first=True)
        found |= {name: norms for name, norms in back.items() if "backward" in name}
    return found, inputs


def _nudged(cell_name: str, network: nn.Module, sample: Sample, *, first: bool) -> tuple[dict[str, Tensor], Tensor]:
    nudges: dict[str, list[list[Tensor]]] = {}
    cells: Mapping[str, Any] = cells_of(network)
    originals = {name: cell.forward for name, cell in cells.items()}

    def stepwise(name: str) -> Any:
        def forward(x_BTI: Tensor, state: Any = None) -> Any:
            outputs = []
            for x_B1I in x_BTI.split(1, 1):
                y_B1H, state = originals[name](x_B1I, state)
                zeros = [torch.zeros_like(part, requires_grad=True) for part in state]
                state = tuple(part + zero for part, zero in zip(state, zeros, strict=True))
                nudges.setdefault(name, []).append(zeros)
                outputs.append(y_B1H if cell_name in OUTPUT_IS_NO_STATE else y_B1H + zeros[0][:, None])
            return torch.cat(outputs, 1), state

        return forward

    x_BTI = sample.batch.x.clone().requires_grad_()
    for name, cell in cells.items():
        cell.forward = stepwise(name)
    prediction = network(x_BTI, sample.batch.lengths)
    for cell in cells.values():
        del cell.forward
    if sample.every_step:
        point = prediction.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(point, sample.batch), point)
        total = torch.zeros((), dtype=prediction.dtype)
        for item, length in enumerate(LENGTHS):
            few = max(1, math.ceil(0.05 * length))
            steps = range(few) if first else range(length - few, length)
            total = total + sum((prediction[item, t] * gradient[item, t]).sum() for t in steps)
    else:
        total = loss(prediction, sample.batch)
    total.backward()
    norms = {}
    for name, nudged in nudges.items():
        rows = []
        for zeros in nudged:
            gradients = [zero.grad if zero.grad is not None else torch.zeros_like(zero) for zero in zeros]
            rows.append(torch.cat([gradient.flatten(1) for gradient in gradients], 1).norm(dim=1))
        norms[name] = torch.stack(rows)
    network.zero_grad()
    assert x_BTI.grad is not None
    return norms, x_BTI.grad.norm(dim=2)
