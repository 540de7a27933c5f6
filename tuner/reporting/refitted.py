"""Refits in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median_low
from typing import Any

from tuner.disk.events import RunRecord
from tuner.words import called, counted, spoken_score


def median_refit(refits: Sequence[RunRecord]) -> RunRecord:
    """The refit that is the model: that of median length, of an even number the shorter one, of equals the first.

    Args:
        refits: One or more.
    """
    middle = median_low(record.step for record in refits)
    return next(record for record in refits if record.step == middle)


def refitted(refits: Sequence[RunRecord], scored: Mapping[str, Any], metric: str) -> str:
    """A sentence about the winner's refits: which is the model, and their scores on test data; "" without any.

    Args:
        refits: Those that completed, seed by seed.
        scored: The results of the test run.
        metric: The reported score, without its split.
    """
    if not refits:
        return ""
    model = median_refit(refits)
    test = scored.get("test") or {}
    scores = [score for record in refits if (score := test.get(record.run, {}).get(metric)) is not None]
    score = test.get(model.run, {}).get(metric)
    text = f"the model is {called(model.number)} trained again on training and validation data"
    text += f", {counted(model.step, 'step')}"
    if score is not None:
        text += f": {spoken_score(metric)} {score:.4g} on test data"
    together = (scored.get("refit_ensemble") or {}).get("test", {}).get(metric)
    if together is not None and len(scores) == len(refits):
        text += (
            f" (its {counted(len(refits), 'seed')} trained again {fmean(scores):.4g} in the mean, "
            f"{together:.4g} as an ensemble, which --ensemble uses)"
        )
    return f"{text}."
