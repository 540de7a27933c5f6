"""The figures of benchmarks/search.py, from runs of known points."""

from __future__ import annotations

import math

import pytest

from benchmarks.search import OWN, Comparison, Run, told


def searched(way: str, task: str, seed: int, spent: list[float], scores: list[float]) -> Run:
    """A run of known points."""
    return Run(way, task, 4, seed, spent, scores, {20: (spent[-1], scores[-1])})


def test_the_ratio_is_that_of_the_compute_to_the_same_score() -> None:
    """The best peer ends with 0.5, from 20 on; this search has that from 10 on in one task, and never in the other."""
    runs = []
    for seed in range(3):
        for task in ("vowels", "demand"):
            runs.append(searched("random", task, seed, [5.0, 30.0], [1.0, 0.8]))
            runs.append(searched("Ray Tune", task, seed, [5.0, 20.0], [1.0, 0.5]))
        runs.append(searched(OWN, "vowels", seed, [5.0, 10.0], [1.0, 0.5]))
        runs.append(searched(OWN, "demand", seed, [5.0, 10.0], [1.0, 0.6]))
    compared = Comparison(runs, 40.0)
    assert compared.best_peer() == "Ray Tune"
    assert compared.ratios(OWN, "Ray Tune")["vowels"] == pytest.approx(0.5, rel=0.1)
    assert math.isinf(compared.ratios(OWN, "Ray Tune")["demand"])
    assert compared.ratios(OWN, "random")["demand"] == pytest.approx(1 / 3, rel=0.1)
    assert compared.over_own("Ray Tune", 40.0) == pytest.approx(math.sqrt(0.5 / 0.6))
    assert compared.by_trials("random", 20) == (30.0, pytest.approx(0.8 / math.sqrt(0.3)))
    low, high = compared.interval(OWN, "Ray Tune")
    assert low == pytest.approx(0.5, rel=0.1)
    assert math.isinf(high)
    assert "never" in told(runs, 4, 40.0)
