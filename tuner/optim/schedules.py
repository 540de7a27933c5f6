"""Learning rate schedules: factors of the peak rate by optimizer step.

In formulas t is the step from 0, N the planned steps, w the steps of the warm-up, e the steps of an epoch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from tuner.optim.catalog import (
    SCHEDULES,
    CosineOptions,
    CosineRestartsOptions,
    CyclicalOptions,
    ExponentialOptions,
    OneCycleOptions,
    PlateauOptions,
    StepOptions,
    WarmupOptions,
    WSDOptions,
)

_FINE = 1000
"""Steps of an epoch if a schedule is examined without data."""


class Schedule(ABC):
    """A learning rate schedule.

    The training loop builds one per attempt as `Class(options, total_steps, steps_per_epoch)`, asks for the factor
    before every optimizer step, and passes the validation loss once per evaluation. The horizon is the whole planned
    budget, never a rung, so that a resumed trial gets the same rates. Steps beyond it never raise.

    Args:
        options: An instance of the entry's options model.
        total_steps: Planned optimizer steps, N >= 1.
        steps_per_epoch: Optimizer steps of one epoch, e >= 1.
    """

    def __init__(self, options: Any, total_steps: int, steps_per_epoch: int) -> None:
        self.options, self.total_steps, self.steps_per_epoch = options, total_steps, steps_per_epoch

    @abstractmethod
    def factor(self, step: int) -> float:
        """The factor of the peak rate at `step` >= 0. Changes nothing."""

    @property
    def peak_step(self) -> int:
        """The first step with the highest rate."""
        return 0

    def observe(self, loss: float) -> None:  # noqa: B027 - most schedules do not look at the loss
        """Take in a validation loss."""

    def state_dict(self) -> dict[str, float]:
        """The state for a checkpoint: all that `observe` has changed."""
        return {}

    def load_state_dict(self, state: Mapping[str, float]) -> None:  # noqa: B027 - most schedules have no state
        """Restore the state of `state_dict`."""


def peak_epoch(name: str, options: Any, epochs: int) -> float:
    """Epochs, of `epochs` planned ones, until the schedule called `name` reaches its highest rate."""
    return make_schedule(name, options, epochs * _FINE, _FINE).peak_step / _FINE


def make_schedule(name: str, options: Any, total_steps: int, steps_per_epoch: int) -> Schedule:
    """The schedule called `name`; see `Schedule` for the arguments."""
    schedule: Schedule = SCHEDULES[name].load()(options, total_steps, steps_per_epoch)
    return schedule


class WarmedUp(Schedule):
    """A schedule after a warm-up.

    The factor is (t + 1) / (w + 1) for t < w, then `shape` on a clock that starts at w. The first step
    already has a rate above 0, and step w is the first at the peak.
    """

    options: WarmupOptions

    def __init__(self, options: Any, total_steps: int, steps_per_epoch: int) -> None:
        super().__init__(options, total_steps, steps_per_epoch)
        self.warmup_steps = round(self.options.warmup * total_steps)

    @property
    def peak_step(self) -> int:
        """See `Schedule.peak_step`."""
        return self.warmup_steps

    def factor(self, step: int) -> float:
        """See `Schedule.factor`."""
        warm_up = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return warm_up * self.shape(max(0, step - self.warmup_steps))

    @abstractmethod
    def shape(self, step: int) -> float:
        """The factor `step` >= 0 steps after the warm-up; 1 at 0."""


class Constant(WarmedUp):
    """1."""

    def shape(self, step: int) -> float:  # noqa: ARG002 - contract
        """See `WarmedUp.shape`."""
        return 1.0


class Step(WarmedUp):
    """g^floor(t / k), with k = step_epochs * e and g = step_factor."""

    options: StepOptions

    def shape(self, step: int) -> float:
        """See `WarmedUp.shape`."""
        drops = math.floor(step / (self.options.step_epochs * self.steps_per_epoch))
        return math.pow(self.options.step_factor, drops)


class Exponential(WarmedUp):
    """g^(t / e), with g = decay_per_epoch: smooth, and g^epoch where an epoch begins."""

    options: ExponentialOptions

    def shape(self, step: int) -> float:
        """See `WarmedUp.shape`."""
        return math.pow(self.options.decay_per_epoch, step / self.steps_per_epoch)


class Cosine(WarmedUp):
    """f + (1 - f) (1 + cos(pi t / (N - w))) / 2, with f = final_factor; f from the planned end on.

    Reference:
        Loshchilov & Hutter 2017, eq. 5. Deviation: no restarts; `CosineRestarts` has them.
    """

    options: CosineOptions

    def shape(self, step: int) -> float:
        """See `WarmedUp.shape`."""
        return _cosine(1.0, self.options.final_factor, step / (self.total_steps - self.warmup_steps))


class CosineRestarts(WarmedUp):
    """f + (1 - f) (1 + cos(pi t_i / T_i)) / 2, with t_i the steps since the last restart and T_i = T_0 m^i.

    T_0 is restart_epochs * e, m restart_growth, f final_factor, i the restarts so far.

    Reference:
        Loshchilov & Hutter 2017, eq. 5. Deviation: the rate changes with every step and after a warm-up.
    """

    options: CosineRestartsOptions

    def shape(self, step: int) -> float:
        """See `WarmedUp.shape`."""
        length = self.options.restart_epochs * self.steps_per_epoch
        if self.options.restart_growth == 1:
            since = step % length
        else:
            since = float(step)
            while since >= length:
                since -= length
                length *= self.options.restart_growth
        return _cosine(1.0, self.options.final_factor, since / length)


class WSD(WarmedUp):
    """1, and in the last D steps 1 - p (linear) or 1 - sqrt(p) (sqrt), with p = (t - (N - D)) / D.

    D is cooldown * N, or all that the warm-up leaves where that is less; 0 from the planned end on.

    Reference:
        Haegele et al. 2024, section 3. No deviation.
    """

    options: WSDOptions

    def shape(self, step: int) -> float:
        """See `WarmedUp.shape`."""
        steps = self.total_steps - self.warmup_steps
        cooldown = min(self.options.cooldown * self.total_steps, steps)
        progress = min(1.0, max(0.0, (step - (steps - cooldown)) / cooldown))
        return 1.0 - (progress if self.options.cooldown_form == "linear" else math.sqrt(progress))


class Cyclical(Schedule):
    """l + (1 - l) (1 - |2 p - 1|), with l = cycle_low and p = (t / k) mod 1, k = cycle_epochs * e.

    Reference:
        Smith 2017, the policy `triangular`. No deviation.
    """

    options: CyclicalOptions

    @property
    def peak_step(self) -> int:
        """See `Schedule.peak_step`."""
        return min(self.total_steps, round(self.options.cycle_epochs * self.steps_per_epoch / 2))

    def factor(self, step: int) -> float:
        """See `Schedule.factor`."""
        low = self.options.cycle_low
        progress = step / (self.options.cycle_epochs * self.steps_per_epoch) % 1
        return low + (1 - low) * (1 - abs(2 * progress - 1))


class OneCycle(Schedule):
    """Half a cosine wave from 1 / d up to 1 at step p N, then one down to 1 / (d f) at N, constant from there.

    p is peak_at, d start_divisor, f end_divisor.

    Reference:
        Smith 2018, with the cosine of torch's OneCycleLR. Deviation: momentum stays as it is.
    """

    options: OneCycleOptions

    @property
    def peak_step(self) -> int:
        """See `Schedule.peak_step`."""
        return round(self.options.peak_at * self.total_steps)

    def factor(self, step: int) -> float:
        """See `Schedule.factor`."""
        start = 1 / self.options.start_divisor
        rise = self.options.peak_at * self.total_steps
        if step < rise:
            return _cosine(start, 1.0, step / rise)
        return _cosine(1.0, start / self.options.end_divisor, (step - rise) / (self.total_steps - rise))


class Plateau(WarmedUp):
    """g^k after k reductions, with g = plateau_factor.

    A reduction comes after plateau_patience evaluations in a row whose loss was not below the best one by
    plateau_gain * |best|; the count then starts again. A loss that is NaN is no gain.

    Reference:
        torch's ReduceLROnPlateau. Deviations: torch waits for one evaluation more, and takes the gain
        relative to the best loss with its sign, which fails below 0.
    """

    options: PlateauOptions

    def __init__(self, options: Any, total_steps: int, steps_per_epoch: int) -> None:
        super().__init__(options, total_steps, steps_per_epoch)
        self.best, self.without_gain, self.reductions = math.inf, 0, 0

    def shape(self, step: int) -> float:  # noqa: ARG002 - contract
        """See `WarmedUp.shape`."""
        return math.pow(self.options.plateau_factor, self.reductions)

    def observe(self, loss: float) -> None:
        """See `Schedule.observe`."""
        needed = self.options.plateau_gain * abs(self.best) if math.isfinite(self.best) else 0.0
        if loss < self.best - needed:
            self.best, self.without_gain = loss, 0
            return
        self.without_gain += 1
        if self.without_gain >= self.options.plateau_patience:
            self.reductions, self.without_gain = self.reductions + 1, 0

    def state_dict(self) -> dict[str, float]:
        """See `Schedule.state_dict`."""
        return {"best": self.best, "without_gain": self.without_gain, "reductions": self.reductions}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """See `Schedule.load_state_dict`."""
        self.best = state["best"]
        self.without_gain, self.reductions = int(state["without_gain"]), int(state["reductions"])


class CooledDown(Schedule):
    """Another schedule, times 1, and in the last D steps times (N - t) / D, with D = 0.2 N; 0 from the planned end on.

    For a training whose last weights are used, whatever its schedule.

    Args:
        schedule: The other one.

    Reference:
        The linear cooldown of Haegele et al. 2024, arXiv:2405.18392, section 3. Deviation: on any schedule.
    """

    SHARE = 0.2
    """D / N."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule.options, schedule.total_steps, schedule.steps_per_epoch)
        self._schedule = schedule

    @property
    def peak_step(self) -> int:
        """See `Schedule.peak_step`."""
        return self._schedule.peak_step

    def factor(self, step: int) -> float:
        """See `Schedule.factor`."""
        left = (self.total_steps - step) / (self.SHARE * self.total_steps)
        return self._schedule.factor(step) * min(1.0, max(0.0, left))

    def observe(self, loss: float) -> None:
        """See `Schedule.observe`."""
        self._schedule.observe(loss)

    def state_dict(self) -> dict[str, float]:
        """See `Schedule.state_dict`."""
        return self._schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """See `Schedule.load_state_dict`."""
        self._schedule.load_state_dict(state)


def _cosine(start: float, end: float, progress: float) -> float:
    """From `start` at progress 0 to `end` at progress 1 and beyond, along half a cosine wave."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
