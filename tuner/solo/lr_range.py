"""The learning rate range test: finds a range for the learning rate in a few hundred steps in this process."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from annotated_types import Le

from tuner.errors import Diverged, TaskFileError
from tuner.execution.failures import in_one_line
from tuner.link import NullLink
from tuner.optim.catalog import OPTIMIZERS
from tuner.optim.schedules import Schedule
from tuner.reporting import lr_figure, save
from tuner.space.domains import shown
from tuner.task.specs import trial_spec
from tuner.task.task import Task

if TYPE_CHECKING:
    from tuner.training.loop import Training

SMOOTHING = 0.9
"""Share of the loss's running mean that is kept per step."""
STOP_FACTOR = 4.0
"""The test ends when the smoothed loss is so many times its lowest value. Howard & Gugger 2020 (fastai)."""
WINDOW = 0.1
"""Fraction of all steps over which a slope is measured. Ours: between neighbouring steps there is mostly noise."""
NOISE = 6.0
"""Standard errors of the running mean by which the loss must fall. Ours: the lowest of 200 such means is 3 below."""
SEED = 0
"""Seed of the weights and of the order of batches."""


@dataclass(frozen=True)
class RangeTest:
    """The result of a learning rate range test.

    Args:
        optimizer: Its optimizer, for which the range holds.
        rates: Learning rates, rising by the same factor per step.
        losses: The training loss at each, before the update; finite.
        smoothed: Its bias-corrected running mean.
        steepest: The rate around which the loss falls fastest, before the lowest loss.
        least: The rate with the lowest smoothed loss.
        ended: Why the test ended.
        space: Entries for the task file's `space:`, from a tenth to ten times `steepest`.
        figure: The figure's file; None where its folder cannot be written.
    """

    optimizer: str
    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]
    steepest: float
    least: float
    ended: str
    space: dict[str, Any]
    figure: Path | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "least_tenth": self.least / 10, "figure": str(self.figure) if self.figure else None}

    def lines(self) -> list[str]:
        """The entries of `space` as lines of a task file."""
        return ["space:", *(f"  {name}: {text}" for name, text in self._entries())]

    def sets(self) -> list[str]:
        """The entries of `space` in the form of `--set`."""
        return [f"space.{name}={text}" for name, text in self._entries()]

    def _entries(self) -> Iterator[tuple[str, str]]:
        for name, entry in self.space.items():
            yield name, _in_yaml(entry)


def lr_range(task: Task, *, low: float = 1e-7, high: float = 1.0, steps: int = 200) -> RangeTest:
    """Train the task's baseline while the learning rate rises from `low` to `high`, and draw the loss.

    The rate at step t of n is low (high / low)^(t / (n - 1)); clipping, decay and dropout are those of the baseline;
    its schedule does not act. The test ends early if the loss is not finite or far above its lowest value.

    Args:
        task: The resolved task.
        low: First learning rate, > 0.
        high: Last learning rate, > low.
        steps: Optimizer steps, >= 2; 100 to 300 are usual.

    Raises:
        DataError: The data is unfit.
        TaskFileError: The rates are not ascending, the baseline cannot be trained, or its loss does not fall.

    Reference:
        Smith 2017, arXiv:1506.01186, section 3.3, with the exponential rise and the stop of Howard & Gugger 2020.
    """
    if not 0 < low < high:
        raise TaskFileError(f"the first rate must be above 0 and below the last one ({high:g})", value=low)
    task.prepare()
    with tempfile.TemporaryDirectory() as folder, in_one_line("the baseline must train"):
        training = _training(task, folder)
        optimizer = training.settings.learning.optimizer
        ratio = (high / low) ** (1 / (steps - 1))
        rates = [low * ratio**step for step in range(steps)]
        losses, smoothed, ended = _measured(training, rates)
    rates = rates[: len(losses)]
    points = judged(losses, smoothed, window=max(5, round(WINDOW * steps)))
    if points is None:
        raise TaskFileError(
            f"the loss must fall by more than its noise at rates from {low:g} to {high:g}, but it did not: {ended}",
            fix="Take more steps, other rates, or other --params.",
        )
    steepest, least = rates[points[0]], rates[points[1]]
    most = _largest_rate(optimizer)
    ends = {"low": _rounded(steepest / 10), "high": min(_rounded(steepest * 10), most)}
    space: dict[str, Any] = {"learning_rate": {**ends, "log": True}}
    if "optimizer" in task.space.searched:
        known = any(each.name == "optimizer" and each.domain.contains(optimizer) for each in task.space.definitions)
        space = {"optimizer": optimizer, **space} if known else {"optimizer": {optimizer: space}}
    found = RangeTest(optimizer, rates, losses, smoothed, steepest, least, ended, space)
    path = task.folder.artifacts / "lr-range.png"
    try:
        save(lr_figure(rates, losses, smoothed, steepest=steepest, least=least, **ends), path)
    except OSError:
        return found
    return replace(found, figure=path)


