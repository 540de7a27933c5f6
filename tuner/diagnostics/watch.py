"""What the training loop tells the diagnostics, and what it gets back per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain
from statistics import median

import torch
from torch import Tensor, nn

from tuner.diagnostics.catalog import LEVELS, PROBED_STEPS, PROBES
from tuner.diagnostics.names import (
    GRAD_CLIPPED,
    GRAD_NONFINITE_STEPS,
    GRAD_NORM,
    GRAD_NORM_MAX,
    UPDATE,
    UPDATE_RATIO,
    WEIGHT,
    WEIGHT_NORM,
)
from tuner.diagnostics.probes import Probe


class Watch:
    """Measures a training, epoch by epoch. It changes nothing: losses are the same bit for bit at any level.

    The training loop calls, at every step and in this order:

        loss.backward()
        norm = ...                            global gradient norm; not finite: skip all down to `step`
        probed = watch.due(step)
        if probed: watch.before_update(network)
        ...                                   clip
        optimizer.step()
        if probed: watch.after_update(network)
        watch.step(norm, clipped, skipped)

    and `epoch()` at the end of each epoch. Probed values stay on the device until then.

    Args:
        level: A name from `LEVELS`.
        network: The network to be trained; its parameters' names are the tables' keys.
        steps_per_epoch: Optimizer steps of one epoch, >= 1.
    """

    def __init__(self, level: str, network: nn.Module, steps_per_epoch: int) -> None:
        self.probes: list[Probe] = [PROBES[name].load()() for name in LEVELS[level]]
        self.every = max(1, steps_per_epoch // PROBED_STEPS[level]) if self.probes else 0
        self.names = [name for name, _ in network.named_parameters()]
        self._matrices = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
        self._reset()

    def _reset(self) -> None:
        self.steps, self.clipped, self.skipped = 0, 0, 0
        self.norm_sum, self.norm_max = 0.0, 0.0
        self.values: dict[str, list[Tensor]] = {}

    def step(self, norm: float, clipped: bool, skipped: bool) -> None:
        """Count one step.

        Args:
            norm: Global gradient norm before clipping.
            clipped: Whether the gradient was scaled down.
            skipped: Whether the norm was not finite, so that nothing was updated.
        """
        self.steps += 1
        self.clipped += clipped
        self.skipped += skipped
        if not skipped:
            self.norm_sum += norm
            self.norm_max = max(self.norm_max, norm)

    def due(self, step: int) -> bool:
        """Whether the probes run at optimizer step `step`, counted from 0 over the whole training."""
        return self.every > 0 and step % self.every == 0

    def before_update(self, network: nn.Module) -> None:
        """Probe gradients before they are clipped; at due steps only."""
        self._probe(network, [probe.before_update for probe in self.probes])

    def after_update(self, network: nn.Module) -> None:
        """Probe the network after the optimizer's step; at due steps only."""
        self._probe(network, [probe.after_update for probe in self.probes])

    def _probe(self, network: nn.Module, measures: list[Callable[[list[Tensor]], Tensor | None]]) -> None:
        parameters: list[Tensor] = list(network.parameters())
        for probe, measure in zip(self.probes, measures, strict=True):
            values = measure(parameters)
            if values is not None:
                self.values.setdefault(probe.quantity, []).append(values)

    def epoch(self) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        """Give the epoch's metrics and per-tensor tables, and start anew. What was not measured is left out.

        Returns:
            Metric -> value; quantity -> parameter name -> mean over the probed steps.
        """
        tables: dict[str, dict[str, float]] = {}
        for quantity, values in self.values.items():
            means: list[float] = torch.stack(values).double().mean(dim=0).tolist()
            tables[quantity] = dict(zip(self.names, means, strict=True))
        metrics = {GRAD_NONFINITE_STEPS: float(self.skipped)}
        if self.steps:
            metrics[GRAD_CLIPPED] = self.clipped / self.steps
        if updates := self.steps - self.skipped:
            metrics |= {GRAD_NORM: self.norm_sum / updates, GRAD_NORM_MAX: self.norm_max}
        if WEIGHT in tables:
            metrics[WEIGHT_NORM] = math.hypot(*tables[WEIGHT].values())
        if UPDATE in tables:
            metrics[UPDATE_RATIO] = median(ratio for name, ratio in tables[UPDATE].items() if name in self._matrices)
        self._reset()
        return metrics, tables


def nonfinite_tensor(network: nn.Module) -> str | None:
    """Name of the first parameter whose gradient is not finite, else of the first not finite itself."""
    named = list(network.named_parameters())
    gradients = ((name, p.grad) for name, p in named if p.grad is not None)
    return next((name for name, values in chain(gradients, named) if not values.isfinite().all()), None)
