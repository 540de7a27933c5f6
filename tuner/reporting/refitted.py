"""A refit in words."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.disk.events import RunRecord
from tuner.words import called, counted, spoken_score


def refitted(record: RunRecord, test: Mapping[str, float | None], metric: str) -> str:
    """A sentence about a refit: how it was trained, and its score on test data.

    Args:
        record: The refit.
        test: Its scores on test data.
        metric: The reported score, without its split.
    """
    score = test.get(metric)
    on_test = "" if score is None else f": {spoken_score(metric)} {score:.4g} on test data"
    return (
        f"the model is {called(record.number)} trained again on training and validation data, "
        f"{counted(record.step, 'step')}, as many passes as its seeds made to their best epochs (median){on_test}."
    )
