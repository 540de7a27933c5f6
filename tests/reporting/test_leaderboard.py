import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting import confirmation, leaderboard, rows
from tuner.reporting.conclusion import noise
from tuner.reporting.leaderboard import BASELINE

HIGHER = Objective("val/accuracy", maximize=True)
SHARE = Objective("val/accuracy", maximize=True, within=(0.0, 1.0))


def record(number: int, state: State, value: float | None) -> RunRecord:
    """A run that ended so."""
    return RunRecord(run=f"trials/{number:05d}", number=number, state=state, value=value)


class TestLeaderboard:
    @pytest.mark.parametrize(("maximize", "order"), [(True, [3, 1, 0, 2, 4]), (False, [1, 3, 0, 2, 4])])
    def test_completed_runs_come_first_and_best_first(self, maximize: bool, order: list[int]) -> None:
        """Only completed trials should be ranked; a pruned one with a better value comes after them."""
        records = [
            record(0, State.PRUNED, 9.0),
            record(1, State.COMPLETED, 0.1),
            record(2, State.DIVERGED, None),
            record(3, State.COMPLETED, 0.7),
            record(4, State.LOST, None),
        ]
        assert [r.number for r in leaderboard(records, Objective(maximize=maximize))] == order

    def test_rows_are_whole(self) -> None:
        """A row should have every key that `top --json` promises, and be plain."""
        one = record(3, State.COMPLETED, 0.7)
        one.params, one.epochs, one.seconds = {"cell": "gru"}, {1: {}, 4: {}}, 2.5
        one.found, one.repairs = ["dead_units"], {"number": 1, "finding": "dead_units", "change": {"layers": [2, 1]}}
        assert rows([one], Objective(maximize=True)) == [
            {
                "number": 3,
                "state": "COMPLETED",
                "reason": "",
                "value": 0.7,
                "values": [0.7],
                "params": {"cell": "gru"},
                "epochs": 4,
                "seconds": 2.5,
                "findings": ["dead_units"],
                "repairs": {"number": 1, "finding": "dead_units", "change": {"layers": [2, 1]}},
                "kind": "trial",
            }
        ]


