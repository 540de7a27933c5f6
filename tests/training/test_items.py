"""How much a score hangs on the items that it is of, and what that says of two configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from tuner.adapters.base import Batch
from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.conclusion import Readable
from tuner.reporting.leaderboard import Comparison
from tuner.reporting.resolution import cannot_tell, least_difference, told_apart
from tuner.training import items as module
from tuner.training.items import influence


class Errors:
    """A problem whose predictions are errors: their mean, and the root of their mean square.

    Args:
        overlap: See `Problem`.
    """

    def __init__(self, overlap: int = 1) -> None:
        self.overlap = overlap

    def evaluate(self, predictions: Sequence[torch.Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Both scores."""
        assert [len(each) for each in predictions] == [len(batch.y) for batch in batches]
        errors = torch.cat(list(predictions))
        return {"mean": errors.mean().item(), "rmse": errors.square().mean().sqrt().item()}


def found(errors: NDArray[np.float64], name: str = "mean", overlap: int = 1, sizes: int = 7) -> dict[str, Any] | None:
    """What groups of items have to do with a score, of batches of so many."""
    parts = np.split(errors, range(sizes, len(errors), sizes))
    predictions = [torch.from_numpy(part) for part in parts]
    batches = [Batch(torch.zeros(len(part), 1), None, torch.zeros(len(part))) for part in parts]
    return influence(Errors(overlap), predictions, batches, name)  # type: ignore[arg-type]  # what it takes of a problem


def test_of_a_mean_the_values_are_the_items() -> None:
    """Each item is a group of its own, and the standard error is that of a mean, whatever the batches."""
    errors = np.random.default_rng(0).normal(size=33)
    told = found(errors)
    assert told is not None
    assert sorted(told["values"]) == pytest.approx(sorted(errors))
    assert (told["items"], told["overlap"]) == (33, 1)
    many = np.random.default_rng(1).normal(size=5000)
    told = found(many, sizes=256)
    assert told is not None
    assert len(told["values"]) == module.GROUPS
    assert np.mean(told["values"]) == pytest.approx(many.mean())
    assert stats.sem(told["values"]) == pytest.approx(stats.sem(many), rel=0.4)


def test_what_has_too_few_items_or_no_finite_score_is_left_out() -> None:
    """None in place of numbers that mean nothing."""
    assert found(np.ones(5)) is None
    assert found(np.array([np.inf, *np.ones(20)])) is None
    assert found(np.ones(20), "of whole splits alone") is None


@pytest.mark.parametrize(("name", "truth"), [("mean", 1.0), ("rmse", 2**0.5)])
def test_intervals_over_items_cover(name: str, truth: float) -> None:
    """By the values' spread, 95 % of them do, also of scores that are no means."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(80):
        told = found(rng.normal(1, 1, size=30), name, sizes=30)
        assert told is not None
        half = stats.t.ppf(0.975, len(told["values"]) - 1) * stats.sem(told["values"])
        covered += abs(np.mean(told["values"]) - truth) <= half
    assert 0.88 <= covered / 80 <= 0.99


def test_windows_that_overlap_do_not_count_as_so_many() -> None:
    """Intervals by groups of neighbours cover; taken for independent items they would not."""
    rng, covered, naive = np.random.default_rng(4), 0, 0
    for _ in range(80):
        steps = rng.normal(size=1000 + 11)
        windows = np.lib.stride_tricks.sliding_window_view(steps, 12).mean(axis=1)
        told, alone = found(windows, overlap=12, sizes=1000), found(windows, sizes=1000)
        assert told is not None
        assert alone is not None
        for each, own in ((told, True), (alone, False)):
            half = stats.t.ppf(0.975, len(each["values"]) - 1) * stats.sem(each["values"])
            inside = abs(np.mean(each["values"])) <= half
            covered, naive = covered + (own and inside), naive + (not own and inside)
    assert covered / 80 >= 0.9
    assert naive / 80 <= 0.6


def told(first: Mapping[str, Any], second: Mapping[str, Any], difference: float) -> str:
    """The sentence of two configurations with a seed each."""
    runs = [RunRecord(run=f"confirm/{number}-1", number=number) for number in (3, 4)]
    items = {run.run: values for run, values in zip(runs, (first, second), strict=True)}
    pair = Comparison(3, 4, difference, None, False, "")
    return told_apart(items, runs, pair, Objective("val/accuracy", maximize=True))


def test_two_configurations_are_compared_item_by_item() -> None:
    """Where their errors are on the same items, far smaller differences are told than by each alone."""
    rng = np.random.default_rng(5)
    right = (rng.random(54) < 0.8).astype(float)
    other = right.copy()
    other[:3] = 1 - other[:3]
    common = {"items": 54, "overlap": 1, "digest": "a"}
    paired = told({**common, "values": right.tolist()}, {**common, "values": other.tolist()}, 0.02)
    half = stats.t.ppf(0.975, 53) * stats.sem(right - other)
    assert f"54 validation items tell trial 3 from trial 4 where val/accuracy differs by {half:.2g} or more" in paired
    assert paired.endswith("(95 %, item by item): 0.02 is less.")
    apart = told({**common, "values": right.tolist()}, {**common, "digest": "b", "values": other.tolist()}, 0.4)
    assert "each by its own items): 0.4 is more." in apart
    assert told({**common, "values": [0.5] * 54}, {**common, "values": [0.5] * 54}, 0.0) == ""
    assert told_apart({}, [], Comparison(3, 4, 0.1, None, False, ""), Objective()) == ""


def test_before_a_sweep_theory_says_what_cannot_be_told() -> None:
    """By the exact sign test where items are few, by the spread of shares where they are many."""
    fewest = 6
    for items in (8, 33, 200):
        assert stats.binomtest(fewest, fewest).pvalue < 0.05 < stats.binomtest(fewest - 1, fewest - 1).pvalue
        assert least_difference(items) >= fewest / items
    assert cannot_tell(33, Readable("accuracy", share=True)) == (
        "33 validation items: two values of accuracy that differ by less than 0.18 cannot be told apart"
    )
    many = cannot_tell(1000, Readable("accuracy", share=True))
    assert "by less than 0.031, near 0.9 by less than 0.019, cannot" in many
    assert cannot_tell(33, Readable("mse", share=False)) == ""