def judged(losses: Sequence[float], smoothed: Sequence[float], window: int) -> tuple[int, int] | None:
    """The steps of the steepest fall and of the lowest loss; None if the loss does not fall by more than its noise.

    The fall at a step is the least-squares slope of the losses in a window around it, which ends at the lowest loss.

    Args:
        losses: One per step.
        smoothed: Their running mean.
        window: Steps of a window, >= 2.
    """
    least = int(np.argmin(smoothed)) if smoothed else 0
    before = np.array(losses[: least + 1])
    if len(before) < window:
        return None
    noise = before[:window].std() * math.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
    if before[:window].mean() - smoothed[least] <= NOISE * noise:
        return None
    centred = np.arange(window) - (window - 1) / 2
    slopes = np.correlate(before, centred, mode="valid")  # up to a constant factor
    return int(np.argmin(slopes)) + window // 2, least


def _training(task: Task, folder: str) -> Training:
    from tuner.training.loop import Training

    spec = trial_spec(task, task.baseline, "lr-range", folder, epochs=1, seconds=None, seed=SEED, diagnostics="off")
    return Training(spec, NullLink())


def _measured(training: Training, rates: Sequence[float]) -> tuple[list[float], list[float], str]:
    """Losses, their running mean, and why the test ended."""
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0

    def at() -> str:
        return f"at step {len(losses) + 1} of {len(rates)}"

    try:
        for _, loss in zip(rates, training.losses(_Rise(rates, training.learner.peak_rate)), strict=False):
            if not math.isfinite(loss):
                return losses, smoothed, f"the loss was {loss} {at()}"
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smoothed.append(mean / (1 - SMOOTHING ** (len(losses) + 1)))
            least = min(smoothed)
            stop = smoothed[-1] > least + (STOP_FACTOR - 1) * abs(least)
            ended = f"the loss was {STOP_FACTOR:g} times its lowest {at()}"
            losses.append(loss)
            if stop:
                return losses, smoothed, ended
    except Diverged as error:
        return losses, smoothed, f"{error} {at()}"
    return losses, smoothed, f"all {len(rates)} steps were made"


class _Rise(Schedule):
    """A schedule of given rates, one per step."""

    def __init__(self, rates: Sequence[float], peak_rate: float) -> None:
        super().__init__(None, len(rates), len(rates))
        self._factors = [rate / peak_rate for rate in rates]

    def factor(self, step: int) -> float:
        """See `Schedule.factor`."""
        return self._factors[step]


def _largest_rate(optimizer: str) -> float:
    """The largest learning rate that the optimizer accepts."""
    bounds = OPTIMIZERS[optimizer].options.model_fields["learning_rate"].metadata
    return next(float(str(bound.le)) for bound in bounds if isinstance(bound, Le))


def _rounded(rate: float) -> float:
    """Rounded to two significant digits."""
    return float(f"{rate:.1e}")


def _in_yaml(entry: Any) -> str:
    """An entry of a space on one line."""
    if not isinstance(entry, dict):
        return shown(entry, log=True)
    return f"{{{', '.join(f'{name}: {_in_yaml(part)}' for name, part in entry.items())}}}"
