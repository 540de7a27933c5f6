"""The contract of probes, and probes around one optimizer step, with one value per parameter tensor."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from tuner.diagnostics.names import GRAD, UPDATE, UPDATE_RATIO, WEIGHT, WEIGHT_NORM


class Probe(ABC):
    """Measures one quantity: a `StepProbe` at optimizer steps, a `LookProbe` after epochs.

    Its cadence and cost are in the catalog. It changes nothing and draws no random numbers.
    """

    quantities: ClassVar[tuple[str, ...]]
    """Metrics, tables and profiles that it fills."""


class StepProbe(Probe):
    """Measures one quantity at the steps that `Watch` picks.

    `Watch` builds one per attempt, in the worker, and calls both methods at every picked step, with all
    parameters in the network's order. One of the two returns the values, (parameters,), on the parameters'
    device; the other returns None. A probe changes nothing, draws no random numbers and does not wait for
    the device.
    """

    quantity: ClassVar[str]
    """The per-tensor table that it fills."""

    def before_update(self, parameters: Sequence[Tensor]) -> Tensor | None:  # noqa: ARG002 - contract
        """Called after the backward pass, before clipping: gradients are complete."""
        return None

    def after_update(self, parameters: Sequence[Tensor]) -> Tensor | None:  # noqa: ARG002 - contract
        """Called after the optimizer's step; gradients may be clipped."""
        return None


class GradientNorms(StepProbe):
    """||g|| per tensor before clipping; 0 where no gradient arrived.

    How to read it: the first layer's norms far below the last one's (1e-3 of them) mean vanishing
    gradients, far above them (70 times) exploding ones (Zhang et al. 2021).
    """

    quantity = GRAD
    quantities = (GRAD,)

    def before_update(self, parameters: Sequence[Tensor]) -> Tensor:
        """See `StepProbe.before_update`."""
        return _norms([p.new_zeros(1) if p.grad is None else p.grad for p in parameters])


class WeightNorms(StepProbe):
    """||w|| per tensor after the update.

    How to read it: steady growth without a plateau asks for weight decay or a lower rate.
    """

    quantity = WEIGHT
    quantities = (WEIGHT, WEIGHT_NORM)

    def after_update(self, parameters: Sequence[Tensor]) -> Tensor:
        """See `StepProbe.after_update`."""
        return _norms([p.detach() for p in parameters])


class UpdateRatio(StepProbe):
    """||w - w'|| / ||w|| per tensor, w' before and w after the update.

    How to read it: about 1e-3 is healthy; lower means that the rate is too low, above 1e-2 that it is too
    high.

    Reference:
        Karpathy, CS231n notes. Deviation: there the divisor is ||w'||; with ||w|| a bias that starts at 0
        begins at 1 and not at infinity. A tensor that remains 0 gives 0.
    """

    quantity = UPDATE
    quantities = (UPDATE, UPDATE_RATIO)

    def before_update(self, parameters: Sequence[Tensor]) -> None:
        """Keep a copy of the weights."""
        self.old = [p.detach().clone() for p in parameters]

    def after_update(self, parameters: Sequence[Tensor]) -> Tensor:
        """See `StepProbe.after_update`."""
        new = [p.detach() for p in parameters]
        weight = _norms(new)
        return _norms(torch._foreach_sub(new, self.old)) / weight.clamp_min(torch.finfo(weight.dtype).tiny)


def _norms(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(list(tensors)))
