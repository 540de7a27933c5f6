"""The gradient's norm, and clipping: by the norm, by value, by a percentile of past norms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tuner.optim.learning import LearningOptions

REMEMBERED_NORMS = 1000
"""Number of past norms for the percentile. Ours: with all norms, those of the first steps would count forever."""


class Clipping(ABC):
    """Clips large gradients; called by the training loop at every step with a finite gradient."""

    @abstractmethod
    def clip_(self, parameters: Iterable[Tensor], norm_tensor: Tensor, norm: float) -> bool:
        """Clip in place.

        Args:
            parameters: Those with the gradients.
            norm_tensor: From `gradient_norm`: finite, on the device.
            norm: The same as a number.

        Returns:
            Whether a gradient was changed.
        """

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most have no state
        """Restore the state of `state_dict`."""


class ByNorm(Clipping):
    """Scales a gradient whose norm is above `limit` to it; None never clips. See `clip_`."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit

    def clip_(self, parameters: Iterable[Tensor], norm_tensor: Tensor, norm: float) -> bool:
        """See `Clipping.clip_`."""
        if self.limit is None or norm <= self.limit:
            return False
        clip_(parameters, norm_tensor, self.limit)
        return True


class ByValue(Clipping):
    """Clips every entry to [-limit, limit].

    Reference:
        Mikolov 2012. No deviation.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def clip_(self, parameters: Iterable[Tensor], norm_tensor: Tensor, norm: float) -> bool:  # noqa: ARG002 - contract
        """See `Clipping.clip_`."""
        if norm <= self.limit:  # then every entry is small, and nothing need be read from the device
            return False
        gradients = _gradients(parameters)
        largest = torch.stack(torch._foreach_norm(gradients, float("inf"))).max().item()
        torch._foreach_clamp_min_(gradients, -self.limit)
        torch._foreach_clamp_max_(gradients, self.limit)
        return largest > self.limit


class ByPercentile(Clipping):
    """Scales a gradient whose norm is above a percentile of the norms so far (including its own) to that percentile.

    Args:
        percentile: 0 to 100, interpolated linearly between norms.

    Reference:
        Seetharaman et al. 2020, arXiv:2007.14469, algorithm 1. Deviation: the last REMEMBERED_NORMS norms, not all.
    """

    def __init__(self, percentile: float) -> None:
        self.percentile = percentile
        self.norms: deque[float] = deque(maxlen=REMEMBERED_NORMS)

    def clip_(self, parameters: Iterable[Tensor], norm_tensor: Tensor, norm: float) -> bool:
        """See `Clipping.clip_`."""
        self.norms.append(norm)
        limit = float(np.percentile(self.norms, self.percentile))
        if norm <= limit:
            return False
        clip_(parameters, norm_tensor, limit)
        return True

    def state_dict(self) -> dict[str, Any]:
        """See `Clipping.state_dict`."""
        return {"norms": list(self.norms)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Clipping.load_state_dict`."""
        self.norms.clear()
        self.norms.extend(state["norms"])


def make_clipping(learning: LearningOptions) -> Clipping:
    """The clipping that the options ask for."""
    if learning.clip == "value":
        return ByValue(learning.clip_value)
    if learning.clip == "percentile":
        return ByPercentile(learning.clip_percentile)
    return ByNorm(learning.clip_norm)


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

    With a norm that is not finite nothing changes, so that the gradient at fault can still be found; scaling would turn
    infinite gradients into NaN and all others into 0.

    Args:
        parameters: Those of the norm.
        norm: From `gradient_norm`.
        max_norm: Largest norm that is not scaled, > 0.

    Reference:
        Pascanu et al. 2013, algorithm 1. No deviation.
    """
    gradients = _gradients(parameters)
    if gradients:
        clips = (norm > max_norm) & norm.isfinite()
        torch._foreach_mul_(gradients, torch.where(clips, max_norm / norm, 1.0))


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
