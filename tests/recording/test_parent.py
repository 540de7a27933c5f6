"""What a study's events mean for its parent run, and for trials that only the whole study can tell of."""

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.recording.parent import Parent
from tuner.recording.points import Point


def seed(number: int, seed: int, value: float | None) -> RunRecord:
    """A training of a confirmation that is over."""
    state = State.DIVERGED if value is None else State.COMPLETED
    run = f"confirm/{number:05d}-{seed}"
    return RunRecord(run=run, kind="confirm", number=number, state=state, value=value)


def test_means_over_other_seeds_stand_in_no_column_together() -> None:
    """Who left the race after a lucky seed, or diverged on one, is not shown ahead of the winner."""
    scores: dict[int, list[float | None]] = {1: [0.6, 0.8, 0.7], 2: [0.9], 3: [0.6, None, 0.9], 4: [0.5, 0.5, 0.5]}
    records = [seed(number, at, value) for number, own in scores.items() for at, value in enumerate(own, 1)]
    asked = {"event": "sweep", "time": 1.0, "metric": "val/accuracy", "direction": "maximize"}
    stopped = {"event": "stopped", "time": 2.0, "reason": "by the user"}
    for unfinished in ([asked], [asked, stopped]):
        assert Parent(unfinished).confirmed(records) == {}
    over = Parent([asked, {"event": "summary", "time": 2.0, "winner": "trial 1"}])
    means = {1: 0.7, 4: 0.5}
    assert {number: round(point.value, 9) for number, point in over.confirmed(records).items()} == means
    assert over.confirmed(records)[4] == Point("confirmed", 0.5, 2000, 0)
