import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.reporting.contrasts import contrasts, fisher, wilson


@given(trials=st.integers(1, 200), share=st.floats(0, 1), level=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_wilsons(trials: int, share: float, level: float) -> None:
    """It should be the one that SciPy has, for any count."""
    hits = round(share * trials)
    expected = stats.binomtest(hits, trials).proportion_ci(level, method="wilson")
    assert wilson(hits, trials, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(sizes=st.tuples(st.integers(1, 300), st.integers(1, 300)), data=st.data())
def test_the_probability_of_a_table_is_fishers(sizes: tuple[int, int], data: st.DataObject) -> None:
    """It should be the one that SciPy has, for any table."""
    hits, others = (data.draw(st.integers(0, trials)) for trials in sizes)
    table = [[hits, sizes[0] - hits], [others, sizes[1] - others]]
    assert fisher(hits, sizes[0], others, sizes[1]) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)


def test_tables_of_thousands_are_told_at_once() -> None:
    """A probability near the least float should come without a loss, and none should be left out for its size."""
    p = fisher(1000, 2000, 400, 3000)
    assert p == pytest.approx(stats.fisher_exact([[1000, 1000], [400, 2600]]).pvalue, rel=1e-6)
    assert fisher(1500, 3000, 1500, 3000) == 1.0


def test_every_choice_is_compared_with_the_others() -> None:
    """Of three choices each should be compared, of two only one; the probability is that of SciPy's exact test."""
    trials = [
        ({"cell": cell, "residual": number % 2 == 0}, cell == "rnn")
        for cell in ("rnn", "gru", "lstm")
        for number in range(6)
    ]
    compared = contrasts(trials)
    assert [(one.parameter, one.group.label) for one in compared] == [
        ("cell", "rnn"),
        ("cell", "gru"),
        ("cell", "lstm"),
        ("residual", "False"),
    ]
    first = compared[0]
    assert (first.group.hits, first.group.trials, first.others.hits, first.others.trials) == (6, 6, 0, 12)
    assert first.probability == pytest.approx(stats.fisher_exact([[6, 0], [0, 12]]).pvalue)
    assert compared[3].probability == pytest.approx(1.0)


def test_a_range_is_compared_in_its_parts() -> None:
    """Numbers should be divided into thirds, and trials without the parameter count for none."""
    trials = [({"forget_bias": 0.1 * number}, number < 10) for number in range(30)] + [({}, True)] * 5
    compared = contrasts(trials)
    assert [str(one.group) for one in compared] == ["0 to 0.9 10 of 10", "1 to 1.9 0 of 10", "2 to 2.9 0 of 10"]
    assert compared[0].others.trials == 20
    assert compared[0].probability < 1e-6 < compared[1].probability


@given(inside=st.integers(1, 8), outside=st.integers(1, 8), data=st.data())
def test_no_table_of_these_sums_is_less_probable(inside: int, outside: int, data: st.DataObject) -> None:
    """The least probability should be the least of all tables with as many hits and trials."""
    hits = data.draw(st.integers(0, inside + outside))
    tables = [
        [[here, inside - here], [hits - here, outside - hits + here]]
        for here in range(max(0, hits - outside), min(hits, inside) + 1)
    ]
    values = [stats.fisher_exact(table).pvalue for table in tables]
    here = tables[0][0][0]
    trials = [({"cell": "gru"}, n < here) for n in range(inside)] + [
        ({"cell": "rnn"}, n < hits - here) for n in range(outside)
    ]
    assert contrasts(trials)[0].least == pytest.approx(min(values))


@pytest.mark.parametrize("trials", [[], [({}, True)], [({"cell": "gru"}, True)] * 5])
def test_what_does_not_vary_is_not_compared(trials: list[tuple[dict[str, object], bool]]) -> None:
    """Without two choices there should be no comparison."""
    assert contrasts(trials) == []


def test_the_interval_stays_within_its_bounds() -> None:
    """Of none and of all, one end should be that of the range, the other inside."""
    assert wilson(0, 5)[0] == pytest.approx(0.0, abs=1e-12)
    assert 0 < wilson(0, 5)[1] < 1
    assert math.isclose(wilson(5, 5)[1], 1.0)
