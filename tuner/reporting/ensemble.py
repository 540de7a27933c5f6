"""The scores of the winner's ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.words import spoken_score


@dataclass(frozen=True)
class Ensemble:
    """Scores of the ensemble of the winner's seeds, and of the single seeds.

    Args:
        facts: See `Summary.ensemble`.
        sentence: The same in words.
    """

    facts: Mapping[str, Any]
    sentence: str


def ensemble(scored: Mapping[str, Any], winners: Sequence[RunRecord], objective: Objective) -> Ensemble | None:
    """The winner's ensemble, as scored by the test run; None if that has not scored it.

    Args:
        scored: The results of the test run.
        winners: The winner's trainings.
        objective: By which the winner was chosen.
    """
    found: Mapping[str, Any] = scored.get("ensemble") or {}
    members = [record for record in winners if record.run in found.get("runs", ())]
    values = [record.value for record in members if record.value is not None]
    if not values or len(values) != len(found["runs"]) or objective.name not in found["val"]:
        return None
    best = objective.best_of(members, score=lambda record: record.value)
    assert best is not None
    tests = [scored["test"][record.run][objective.name] for record in members]
    if None in (found["val"][objective.name], found["test"].get(objective.name), *tests):  # not finite
        return None
    facts = {
        "runs": [record.run for record in members],
        "value": found["val"][objective.name],
        "best": best.value,
        "mean": fmean(values),
        "test": found["test"][objective.name],
    }
    several = found.get("folds", 1) > 1
    sentence = (
        f"an ensemble of the winner's {len(members)} seeds has {spoken_score(objective.name)} {facts['value']:.4g} "
        f"on {'the first fold of ' if several else ''}validation data ({'over all folds: ' if several else ''}"
        f"best seed {facts['best']:.4g}, mean of the seeds {facts['mean']:.4g}) and "
        f"{facts['test']:.4g} on test data ({scored['test'][best.run][objective.name]:.4g}, {fmean(tests):.4g})"
        f"{'' if scored.get('refit_ensemble') else '; --ensemble uses it'}."
    )
    return Ensemble(facts, sentence)
