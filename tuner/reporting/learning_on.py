"""Dynamic evaluation in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tuner.words import DYNAMIC, spoken_score


def learning_on(test: Mapping[str, Mapping[str, float | None]], runs: Sequence[str], metric: str) -> str:
    """A sentence about the test score by dynamic evaluation, the mean of these runs; "" without one.

    Args:
        test: Run -> score -> value on test data.
        runs: The winner's.
        metric: The reported score, without its split.
    """
    both = [(test.get(run, {}).get(name) for name in (DYNAMIC + metric, metric)) for run in runs]
    known = [(learning, fixed) for learning, fixed in both if learning is not None and fixed is not None]
    if not known:
        return ""
    learning, fixed = (fmean(values) for values in zip(*known, strict=True))
    return (
        f"dynamic evaluation, in which the network goes on learning from the text that it has been scored on, has "
        f"{spoken_score(metric)} {learning:.4g} on test data ({fixed:.4g} without)."
    )
