"""The gradient's norm, and clipping by it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Euclidean norm of all gradients together, a scalar on their device; 0 without gradients.

    It is not finite as soon as one gradient is not.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return torch.zeros(())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm


def clip_(parameters: Iterable[Tensor], norm: Tensor, max_norm: float) -> None:
    """Scale all gradients by max_norm / norm where norm > max_norm, without waiting for the device.

    A norm that is not finite changes nothing, so that the gradient at fault can still be found; scaling by
    it would turn infinite gradients into NaN and all others into 0.

    Args:
        parameters: Those that `norm` was taken of.
        norm: What `gradient_norm` gave.
        max_norm: Largest norm that is left alone, > 0.

    Reference:
        Pascanu et al. 2013, algorithm 1. No deviation.
    """
    gradients = _gradients(parameters)
    if gradients:
        clips = (norm > max_norm) & norm.isfinite()
        torch._foreach_mul_(gradients, torch.where(clips, max_norm / norm, 1.0))


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
