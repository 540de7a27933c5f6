import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param

from tests.support.fake_study import METRICS
from tuner.messages import State
from tuner.recording.points import MAX_POINTS, MAX_SERIES, STATUS, Point, Run, SweepFacts, metric_key, short


def epoch_event(epoch: int, names: tuple[str, ...] = METRICS) -> dict[str, object]:
    """A report of one epoch."""
    return {"event": "epoch", "time": 100.0 + epoch, "epoch": epoch, "metrics": dict.fromkeys(names, 1.0)}


def ended_event(epoch: int) -> dict[str, object]:
    """The end after that epoch."""
    return {
        "event": "ended",
        "time": 1e4,
        "state": "COMPLETED",
        "reason": "",
        "value": 1.0,
        "epochs": epoch,
        "seconds": 1.0,
        "step": 1,
        "trace": "",
        "results": {},
    }


def test_every_state_has_a_status() -> None:
    """No state should be without a status in MLflow."""
    assert set(STATUS) == set(State)


@given(st.text())
def test_every_name_is_accepted(name: str) -> None:
    """Whatever an adapter calls a metric, MLflow should accept the key, in the fixed grammar."""
    key = metric_key(name)
    _validate_metric_name(key)  # type: ignore[no-untyped-call]
    assert re.fullmatch(r"[A-Za-z0-9_./ -]{1,250}", key)


@given(st.text() | st.lists(st.text()) | st.floats() | st.none())
def test_every_value_is_accepted(value: object) -> None:
    """Whatever a parameter's value is, MLflow should accept its text."""
    _validate_param("p", short(value))  # type: ignore[no-untyped-call]


@given(planned=st.integers(1, 3000), trained=st.integers(1, 3000))
def test_a_series_is_bounded_and_ends_with_the_last_epoch(planned: int, trained: int) -> None:
    """However many epochs are planned and trained, there should be few points, each once, and the last."""
    trained = min(planned, trained)
    run = Run(SweepFacts("1", planned))
    points = [p for e in range(1, trained + 1) for p in run.add(epoch_event(e))]
    points += run.add(ended_event(trained))
    steps = [p.step for p in points if p.key == "train/loss"]
    assert len(steps) == len(set(steps)) <= MAX_POINTS
    assert steps[-1] == trained
    if planned <= MAX_POINTS:
        assert steps == list(range(1, trained + 1))


def test_a_series_of_zeros_is_no_curve_until_it_is_something_else() -> None:
    """Then its zeros come too, once; the objective comes in any case."""
    run = Run(SweepFacts("1", 6, metric="val/accuracy"))
    spikes = {1: 0, 2: 0, 3: float("nan"), 4: 2, 5: 0}
    points: list[Point] = []
    for epoch, value in spikes.items():
        metrics = {"train/spikes": value, "grad/clipped": 0.0, "val/accuracy": 0.0}
        points += run.add({"event": "epoch", "time": 100.0 + epoch, "epoch": epoch, "metrics": metrics})
    points += run.add(ended_event(5))
    found = [(point.step, point.value, point.time_ms) for point in points if point.key == "train/spikes"]
    assert sorted(found) == [(1, 0, 101_000), (2, 0, 102_000), (4, 2, 104_000), (5, 0, 105_000)]
    assert not [point for point in points if point.key == "grad/clipped"]
    assert len([point for point in points if point.key == "val/accuracy"]) == 5


@pytest.mark.parametrize("planned", [3, 200, 3000])
def test_the_table_is_bounded_and_has_the_last_epoch(planned: int) -> None:
    """However long a training is, its table should hold at most as many epochs as a series, the last one too."""
    run = Run(SweepFacts("1", planned))
    for epoch in range(1, planned):
        tables = {
            "tensors": {"gate_mean": {"rnn/forget": 0.5}},
            "profiles": {"state_grad": {"rnn": [[0, 1.0], [9, 0.1]]}},
        }
        list(run.add({**epoch_event(epoch), **tables}))
    rows = list(csv.DictReader(io.StringIO(run.tensor_table())))
    epochs = list(dict.fromkeys(int(row["epoch"]) for row in rows))
    assert len(rows) == 3 * len(epochs)
    assert len(epochs) <= MAX_POINTS
    assert epochs[-1] == planned - 1
    assert [(row["name"], row["lag"], row["value"]) for row in rows[:3]] == [
        ("rnn/forget", "", "0.5"),
        ("rnn", "0", "1.0"),
        ("rnn", "9", "0.1"),
    ]


def test_an_epoch_without_tables_has_no_rows() -> None:
    """Epochs of older versions, which have no profiles, and of diagnostics that are off, should give no table."""
    run = Run(SweepFacts("1", 5))
    list(run.add(epoch_event(1)))
    assert run.tensor_table() == ""


def test_too_many_series_are_named_not_dropped() -> None:
    """Series beyond the limit should be told by a tag."""
    run = Run(SweepFacts("1", 5))
    names = tuple(f"val/m{number:02d}" for number in range(30))
    points = list(run.add(epoch_event(1, names)))
    assert [point.key for point in points] == list(names[:MAX_SERIES])
    assert len(run.left_out) == 30 - MAX_SERIES
    assert run.tags(State.COMPLETED)["tuner.left_out"] == ", ".join(names[MAX_SERIES:])


def test_zeros_take_no_place_among_the_series() -> None:
    """Those that are 0 throughout leave no other out, and are not told to be; one that wakes too late is."""
    run = Run(SweepFacts("1", 5))
    names = tuple(f"val/m{number:02d}" for number in range(30))
    zeros = dict.fromkeys(names[:5], 0.0)
    points: list[Point] = []
    for epoch in (1, 2):
        event = epoch_event(epoch, names)
        values = {**dict.fromkeys(names, 1.0), **zeros, **({names[0]: 3.0} if epoch == 2 else {})}
        points += run.add({**event, "metrics": values})
    assert {point.key for point in points} == set(names[5:])
    assert run.left_out == [names[0]]


def test_a_series_beyond_the_limit_tells_no_zeros_either() -> None:
    """A curve that ends where it begins to say something would be a wrong one."""
    run = Run(SweepFacts("1", 5))
    names = tuple(f"val/m{number:02d}" for number in range(MAX_SERIES))
    points: list[Point] = []
    for epoch, value in ((1, 0.0), (2, 3.0), (3, 4.0)):
        event = epoch_event(epoch, names)
        points += run.add({**event, "metrics": {**dict.fromkeys(names, 1.0), "late": value}})
    assert run.left_out == ["late"]
    assert not [point for point in points if point.key == "late"]


def test_the_first_report_of_an_epoch_wins() -> None:
    """An epoch that a second attempt repeats should not be a second point."""
    run = Run(SweepFacts("1", 5))
    assert list(run.add(epoch_event(1)))
    assert not list(run.add(epoch_event(1)))