class TestConfirmation:
    def test_a_clear_winner_is_told_with_its_interval(self) -> None:
        """A difference far above the noise should be told as better, by how much and how surely."""
        outcome = confirmation({12: [0.90, 0.91, 0.92], 7: [0.70, 0.71, 0.72], -1: [0.50, 0.51, 0.52]}, HIGHER)
        assert outcome.winner == 12
        assert outcome.against_baseline is not None
        assert outcome.against_baseline.distinguishable
        assert outcome.against_baseline.difference == pytest.approx(0.40)
        sentence = r"trial 12 is better than the baseline by 0.4 (95 % interval 0.3"
        assert any(told.startswith(sentence) and told.endswith("3 seeds each).") for told in outcome.sentences)
        assert any("trial 12 is better than trial 7 by 0.2" in told for told in outcome.sentences)

    def test_smaller_can_be_better(self) -> None:
        """With a loss the smallest mean should win, and its difference be positive."""
        outcome = confirmation({1: [1.0, 1.1, 1.05], 2: [0.2, 0.25, 0.3], -1: [3.0, 3.1, 3.2]}, Objective())
        assert outcome.winner == 2
        assert outcome.against_baseline is not None
        assert outcome.against_baseline.difference == pytest.approx(2.85)

    def test_a_baseline_can_win(self) -> None:
        """The best searched configuration should then be told as worse."""
        outcome = confirmation({1: [0.5, 0.51, 0.52], -1: [0.9, 0.91, 0.92]}, HIGHER)
        assert outcome.winner == BASELINE
        assert "trial 1 is worse than the baseline by 0.4" in outcome.sentences[1]

    def test_noise_is_not_a_difference(self) -> None:
        """Means within the noise should be told as not distinguishable."""
        outcome = confirmation({1: [0.5, 0.7, 0.6], -1: [0.55, 0.68, 0.59]}, HIGHER)
        assert outcome.against_baseline is not None
        assert not outcome.against_baseline.distinguishable
        assert "trial 1 and the baseline are not distinguishable (difference -0.00667" in outcome.sentences[1]

    def test_an_interval_ends_where_scores_do(self) -> None:
        """A share is at most 1."""
        scores = {1: [1.0, 1.0, 0.9], -1: [0.5, 0.7, 0.9]}
        outcome = confirmation(scores, SHARE)
        assert outcome.configurations[0].interval is not None
        assert outcome.configurations[0].interval[1] == 1.0
        assert "to 1)" in outcome.sentences[0]
        free = confirmation(scores, HIGHER).configurations[0].interval
        assert free is not None
        assert free[1] > 1.0
        assert free[0] == outcome.configurations[0].interval[0]

    def test_a_wide_spread_of_one_does_not_hide_the_others(self) -> None:
        """A baseline six of its standard deviations worse is told, whatever the spread of a third."""
        scores = {1: [9.0, 10.0, 11.0], 2: [-40.0, 5.0, 40.0], -1: [0.0, 1.0, 2.0]}
        outcome = confirmation(scores, HIGHER)
        assert outcome.against_baseline is not None
        assert outcome.against_baseline.distinguishable
        assert any(told.startswith("intervals cover the choice of training seeds") for told in outcome.sentences)

    def test_equal_values_promise_no_certainty(self) -> None:
        """Two seeds that agree are no proof; where the score counts items, half an item is the least spread."""
        scores = {1: [0.75, 0.75], -1: [0.74, 0.74]}
        outcome = confirmation(scores, HIGHER)
        assert outcome.configurations[0].interval is None
        assert outcome.against_baseline is not None
        assert not outcome.against_baseline.distinguishable
        assert all("no interval, as all seeds gave the same value" in told for told in outcome.sentences)
        counted = confirmation(scores, SHARE, step=0.01)
        assert counted.configurations[0].interval is not None
        assert counted.configurations[0].interval[0] < 0.75 < counted.configurations[0].interval[1]
        assert counted.against_baseline is not None
        assert not counted.against_baseline.distinguishable
        apart = confirmation({1: [1.0] * 3, -1: [0.5] * 3}, SHARE, step=0.01)
        assert apart.against_baseline is not None
        assert apart.against_baseline.distinguishable

    @pytest.mark.parametrize("maximize", [True, False])
    def test_a_task_that_is_learned_or_not_is_told_by_counts(self, maximize: bool) -> None:
        """Where some seeds stay with the trivial predictor, they are counted and compared by Fisher's exact test."""
        sign = 1.0 if maximize else -1.0
        scores = {1: [0.99, 0.98, 0.12, 0.97, 0.99], 2: [0.7, 0.2, 0.45, 0.5, 0.6], -1: [0.11, 0.1, 0.12, 0.1, 0.97]}
        mirrored = {number: [sign * value for value in values] for number, values in scores.items()}
        outcome = confirmation(mirrored, Objective(maximize=maximize, trivial=sign * 0.1))
        best, middle, baseline = outcome.configurations
        assert (best.number, best.learned, best.interval) == (1, 4, None)
        assert (middle.number, middle.learned) == (2, None)
        assert middle.interval is not None
        assert (baseline.number, baseline.learned) == (-1, 1)
        assert "over 5 seeds (4 of them learned)" in outcome.sentences[0]
        assert outcome.against_baseline is not None
        p = 2 * stats.fisher_exact([[4, 1], [1, 4]]).pvalue
        assert not outcome.against_baseline.distinguishable
        assert f"4 of 5 seeds learned against 1 of 5, p = {p:.2g} by Fisher's exact test, corrected for 2" in (
            outcome.against_baseline.sentence
        )
        assert any("halfway from the trivial predictor to the best seed" in told for told in outcome.sentences)

    def test_counts_can_tell_configurations_apart(self) -> None:
        """With seeds enough."""
        outcome = confirmation({1: [1.0] * 9 + [0.1], -1: [0.1] * 9 + [1.0]}, HIGHER.against(0.1))
        assert outcome.against_baseline is not None
        assert outcome.against_baseline.distinguishable
        assert outcome.against_baseline.sentence.startswith("trial 1 is better than the baseline (9 of 10 seeds")

    def test_one_seed_has_no_interval(self) -> None:
        """A single seed should say so, promise nothing, and name what gives an interval beside the baseline."""
        outcome = confirmation({1: [0.9], 2: [0.8], -1: [0.5]}, HIGHER)
        assert outcome.winner == 1
        assert outcome.configurations[0].interval is None
        assert outcome.sentences == (
            "trial 1 has the best score, 0.9 with one seed.",
            "trial 1 is ahead of the baseline by 0.4 with one seed each; confirm.seeds=3 gives an interval.",
            "trial 1 is ahead of trial 2 by 0.1 with one seed each, which gives no interval.",
        )
        told = noise(outcome.against_baseline)
        assert told == f"it is not known whether that is beyond the noise of the seeds: {outcome.sentences[1]}"

    def test_one_seed_behind_or_level(self) -> None:
        """The order should be that of the scores, in either direction; a baseline with fewer seeds should be told."""
        behind = confirmation({1: [0.3], -1: [0.2]}, Objective()).against_baseline
        level = confirmation({1: [0.3], -1: [0.3]}, Objective()).against_baseline
        fewer = confirmation({1: [0.3, 0.4, 0.5], -1: [0.7]}, Objective()).against_baseline
        assert behind is not None
        assert level is not None
        assert fewer is not None
        assert behind.sentence.startswith("trial 1 is behind the baseline by 0.1 with one seed each;")
        assert level.sentence.startswith("trial 1 is level with the baseline with one seed each;")
        assert fewer.sentence == "trial 1 is ahead of the baseline by 0.3 with 3 and 1 seeds, which gives no interval."
        assert [one.known for one in (behind, level, fewer)] == [False] * 3

    @pytest.mark.parametrize("gap", [None, math.nan, math.inf])
    def test_a_diverged_seed_cannot_win(self, gap: float | None) -> None:
        """A configuration that lost a seed should not win, and be told."""
        outcome = confirmation({1: [0.99, gap, 0.99], 2: [0.5, 0.6, 0.55], -1: [0.4, 0.4, 0.41]}, HIGHER)
        assert outcome.winner == 2
        assert "trial 1 has no score on 1 of 3 seeds and cannot win." in outcome.sentences

    @pytest.mark.parametrize("scores", [{}, {1: []}, {1: [None], -1: [None, None]}])
    def test_nothing_to_choose_from(self, scores: dict[int, list[float | None]]) -> None:
        """Without a score there should be no winner, in words."""
        outcome = confirmation(scores, HIGHER)
        assert outcome.winner is None
        assert "no configuration can win" in outcome.sentences[0]

    @given(
        st.lists(st.integers(-1000, 1000), min_size=2, max_size=6, unique=True),
        st.lists(st.integers(-1000, 1000), min_size=2, max_size=6, unique=True),
    )
    def test_the_interval_is_welchs(self, first: list[int], second: list[int]) -> None:
        """With one comparison, the interval should be the one of SciPy's t test with unequal variances."""
        outcome = confirmation({1: first, -1: second}, HIGHER)
        expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
        assert outcome.against_baseline is not None
        assert outcome.against_baseline.interval == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-6)

    def test_equal_configurations_are_told_as_equal(self) -> None:
        """Where nothing differs, at least 9 of 10 studies should say so, and intervals hold the truth."""
        noise = random.Random(1)
        equal = covered = 0
        for _ in range(200):
            scores = {number: [noise.gauss(0.8, 0.02) for _ in range(3)] for number in (-1, 4, 7, 9)}
            outcome = confirmation(scores, HIGHER)
            assert outcome.against_baseline is not None
            assert outcome.against_second is not None
            equal += not (outcome.against_baseline.distinguishable or outcome.against_second.distinguishable)
            best = outcome.configurations[0]
            assert best.interval is not None
            covered += best.interval[0] <= 0.8 <= best.interval[1]
        assert equal >= 180
        assert covered >= 180

    def test_confirming_lowers_the_regret(self) -> None:
        """Choosing among the best by fresh seeds should leave at least a quarter less regret than the raw best."""
        noise = random.Random(2)
        raw = confirmed = covered = 0.0
        for _ in range(200):
            truth = [noise.gauss(0.0, 1.0) for _ in range(100)]
            seen = [value + noise.gauss(0.0, 1.0) for value in truth]
            top = sorted(range(100), key=lambda number: -seen[number])[:10]
            outcome = confirmation({n: [truth[n] + noise.gauss(0.0, 1.0) for _ in range(4)] for n in top}, HIGHER)
            winner = outcome.configurations[0]
            assert winner.interval is not None
            raw += max(truth) - truth[top[0]]
            confirmed += max(truth) - truth[winner.number]
            covered += winner.interval[0] <= truth[winner.number] <= winner.interval[1]
        assert confirmed < 0.75 * raw
        assert covered >= 180
