from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.study.catalog import PRUNERS, ASHAOptions, MedianOptions
from tuner.study.pruners import ASHA, MedianRule, Pruner

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize("name", PRUNERS.entries)
@given(epochs=st.integers(1, 300), warmup=st.floats(0, 300))
def test_rungs_ascend_below_the_budget_and_beyond_the_warmup(name: str, epochs: int, warmup: float) -> None:
    """No trial is judged within its warm-up, nor at its last epoch."""
    entry = PRUNERS[name]
    pruner: Pruner = entry.load()(entry.options())
    rungs = pruner.rungs(epochs, warmup)
    assert list(rungs) == sorted(set(rungs))
    assert all(warmup < rung < epochs for rung in rungs)


@pytest.mark.parametrize("name", PRUNERS.entries)
@given(values=VALUES, maximize=st.booleans())
def test_the_best_is_never_stopped(name: str, values: list[float], maximize: bool) -> None:
    """Whatever came before, a trial that is at least as good as all others goes on."""
    entry = PRUNERS[name]
    pruner: Pruner = entry.load()(entry.options())
    best = max(values) if maximize else min(values)
    assert pruner.decide(1, best, values, maximize=maximize).go_on


def test_asha_keeps_one_in_eta() -> None:
    """With eta 3 the third of six goes no further, the second does; the reason has its numbers."""
    asha = ASHA(ASHAOptions(reduction=3, min_peers=2))
    peers = [0.1, 0.3, 0.4, 0.5, 0.6]
    assert asha.decide(4, 0.2, peers, maximize=False).go_on
    stopped = asha.decide(4, 0.35, peers, maximize=False)
    assert not stopped.go_on
    assert stopped.reason == "epoch 4: 0.35, cut 0.3, rank 3 of 6"
    assert asha.rungs(40, 0.0) == (4, 12, 36)


def test_asha_waits_for_company() -> None:
    """The first trials at a rung go on, however bad."""
    assert ASHA(ASHAOptions(min_peers=4)).decide(4, 9.0, [0.1, 0.1, 0.1], maximize=False).go_on


def test_the_median_rule_compares_with_the_others() -> None:
    """Worse than the median of the others stops, equal to it goes on."""
    rule = MedianRule(MedianOptions(min_peers=3))
    assert rule.decide(5, 0.5, [0.4, 0.5, 0.6], maximize=False).go_on
    stopped = rule.decide(5, 0.51, [0.4, 0.5, 0.6], maximize=False)
    assert not stopped.go_on
    assert stopped.reason == "epoch 5: 0.51, median 0.5 of 3 others"
