"""Warm start: a new study that learns from earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sweeps import records, sweep
from tests.support.tiny import write_task
from tuner.announcements import Announcement, TrialEnded
from tuner.disk.events import RunRecord
from tuner.errors import TaskFileError
from tuner.study.borrowed import Borrowed
from tuner.sweep import Sweep
from tuner.sweep.warm_start import MOST, _thinned, best_of_each, gathered
from tuner.task.resolve import resolve_task

SPACE = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 12}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
confirm: {top: 0}
sampler: {startup_trials: 3}
pruner: {name: none}
portfolio: none
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are written there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The task of a study that is over, of six trials."""
    path = write_task(tmp_path, name="first", trials=6, epochs=1, more=SPACE)
    assert sweep(path)[0].usable
    return path


def ranked(path: Path) -> list[RunRecord]:
    """A study's trials, best first."""
    objective = resolve_task(path).objective
    return sorted(records(path), key=lambda record: (objective.loss(record.value), record.number))


def test_the_best_of_another_study_are_tried_first(tmp_path: Path, first: Path) -> None:
    """At most a quarter of the budget; the record says whose they are, and a larger budget tries more of them."""
    best = ranked(first)
    path = write_task(tmp_path, name="second", trials=10, epochs=1, more=SPACE)
    outcome, said = sweep(path, "warm_start=[first]", "budget.trials=5")
    assert outcome.usable
    assert said.notices() == ["warm start: learns from 6 trials of first"]
    outcome, said = sweep(path, "warm_start=[first]")
    assert outcome.usable
    assert said.notices() == []
    own = records(path)
    places = [f"first/{record.number}" for record in best]
    assert [record.warm_start for record in own] == [*places[:2], "", "", "", places[2], *[""] * 4]
    assert [own[place].params for place in (0, 1, 5)] == [record.params for record in best[:3]]


def test_a_stopped_study_goes_on_as_it_would_have(tmp_path: Path, first: Path) -> None:
    """It learns from what it began with, although the other study has changed meanwhile."""
    whole, stopped, cold = (write_task(tmp_path, name=n, trials=7, epochs=1, more=SPACE) for n in ("a", "b", "c"))
    assert sweep(whole, "warm_start=[first]")[0].usable
    ended = []

    def stop(event: Announcement) -> None:
        ended.append(event) if isinstance(event, TrialEnded) else None
        if len(ended) == 4:
            one.stop("enough")

    one = Sweep(resolve_task(stopped, ["warm_start=[first]"]), stop)
    assert not one.run().finished
    assert sweep(first, "budget.trials=8")[0].usable
    assert sweep(stopped, "warm_start=[first]")[0].usable
    assert sweep(cold)[0].usable
    found = [[record.params for record in records(path)] for path in (whole, stopped, cold)]
    assert found[0] == found[1]
    assert found[0][2:] != found[2][2:]


def test_only_what_lies_inside_this_space_is_taken(tmp_path: Path, first: Path) -> None:
    """A value beyond a range is not moved into it; what is new here is as in the baseline."""
    inside = [record for record in ranked(first) if record.params["learning_rate"] <= 0.02]
    assert 0 < len(inside) < 6
    narrow = {"low": 1e-3, "high": 0.02, "log": True}
    path = write_task(tmp_path, name="narrow", more=SPACE)
    task = resolve_task(
        path, ["warm_start=[first]"], {"space": {"learning_rate": narrow, "clip_norm": {"low": 0.5, "high": 2.0}}}
    )
    taken = gathered(task)
    assert [each.source for each in taken] == [f"first/{record.number}" for record in inside]
    assert all(task.space.contains(each.params) for each in taken)
    scores = [record.value or 0.0 for record in records(first)]
    assert [each.rank for each in taken] == [sum(s > (record.value or 0.0) for s in scores) / 5 for record in inside]
    sweep(path, "warm_start=[first]", "budget.trials=2")
    assert sweep(path, "warm_start=[first]", "budget.trials=4", "space.learning_rate=0.5")[
        0
    ].usable  # none fits any more


def test_auto_takes_the_latest_studies_of_the_same_adapter_and_metric(tmp_path: Path, first: Path) -> None:
    """Others are passed over, as are studies that are empty or share nothing; none at all is said."""
    other = write_task(tmp_path, name="other", trials=2, epochs=1, more=SPACE)
    sweep(other, "objective={metric: val/loss}")
    alien = "search_space: {clip_norm: {low: 1.0, high: 2.0}}\nconfirm: {top: 0}\nportfolio: none\n"
    sweep(write_task(tmp_path, name="alien", trials=2, epochs=1, more=alien))
    path = write_task(tmp_path, name="second", trials=2, epochs=1, more=SPACE)
    metric = resolve_task(first).objective.metric
    assert metric == "val/accuracy"
    outcome, said = sweep(path, "warm_start=auto")
    assert outcome.usable
    assert said.notices() == ["warm start: learns from 6 trials of first"]
    alone = write_task(tmp_path, name="alone", trials=2, epochs=1, more=SPACE)
    _, said = sweep(alone, "warm_start=auto", "storage=elsewhere")
    assert "no other study here has the same adapter and metric" in said.notices()[0]


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("name", "space", "rule"),
    [
        ("frist", SPACE, "warm_start must name other studies in .*, but got 'frist'. Did you mean 'first'"),
        ("second", SPACE, "warm_start must name other studies"),
        ("../first", SPACE, "warm_start must name other studies"),
        ("first", SPACE.replace("[lstm, gru]", "[janet, mgu]"), "none inside .cell"),
        ("first", "search_space: {clip_norm: {low: 1.0, high: 2.0}}", "no parameter is searched by both"),
    ],
)
def test_a_study_that_cannot_be_learned_from_is_refused(name: str, space: str, rule: str, tmp_path: Path) -> None:
    """With the line of the task file; mended, the same study begins."""
    more = f"{space}\nwarm_start:\n- {name}\n"
    path = write_task(tmp_path, name="second", trials=2, epochs=1, more=more)
    with pytest.raises(TaskFileError, match=rule) as refused:
        sweep(path)
    line = path.read_text().splitlines().index(f"- {name}") + 1
    assert f"second.yaml:{line}" in str(refused.value)
    path.write_text(path.read_text().replace(f"- {name}", "").replace("warm_start:", ""))
    assert sweep(path)[0].usable


def test_many_studies_share_what_is_taken_over() -> None:
    """The best of each come first, in turns."""
    taken = [Borrowed(f"{study}/{n}", {}, n / 2) for study in ("a", "b") for n in (2, 0, 1)]
    assert [each.source for each in best_of_each(taken)] == ["a/0", "b/0", "a/1", "b/1", "a/2", "b/2"]
    assert [len(_thinned(taken * 20, MOST // 2)), len(_thinned(taken, MOST))] == [30, 6]
