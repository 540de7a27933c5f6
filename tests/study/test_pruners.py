from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.objective import Objective
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import make_schedule, peak_epoch
from tuner.study.catalog import PRUNERS, ASHAOptions, MedianOptions
from tuner.study.curves import Curves
from tuner.study.pruners import ASHA, MedianRule, Pruner, judged

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize("name", PRUNERS.entries)
@given(epochs=st.integers(1, 300), peak=st.floats(0, 300), min_epochs=st.none() | st.integers(1, 40))
def test_rungs_ascend_after_the_peak_and_in_the_first_half(
    name: str, epochs: int, peak: float, min_epochs: int | None
) -> None:
    """No trial is judged before an epoch that began at its peak, whatever is asked, nor beyond half of its budget."""
    entry = PRUNERS[name]
    options = entry.options() if name == "none" else entry.options(min_epochs=min_epochs)
    pruner: Pruner = entry.load()(options)
    rungs = pruner.rungs(epochs, peak)
    assert list(rungs) == sorted(set(rungs))
    assert all(peak - 1e-6 <= rung - 1 and rung <= epochs / 2 for rung in rungs)
    assert all(rung >= (min_epochs or 1) for rung in rungs)


@pytest.mark.parametrize("pruner", [name for name in PRUNERS.entries if name != "none"])
@settings(deadline=None)  # the first call imports
@pytest.mark.parametrize("schedule", SCHEDULES.entries)
@given(
    epochs=st.integers(2, 100),
    per_epoch=st.integers(1, 30),
    rise=st.floats(0, 0.5),
    cycle=st.floats(0.1, 200),
)
def test_no_trial_is_judged_before_its_rate_has_peaked(
    pruner: str, schedule: str, epochs: int, per_epoch: int, rise: float, cycle: float
) -> None:
    """Whatever the schedule: by the rates at every step, the highest comes before the epoch of the first rung begins.

    A wave that is shorter than an epoch has its peaks where steps happen to lie.
    """
    entry = SCHEDULES[schedule]
    given_ = {"warmup": rise, "peak_at": max(rise, 0.01), "cycle_epochs": cycle}
    options = entry.options.model_validate({key: given_[key] for key in given_ if key in entry.options.model_fields})
    rules = PRUNERS[pruner]
    rungs = rules.load()(rules.options()).rungs(epochs, peak_epoch(schedule, options, epochs))
    course = make_schedule(schedule, options, epochs * per_epoch, per_epoch)
    rates = [course.factor(step) for step in range(epochs * per_epoch)]
    for rung in rungs:
        reached = max(rates[: (rung - 1) * per_epoch + 1])
        assert reached >= max(rates) * (1 - (2 / (cycle * per_epoch) if schedule == "cyclical" else 1e-9))


@pytest.mark.parametrize("name", PRUNERS.entries)
@given(values=VALUES, maximize=st.booleans())
def test_the_best_is_never_stopped(name: str, values: list[float], maximize: bool) -> None:
    """Whatever came before, a trial that is at least as good as all others goes on."""
    entry = PRUNERS[name]
    pruner: Pruner = entry.load()(entry.options())
    best = max(values) if maximize else min(values)
    assert pruner.decide(1, best, values, Objective(maximize=maximize)).go_on


def test_asha_keeps_one_in_eta() -> None:
    """With eta 3 the third of six goes no further, the second does; the reason has its numbers."""
    asha = ASHA(ASHAOptions(reduction=3, min_peers=2))
    peers = [0.1, 0.3, 0.4, 0.5, 0.6]
    assert asha.decide(4, 0.2, peers, Objective()).go_on
    stopped = asha.decide(4, 0.35, peers, Objective())
    assert not stopped.go_on
    assert stopped.reason == "epoch 4: 0.35, rank 3 of 6; the best 2 go on"
    assert asha.rungs(40, 0.0) == (1, 2, 4, 12)
    assert [asha.early(rung, 40) for rung in (1, 2, 4, 12)] == [True, True, False, False]
    assert ASHA(ASHAOptions(min_epochs=2)).rungs(40, 0.0) == (2, 6, 18)
    assert asha.rungs(20, 6.0) == (7,)  # one_cycle


def test_asha_waits_for_company() -> None:
    """The first trials at a rung go on, however bad."""
    assert ASHA(ASHAOptions(min_peers=4)).decide(4, 9.0, [0.1, 0.1, 0.1], Objective()).go_on


def test_the_median_rule_compares_with_the_others() -> None:
    """Worse than the median of the others stops, equal to it goes on."""
    rule = MedianRule(MedianOptions(min_peers=3))
    assert rule.decide(5, 0.5, [0.4, 0.5, 0.6], Objective()).go_on
    stopped = rule.decide(5, 0.51, [0.4, 0.5, 0.6], Objective())
    assert not stopped.go_on
    assert stopped.reason == "epoch 5: 0.51, median 0.5 of 3 others"


