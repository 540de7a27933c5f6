"""Measurements of a training that several rules use."""

from __future__ import annotations

import math

from tuner.diagnostics import names
from tuner.diagnostics.case import Case

TRAVEL = 20.0
"""Healthy total movement of the weights over a training, as a multiple of their norm: in good trainings of our
benchmarks it is 10 to 100; over 20,000 steps it is the usual 1e-3 per step."""
LEAST_PEAK, LARGEST_PEAK = 1e-3, 2e-2
"""Bounds of the update-to-weight ratio (largest of any epoch) to which a learning rate is corrected."""


def start_gain(case: Case) -> float:
    """Largest initial gain of a recurrent block; 1 if not measured."""
    return max((max(table.values()) for _, table in case.tables(names.START_GAIN)), default=1.0)


def peak_update(case: Case) -> tuple[int, float]:
    """Epoch and value of the largest update-to-weight ratio; (0, 0) if not measured."""
    return max(case.series(names.UPDATE_RATIO), key=lambda pair: pair[1], default=(0, 0.0))


def healthy_peak(case: Case) -> float:
    """A healthy update-to-weight ratio (largest of any epoch) for a training of this budget."""
    return min(max(TRAVEL / max(case.step(case.budget), 1), LEAST_PEAK), LARGEST_PEAK)


def trained(case: Case) -> float:
    """How far the training loss fell below the trivial predictor's, as a fraction of it; 0 if it did not.

    Where it began lower, or the trivial predictor is unknown, how far it fell from its first epoch's.
    """
    losses = [value for _, value in case.series(names.TRAIN_LOSS)]
    begin = min([*losses[:1], case.trivial_loss or math.inf])
    return max(0.0, 1.0 - min(losses) / begin) if losses and begin > 0 else 0.0


def stands(case: Case, gain: float, train: float) -> bool:
    """Whether nothing was learned: the validation loss never improved on the trivial predictor's by more than the
    fraction `gain`, nor the training loss by more than `train`; False if unknown."""  # noqa: D205, D209
    losses = [value for _, value in case.series(names.TRAIN_LOSS)]
    if case.trivial_loss is None or case.progress is None or not losses:
        return False
    return case.progress <= gain and min(losses) >= (1.0 - train) * case.trivial_loss


def rounded(factor: float) -> float:
    """Rounded to two significant digits."""
    return float(f"{factor:.2g}")
