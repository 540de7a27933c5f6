from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.objective import Objective
from tuner.study.curves import Curves

VALUE = st.one_of(st.floats(-10, 10), st.just(math.nan), st.just(math.inf))


@given(curves=st.lists(st.lists(VALUE, max_size=6), max_size=6), epoch=st.integers(1, 7), maximize=st.booleans())
def test_others_are_those_who_were_there(curves: list[list[float]], epoch: int, maximize: bool) -> None:
    """Their best finite value up to the epoch, read off the whole curve."""
    found = Curves(Objective(maximize=maximize))
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
    curves = Curves(Objective())
    curves.add(0, 1, 0.5)
    curves.add(0, 4, 0.2)
    assert [curves.others(1, epoch) for epoch in (1, 3, 4, 5)] == [[0.5], [0.5], [0.2], []]


def test_what_a_trial_reached_that_ended_by_itself_stays() -> None:
    """It is beside others at any later epoch, in rank and in order; one that was cut only as far as it was trained."""
    curves = Curves(Objective())
    for number, losses in enumerate([(0.3, 0.1), (0.9, 0.8), (0.5, 0.4, 0.2, 0.15), (0.6, 0.5, 0.4, 0.3)]):
        for epoch, loss in enumerate(losses, 1):
            curves.add(number, epoch, loss)
    assert curves.others(2, 4) == [0.3]
    curves.completed(0)
    assert curves.others(2, 4) == [0.1, 0.3]
    assert curves.standing(2, 4) == (2, 4)
    assert curves.order_kept(1, 1, 4) == (3, 1.0)
    curves.add(2, 5, 0.05)
    assert curves.standing(2, 5) == (1, 4)
    assert curves.order_kept(1, 1, 4) == (3, pytest.approx(2 / 3))  # the first two changed places
    assert curves.order_kept(3, 1, 9) == (1, 0.0)


@st.composite
def _studies(draw: st.DrawFn) -> tuple[Curves, dict[int, float], list[int], dict[int, list[float]], bool]:
    """Curves that fall or rise, some to the end at epoch 6."""
    maximize = draw(st.booleans())
    curves, finals, cut, values = Curves(Objective(maximize=maximize)), {}, [], {}
    for number in range(draw(st.integers(1, 12))):
        losses = draw(st.lists(st.floats(-10, 10).map(lambda v: round(v, 3)), min_size=1, max_size=6))
        if number == 0:
            losses = (losses * 6)[:6]
        values[number] = losses
        for epoch, loss in enumerate(losses, 1):
            curves.add(number, epoch, loss)
        if len(losses) == 6:
            finals[number] = max(losses) if maximize else min(losses)
        else:
            cut.append(number)
    return curves, finals, cut, values, maximize


@settings(deadline=None)  # the first call imports SciPy
@given(study=_studies())
def test_what_cut_trials_are_expected_to_reach(study: tuple[Curves, dict[int, float], list[int], Any, bool]) -> None:
    """Completed ones keep theirs; of two cut together the better stays; none beats the best; order is no matter."""
    curves, finals, cut, values, maximize = study
    found = curves.expected(finals, cut)
    assert found == curves.expected(dict(reversed(finals.items())), cut[::-1])
    sign = -1 if maximize else 1
    assert found.keys() == values.keys()
    assert {number: found[number] for number in finals} == finals
    best = {number: min(sign * value for value in values[number]) for number in values}
    for one in cut:
        assert sign * found[one] >= min(sign * value for value in finals.values()) - 1e-9
        for other in cut:
            if len(values[one]) == len(values[other]) and best[one] < best[other]:
                assert sign * found[one] <= sign * found[other] + 1e-9


def test_an_expectation_by_hand() -> None:
    """Between two that went on, as far between their finals; behind all, as far behind; nothing without a final."""
    curves = Curves(Objective())
    for number, losses in enumerate([(1.0, 0.2), (2.0, 0.6), (1.5,), (5.0,), (0.1,), (math.nan,)]):
        for epoch, loss in enumerate(losses, 1):
            curves.add(number, epoch, loss)
    expected = curves.expected({0: 0.2, 1: 0.6}, [2, 3, 4, 5])
    assert expected == pytest.approx({0: 0.2, 1: 0.6, 2: 0.4, 3: 3.6, 4: 0.2})
    assert curves.expected({}, [2, 3]) == {}


