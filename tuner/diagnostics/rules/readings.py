"""What several rules read off a training."""

from __future__ import annotations

from tuner.diagnostics import names
from tuner.diagnostics.case import Case

TRAVEL = 20.0
"""How far the steps of a training should move its weights, in their own size: the good trainings of our benchmarks move
them by 10 to 100 times; with 20,000 steps it is the folklore's 1e-3 a step."""
LEAST_PEAK, LARGEST_PEAK = 1e-3, 2e-2
"""Bounds of the largest epoch's update-to-weight ratio that a learning rate is corrected to."""


def start_gain(case: Case) -> float:
    """Largest gain of a recurrent block at the start; 1 where it was not measured."""
    return max((max(table.values()) for _, table in case.tables(names.START_GAIN)), default=1.0)


def peak_update(case: Case) -> tuple[int, float]:
    """Epoch and value of the largest update-to-weight ratio; (0, 0) where it was not measured."""
    return max(case.series(names.UPDATE_RATIO), key=lambda pair: pair[1], default=(0, 0.0))


def healthy_peak(case: Case) -> float:
    """The largest epoch's update-to-weight ratio of a training that gets somewhere within its budget."""
    return min(max(TRAVEL / max(case.step(case.budget), 1), LEAST_PEAK), LARGEST_PEAK)


def stands(case: Case, gain: float, train: float) -> bool:
    """Whether neither the validation loss was ever below the trivial predictor's by more than the share `gain`, nor the
    training loss by more than `train`; not where that is unknown."""  # noqa: D205, D209
    losses = [value for _, value in case.series(names.TRAIN_LOSS)]
    if case.trivial_loss is None or case.progress is None or not losses:
        return False
    return case.progress <= gain and min(losses) >= (1.0 - train) * case.trivial_loss


def rounded(factor: float) -> float:
    """To two digits."""
    return float(f"{factor:.2g}")
