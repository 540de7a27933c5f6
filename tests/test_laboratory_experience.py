"""What the laboratory teaches."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.laboratory.experience import greedy, learned, ranks
from benchmarks.laboratory.records import Pool, Training


def pool(name: str, values: list[float]) -> Pool:
    """A task with one training of each configuration, of one epoch."""
    trainings = {
        (number, 0): Training(name, number, 0, "COMPLETED", [value], [value], 1.0, 10, 1)
        for number, value in enumerate(values)
    }
    return Pool(name, "memory", 1, {number: {} for number in range(len(values))}, trainings, {})


def test_ranks_are_shares_of_the_others_that_are_better() -> None:
    """Equals share their places."""
    numbers, found = ranks({"adding": pool("adding", [0.3, 0.1, 0.2]), "vowels": pool("vowels", [1.0, 1.0, 5.0, 9.0])})
    assert numbers == [0, 1, 2]
    assert found == pytest.approx(np.array([[1.0, 0.0, 0.5], [0.25, 0.25, 1.0]]))


def test_each_is_good_where_those_before_are_not() -> None:
    """The best on the whole, then what helps the task that it fails on; never worse than half of the best pair."""
    ranks_TC = np.array([[0.1, 0.0, 0.9], [0.1, 0.6, 0.9], [0.8, 1.0, 0.0]])
    assert greedy(ranks_TC, 3, mean_weight=1e-3) == [0, 2, 1]
    rng = np.random.default_rng(0)
    for _ in range(20):
        random_TC = rng.random((5, 8))

        def gain(columns: tuple[int, ...], ranks_TC: np.ndarray = random_TC) -> float:
            return float(1 - ranks_TC[:, columns].min(1).mean())

        best = max(gain(pair) for pair in combinations(range(8), 2))
        assert (
            gain(tuple(greedy(random_TC, 2, mean_weight=0.0))) >= (1 - 1 / np.e) * best - 1e-3
        )  # submodular: Nemhauser et al. 1978


def test_nothing_is_learned_from_a_task_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ranks change nothing."""
    monkeypatch.setattr("benchmarks.laboratory.configurations.kept", lambda *_: [{"n": n} for n in range(3)])
    known = {"adding": pool("adding", [3.0, 2.0, 1.0]), "vowels": pool("vowels", [1.0, 2.0, 3.0])}
    assert learned(known, 1, without=["vowels"]) == [{"n": 2}]
    assert learned(known, 1, without=["adding"]) == [{"n": 0}]
