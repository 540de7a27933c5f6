"""Which trainings learned the task, where the trivial predictor's score says what it is to have learned nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard


def halfway(values: Sequence[float | None], trivial: float, maximize: bool) -> float | None:
    """The value halfway from the trivial predictor's to the best; None where none beats the trivial predictor.

    Args:
        values: Of the trials; None without one.
        trivial: Value of the trivial predictor.
        maximize: Whether higher values are better.
    """
    best = (max if maximize else min)((value for value in values if is_score(value)), default=trivial)
    beaten = best > trivial if maximize else best < trivial
    return (best + trivial) / 2 if beaten else None


def has_learned(value: float | None, cut: float, maximize: bool) -> bool:
    """Whether a trial's value is beyond `halfway`."""
    return is_score(value) and (value > cut if maximize else value < cut)


def learned_or_not(values: Sequence[float], cut: float, trivial: float, maximize: bool) -> int | None:
    """How many seeds of one configuration learned, where some did, others did not, and none is in between.

    In between is a gap of less than half of the way from the trivial predictor to the best score, which lies as far
    beyond the cut as the trivial predictor is before it.

    Args:
        values: One per seed, finite.
        cut: As `halfway` has it.
        trivial: Value of the trivial predictor.
        maximize: Whether higher values are better.

    Returns:
        None where all learned, or none, or the scores are spread without such a gap.
    """
    yes = [value for value in values if has_learned(value, cut, maximize)]
    no = [value for value in values if not has_learned(value, cut, maximize)]
    if not yes or not no:
        return None
    gap = min(yes) - max(no) if maximize else min(no) - max(yes)
    return len(yes) if gap >= abs(cut - trivial) else None


def is_score(value: float | None) -> TypeGuard[float]:
    """Whether there is a value, and a finite one."""
    return value is not None and math.isfinite(value)
