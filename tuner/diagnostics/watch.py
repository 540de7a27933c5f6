"""The interface between training loop and diagnostics: one `Watch` per training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from tuner.diagnostics.catalog import CADENCES, LEVELS, PROBES
from tuner.diagnostics.look import Sample, cells_of, take_look
from tuner.diagnostics.look_probes import LookProbe, Measured, Profile, gains
from tuner.diagnostics.names import (
    GRAD_CLIPPED,
    GRAD_NONFINITE_STEPS,
    GRAD_NORM,
    GRAD_NORM_MAX,
    SPIKES,
    START_GAIN,
    UPDATE,
    UPDATE_RATIO,
    WEIGHT,
    WEIGHT_NORM,
)
from tuner.diagnostics.probes import StepProbe
from tuner.diagnostics.spikes import Spikes


class Watch:
    """Measures a training, epoch by epoch. It changes nothing: losses are bit-identical at any level.

    The training loop calls `start` before the first step, and at every step and in this order:

        loss.backward()
        norm = ...                            global gradient norm; not finite: skip all down to `step`
        probed = watch.due(step)
        if probed: watch.before_update(network)
        ...                                   clip
        optimizer.step()
        if probed: watch.after_update(network)
        watch.step(norm, clipped, skipped)

    and `epoch` at the end of each epoch. Probed values stay on the device until then.

    Args:
        level: A name from `LEVELS`.
        network: The network to be trained; its parameters' names are the tables' keys.
        steps_per_epoch: Optimizer steps of one epoch, >= 1.
        sample: Draws the items of the looks; called once, when the first look is due. None: no looks.
    """

    def __init__(
        self,
        level: str,
        network: nn.Module,
        steps_per_epoch: int,
        sample: Callable[[], Sample] | None = None,
    ) -> None:
        probes = {name: PROBES[name].load()() for name in LEVELS[level]}
        cadence = CADENCES[level]
        self.probes = [probe for probe in probes.values() if isinstance(probe, StepProbe)]
        self.every = max(cadence.steps, steps_per_epoch // cadence.per_epoch) if self.probes else 0
        self.look_probes = {name: probe for name, probe in probes.items() if isinstance(probe, LookProbe)}
        self.names = [name for name, _ in network.named_parameters()]
        self._matrices = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
        self._sampled, self._sample = None, sample if self.look_probes and cells_of(network) else None
        self._cadence = cadence
        self._looked, self._interval = 0, cadence.least
        self._spikes = Spikes()
        self._start: dict[str, float] = {}
        self._reset()

    _sampled: Sample | None

    def _reset(self) -> None:
        self.steps, self.clipped, self.skipped = 0, 0, 0
        self.norm_sum, self.norm_max = 0.0, 0.0
        self.values: dict[str, list[Tensor]] = {}

    def start(self, network: nn.Module) -> None:
        """Measure the network before its first step; recorded with the first epoch."""
        if self._sample is not None and "spectrum" in self.look_probes:
            self._start = gains(cells_of(network))

    def step(self, norm: float, clipped: bool, skipped: bool) -> None:
        """Count one step.

        Args:
            norm: Global gradient norm before clipping.
            clipped: Whether the gradient was scaled down.
            skipped: Whether the norm was not finite, so that the update was skipped.
        """
        self.steps += 1
        self.clipped += clipped
        self.skipped += skipped
        if not skipped:
            self.norm_sum += norm
            self.norm_max = max(self.norm_max, norm)

    def due(self, step: int) -> bool:
        """Whether the step probes run at optimizer step `step`, counted from 0 over the whole training."""
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

    def epoch(self, network: nn.Module, step: int, losses: Sequence[float], *, milestone: bool) -> Measured:
        """Take a look if it is due, return the epoch's measurements, and begin the next epoch.

        Values that were not measured or are not finite are left out.

        Args:
            network: The network, after the epoch.
            step: Optimizer steps made so far, over the whole training.
            losses: Of each step of the epoch, before its update.
            milestone: Whether the epoch has a rung or is the last.
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
        if len(losses):
            metrics[SPIKES] = float(self._spikes.count(losses))
        if self._start:
            tables[START_GAIN], self._start = self._start, {}
        profiles: dict[str, dict[str, Profile]] = {}
        if self._look_due(step, milestone=milestone):
            for probe in self._looks(network, step):
                metrics |= probe.metrics
                tables |= probe.tensors
                profiles |= probe.profiles
        self._reset()
        return _finite(Measured(metrics, tables, profiles))

    def _look_due(self, step: int, *, milestone: bool) -> bool:
        since = step - self._looked
        return self._sample is not None and since >= (self._cadence.least if milestone else self._interval)

    def _looks(self, network: nn.Module, step: int) -> list[Measured]:
        assert self._sample is not None
        if self._sampled is None:
            self._sampled = self._sample()
        self._looked, self._interval = step, min(2 * self._interval, self._cadence.most)
        look = take_look(network, self._sampled)
        return [probe.measure(look) for probe in self.look_probes.values()]

    def state_dict(self) -> dict[str, Any]:
        """JSON-able: the state with which a resumed training measures the same; valid between epochs."""
        return {
            "looked": self._looked,
            "interval": self._interval,
            "spikes": self._spikes.state_dict(),
            "probes": {name: probe.state_dict() for name, probe in self.look_probes.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self._looked, self._interval = state["looked"], state["interval"]
        self._spikes.load_state_dict(state["spikes"])
        for name, probe in self.look_probes.items():
            probe.load_state_dict(state["probes"][name])


def _finite(measured: Measured) -> Measured:
    """The measurements without values that are not finite and without empty tables and profiles."""
    tensors = {
        quantity: {name: value for name, value in table.items() if math.isfinite(value)}
        for quantity, table in measured.tensors.items()
    }
    profiles = {
        quantity: {
            name: points
            for name, profile in cells.items()
            if (points := [(lag, value) for lag, value in profile if math.isfinite(value)])
        }
        for quantity, cells in measured.profiles.items()
    }
    return Measured(
        {name: value for name, value in measured.metrics.items() if math.isfinite(value)},
        {quantity: table for quantity, table in tensors.items() if table},
        {quantity: cells for quantity, cells in profiles.items() if cells},
    )


def nonfinite_tensor(network: nn.Module) -> str | None:
    """Name of the first parameter whose gradient is not finite, else of the first that is not finite itself."""
    named = list(network.named_parameters())
    gradients = ((name, p.grad) for name, p in named if p.grad is not None)
    return next((name for name, values in chain(gradients, named) if not values.isfinite().all()), None)