def _curves(*losses: tuple[float, ...]) -> Curves:
    curves = Curves(Objective())
    for number, each in enumerate(losses):
        for epoch, loss in enumerate(each, 1):
            curves.add(number, epoch, loss)
    return curves


def test_an_early_rung_counts_where_ranks_have_settled() -> None:
    """From four others on that were trained twice as long, most of whose pairs (85 %) kept their order."""
    asha = ASHA(ASHAOptions())
    kept = [(1.0, 0.9), (2.0, 1.8), (3.0, 2.0), (4.0, 3.9)]
    few = judged(asha, _curves(*kept[:3]), 9, 1, 9.0, epochs=40)
    assert (few.go_on, few.reason) == (True, "epoch 1: early, 3 others trained for longer so far")
    stopped = judged(asha, _curves(*kept), 9, 1, 9.0, epochs=40)
    assert (stopped.go_on, stopped.reason) == (False, "epoch 1: 9, rank 5 of 5; only the best goes on")
    assert judged(asha, _curves(*kept), 9, 1, 0.5, epochs=40).go_on
    crossed = judged(asha, _curves(*kept[:3], (4.0, 0.1)), 9, 1, 9.0, epochs=40)
    assert (crossed.go_on, crossed.reason) == (True, "epoch 1: early, 50% of pairs kept their order later")
    assert not judged(asha, _curves(*kept[:3], (4.0, 0.1)), 9, 1, 9.0, epochs=10).go_on  # a tenth: not early


def test_control_trials_are_pruned_only_where_ranks_last() -> None:
    """The first four and every sixth; with 0 there are none, and no other rule has any.

    Eight completed trials whose order is the same at every rung show that no more are needed.
    """
    curves = _curves(*[(0.1,)] * 30)
    asha = ASHA(ASHAOptions())
    kept = [number for number in range(30) if judged(asha, curves, number, 1, 9.0).go_on]
    assert kept == [0, 1, 2, 3, 6, 12, 18, 24]
    assert judged(asha, curves, 6, 1, 9.0).reason == "epoch 1: a control trial, which shows whether ranks last"
    lasting = [(float(n),) * 4 for n in range(9)]
    crossing = [(float(n), float(n), -float(n), -float(n)) for n in range(9)]
    for last in (lasting, crossing, lasting[:6]):
        pruned = not judged(ASHA(ASHAOptions(min_epochs=1)), _curves(*last), 12, 1, 99.0, epochs=4).go_on
        assert pruned == (last is lasting)
    for name in PRUNERS.entries:
        pruner: Pruner = PRUNERS[name].load()(ASHAOptions(control=0) if name == "asha" else PRUNERS[name].options())
        assert not any(pruner.controls(number) for number in range(30))


def test_a_rung_whose_ranks_do_not_last_prunes_none() -> None:
    """By the completed trials, from four on; the ranks at the same rung count again once they last."""
    asha = ASHA(ASHAOptions(min_epochs=1))
    crossing = [(1.0, 0.9, 0.9, 0.1), (2.0, 1.8, 1.8, 0.05), (3.0, 2.0, 2.0, 0.02), (4.0, 3.9, 3.9, 0.01)]
    assert not judged(asha, _curves(*crossing[:3]), 9, 1, 9.0, epochs=4).go_on
    doubted = judged(asha, _curves(*crossing), 9, 1, 9.0, epochs=4)
    assert (doubted.go_on, doubted.reason) == (
        True,
        "epoch 1: too early to tell, 0% of pairs of 4 completed trials kept their order to the end",
    )
    lasting = [(float(n), float(n), float(n), float(n)) for n in range(10, 20)]
    assert not judged(asha, _curves(*crossing, *lasting), 99, 1, 99.0, epochs=4).go_on
    late = judged(asha, _curves(*crossing), 9, 1, 9.0, epochs=4, alike={0, 1, 2, 9})
    assert late.reason == "epoch 1: 9, rank 4 of 4; the best 4 go on"  # as the others are not pruned either


def test_a_late_peak_is_compared_with_its_like_for_all_rungs_at_once() -> None:
    """Where the others were pruned twice, a ninth goes on, whatever the others have reached."""
    asha = ASHA(ASHAOptions())
    alike = set(range(103, 121))
    curves = _curves(*[(0.1,) * 7] * 40)
    for place, number in enumerate(sorted(alike)):
        for epoch in range(1, 8):
            curves.add(number, epoch, 5.0 + place)
    first, second, third = (judged(asha, curves, 103 + n, 7, 5.0 + n, epochs=20, alike=alike) for n in (0, 1, 2))
    assert (first.go_on, second.go_on) == (True, True)
    assert (third.go_on, third.reason) == (False, "epoch 7: 7, rank 3 of 18; the best 2 go on")
    assert not judged(asha, curves, 104, 7, 6.0, epochs=20).go_on


def test_median_and_none_have_no_early_rungs() -> None:
    """Their rungs count from the first."""
    for name in ("median", "none"):
        pruner: Pruner = PRUNERS[name].load()(PRUNERS[name].options())
        assert not any(pruner.early(epoch, 100) for epoch in range(1, 100))
