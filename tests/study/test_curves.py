from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tuner.study.curves import Curves

VALUE = st.one_of(st.floats(-10, 10), st.just(math.nan), st.just(math.inf))


@given(curves=st.lists(st.lists(VALUE, max_size=6), max_size=6), epoch=st.integers(1, 7), maximize=st.booleans())
def test_others_are_those_who_were_there(curves: list[list[float]], epoch: int, maximize: bool) -> None:
    """Their best finite value up to the epoch, read off the whole curve."""
    found = Curves(maximize=maximize)
    worst, best = (-math.inf, max) if maximize else (math.inf, min)
    expected = []
    for number, values in enumerate(curves):
        for at, value in enumerate(values, 1):
            found.add(number, at, value)
        if number and len(values) >= epoch:
            expected.append(best([worst, *(value for value in values[:epoch] if math.isfinite(value))]))
    assert found.others(0, epoch) == expected


def test_an_epoch_that_was_not_told_is_no_gain() -> None:
    """Where reports leave epochs out, the best before holds."""
    curves = Curves(maximize=False)
    curves.add(0, 1, 0.5)
    curves.add(0, 4, 0.2)
    assert [curves.others(1, epoch) for epoch in (1, 3, 4, 5)] == [[0.5], [0.5], [0.2], []]
