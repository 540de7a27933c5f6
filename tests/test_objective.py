"""The value that knows which way is better, and that nothing beside it chooses by direction."""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tuner.objective import Objective

ROOT = Path(__file__).resolve().parents[1]
DIRECTIONS = {
    "objective.py",
    # metrics of adapters, and where the task file's objective is found among them
    "adapters/base.py",
    "adapters/class_scores.py",
    "adapters/label_scores.py",
    "adapters/number_scores.py",
    "adapters/segments.py",
    "adapters/memory/probe.py",
    "adapters/nlp/language_modelling.py",
    "adapters/nlp/tagging/adapter.py",
    "adapters/speech/recognition/scoring.py",
    "adapters/time_series/scoring.py",
    "config/task.py",
    "task/resolve.py",
    # Optuna's direction
    "study/samplers.py",
    # event files, and what is printed as JSON
    "disk/event_forms.py",
    "testing/recorders.py",
    "reporting/about.py",
    "recording/parent.py",
    "recording/views.py",
    "announcements.py",
    "sweep/beginning.py",
}
"""The files that may name a direction. Only one of metrics may join the list."""
OBJECTIVES = [Objective("val/loss"), Objective("val/accuracy", maximize=True)]
objectives = st.sampled_from(OBJECTIVES)
finite = st.floats(-1e9, 1e9)
scores = st.one_of(st.none(), st.just(math.nan), st.just(math.inf), st.just(-math.inf), finite)


def test_what_it_is_called() -> None:
    """Its name is without the split; its direction is Optuna's, its words are for people."""
    loss, accuracy = OBJECTIVES
    assert (loss.name, loss.direction, loss.words) == ("loss", "minimize", "lower is better")
    assert (loss.is_loss, accuracy.is_loss) == (True, False)
    assert (accuracy.name, accuracy.direction, accuracy.words) == ("accuracy", "maximize", "higher is better")
    assert Objective("val/within/5").name == "within/5"
    assert Objective() == loss


@given(value=finite, over=finite)
def test_a_gain_is_what_a_score_is_better_by(value: float, over: float) -> None:
    """Of a loss what it is below, of any other score what it is above; as `better`, `loss` and `sign` have it."""
    loss, accuracy = OBJECTIVES
    assert accuracy.gain(value, over) == value - over == -loss.gain(value, over)
    for objective in OBJECTIVES:
        better = objective.better(value, over)
        assert better is (objective.gain(value, over) > 0) is (objective.loss(value) < objective.loss(over))
        assert objective.sign * objective.loss(value) == value
        assert objective.better(value, objective.worst)
        assert not objective.better(objective.worst, value)


@given(objective=objectives, values=st.lists(scores, max_size=6))
def test_the_best_is_one_that_no_other_is_better_than(objective: Objective, values: list[float | None]) -> None:
    """It is finite, whatever is among the scores; sorted by loss it comes first, and what is not finite last."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    best = objective.best(values)
    assert (best is None) == (not known)
    assert objective.best(values, default=objective.worst) == (objective.worst if best is None else best)
    if best is not None:
        assert best in known
        assert best == (max(known) if objective.maximize else min(known))
        assert not any(objective.better(value, best) for value in values)
    ordered = sorted(values, key=objective.loss)
    assert set(map(id, ordered[: len(known)])) == set(map(id, known))
    assert ordered[:1] == ([best] if known else values[:1])


@given(objective=objectives, values=st.lists(scores, max_size=6))
def test_the_item_with_the_best_score(objective: Objective, values: list[float | None]) -> None:
    """Of equals the first; none where no item has a score."""
    found = objective.best_of(enumerate(values), score=lambda item: item[1])
    best = objective.best(values)
    assert found == (None if best is None else (values.index(best), best))


@given(objective=objectives, value=finite, none=st.sampled_from([None, math.nan, math.inf, -math.inf]))
def test_what_is_not_finite_never_wins(objective: Objective, value: float, none: float | None) -> None:
    """An overflow to the good side is no score either."""
    assert not objective.better(none, value)
    assert objective.better(value, none)
    assert not objective.better(none, none)
    assert objective.best([none, value, none]) == value


def test_it_is_a_plain_value() -> None:
    """It is pickled, and compared by what it holds; the trivial predictor's score comes with the data."""
    objective = Objective("val/mase", within=(0.0, math.inf), counted=True)
    beside = objective.against(1.0, "seasonal naive")
    assert pickle.loads(pickle.dumps(beside)) == beside != objective
    assert (beside.trivial, beside.trivial_name) == (1.0, "seasonal naive")
    assert (beside.within, beside.counted) == ((0.0, math.inf), True)
    assert (objective.trivial, objective.trivial_name) == (None, "trivial predictor")


def test_nothing_else_chooses_by_direction() -> None:
    """Whatever compares scores asks an objective; a file that needs the word no more leaves the list above."""
    files = (ROOT / "tuner").rglob("*.py")
    named = {str(path.relative_to(ROOT / "tuner")) for path in files if re.search("(?i)maximi", path.read_text())}
    assert named == DIRECTIONS