@settings(deadline=None)
@given(study=_studies())
def test_a_ranking_goes_by_what_is_expected(study: tuple[Curves, dict[int, float], list[int], Any, bool]) -> None:
    """Where no trial was cut while ahead of all that were trained longer; a completed one before its equals."""
    curves, finals, cut, values, maximize = study
    ranked, expected = curves.ranked(finals, cut), curves.expected(finals, cut)
    assert sorted(ranked) == sorted(values)
    assert ranked == curves.ranked(dict(reversed(finals.items())), cut[::-1])
    sign = -1 if maximize else 1

    def best(number: int, epoch: int) -> float:
        return min(sign * value for value in values[number][:epoch])

    ahead = [
        number
        for number in cut
        if best(number, 6) < min(best(other, len(values[number])) for other in longer(values, number))
    ]
    if not ahead:
        assert ranked == sorted(values, key=lambda number: (sign * expected[number], number not in finals, number))


def longer(values: Mapping[int, Sequence[float]], number: int) -> list[int]:
    """The trials that were trained longer."""
    return [other for other in values if len(values[other]) > len(values[number])]


def test_a_ranking_by_hand() -> None:
    """Who was cut while ahead goes before the best completed one, whom it was ahead of; nobody without a value."""
    curves = Curves(Objective())
    for number, losses in enumerate(
        [(1.0, 0.5, 0.2), (2.0, 0.6, 0.6), (0.9, 0.3), (0.8,), (5.0,), (1.0,), (math.nan,)]
    ):
        for epoch, loss in enumerate(losses, 1):
            curves.add(number, epoch, loss)
    cut = [2, 3, 4, 5, 6]
    assert curves.ranked({0: 0.2, 1: 0.6}, cut) == [3, 2, 0, 5, 1, 4]
    assert curves.expected({0: 0.2, 1: 0.6}, cut)[2] == 0.2


def test_where_none_completed_those_trained_longest_are_the_measure() -> None:
    """A trial is ranked by the others' values at its own epoch, not by its value beside later ones."""
    curves = Curves(Objective())
    for number, losses in enumerate([(1.0, 0.4), (2.0, 0.6), (0.9,), (1.5,), (3.0,)]):
        for epoch, loss in enumerate(losses, 1):
            curves.add(number, epoch, loss)
    assert curves.ranked({}, [4, 3, 2, 1, 0]) == [2, 0, 3, 1, 4]
    assert curves.ranked({}, []) == []


def test_a_final_that_contradicts_the_order_is_averaged() -> None:
    """Where the better one at the epoch ended worse, what was cut between is expected at their mean."""
    curves = Curves(Objective(maximize=True))
    for number, scores in enumerate([(0.5, 0.6), (0.4, 0.8), (0.45,)]):
        for epoch, score in enumerate(scores, 1):
            curves.add(number, epoch, score)
    assert curves.expected({0: 0.6, 1: 0.8}, [2])[2] == pytest.approx(0.7)


@given(curves=st.lists(st.lists(VALUE, max_size=8), max_size=8), epoch=st.integers(1, 3), maximize=st.booleans())
def test_how_far_an_order_is_kept(curves: list[list[float]], epoch: int, maximize: bool) -> None:
    """By plain loops over pairs: the better at the epoch is the better at the last that both have."""
    found = Curves(Objective(maximize=maximize))
    for number, values in enumerate(curves):
        for at, value in enumerate(values, 1):
            found.add(number, at, value)
    worst, best = (-math.inf, max) if maximize else (math.inf, min)
    known = [
        [best([worst, *(value for value in values[:at] if math.isfinite(value))]) for at in range(1, len(values) + 1)]
        for number, values in enumerate(curves)
        if number and len(values) >= 2 * epoch
    ]
    shares = []
    for at, one in enumerate(known):
        for other in known[at + 1 :]:
            last = min(len(one), len(other)) - 1
            before, after = one[epoch - 1] - other[epoch - 1], one[last] - other[last]
            before, after = (0.0 if math.isnan(each) else each for each in (before, after))  # both infinite
            shares.append(0.5 if before == 0 or after == 0 else float((before > 0) == (after > 0)))
    trials, kept = found.order_kept(0, epoch, 2 * epoch)
    assert trials == len(known)
    assert kept == pytest.approx(sum(shares) / len(shares) if shares else 0.0)
