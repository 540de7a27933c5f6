"""What a sampler learns from trials of other studies."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean

import pytest

from tests.support.searches import SPACE, loss, open_search, run
from tuner.objective import Objective
from tuner.space import Space
from tuner.study.borrowed import FADE, Borrowed, Borrowing
from tuner.study.names import Names
from tuner.study.search import Search


def borrowed(count: int) -> list[Borrowed]:
    """The trials of a study in which rates near 1e-2 were best, best first."""
    rates = [10 ** -(1 + 3 * place / (count - 1)) for place in range(count)]
    trials = [
        {"cell": "gru", "hidden_size": 32 + place, "learning_rate": rate, "batch_size": 32}
        for place, rate in enumerate(rates)
    ]
    trials.sort(key=loss)
    return [Borrowed(f"other/{place}", params, place / (count - 1)) for place, params in enumerate(trials)]


def distance(search: Search, trials: int) -> float:
    """How far the rates of its first trials are from the best, in decades, in the mean."""
    return fmean(abs(math.log10(each.params["learning_rate"]) + 2) for each in run(search, trials))


@pytest.mark.parametrize("maximize", [False, True])
def test_ranks_become_values_and_borrowed_trials_fade(maximize: bool) -> None:
    """The best gets the best value, the worst the worst; half are left beside `FADE` trials, of all ranks."""
    space = Space.parse(SPACE, lambda _: "space.yaml:1")
    names = Names(space)
    names.keep({})
    lent = Borrowing(borrowed(41), space, names, Objective(maximize=maximize))
    own = {number: float(number) for number in range(FADE)}
    alone, beside = lent.beside({}), lent.beside(own)
    assert len(alone) == 41
    assert len(beside) == 21
    values = [value for _, value in beside.values()]
    assert values == sorted(values, reverse=maximize)
    assert abs(values[0] - (FADE - 1 if maximize else 0)) <= 0.5
    assert abs(values[-1] - (0 if maximize else FADE - 1)) <= 0.5
    assert len(lent.beside(dict.fromkeys(range(100 * FADE), 0.0))) == 1
    assert all(number < 0 for number in alone)


@pytest.mark.parametrize("sampler", ["cmaes", "nsga2", "random"])
def test_samplers_without_a_model_take_no_harm(sampler: str, tmp_path: Path) -> None:
    """Borrowed trials belong to no generation of theirs."""
    search = open_search(tmp_path, sampler=sampler)
    search.suggester.borrow(borrowed(30))
    assert len(run(search, 12)) == 12


def test_a_search_begins_where_another_has_ended(tmp_path: Path) -> None:
    """Its first eight trials are nearer to the best rate than those of a search that knows nothing; stopped or not."""
    cold = open_search(tmp_path / "cold", sampler="tpe")
    warm = open_search(tmp_path / "warm", sampler="tpe")
    warm.suggester.borrow(borrowed(30))
    assert distance(warm, 8) < 0.6 * distance(cold, 8)
    through = [trial.params for trial in warm.inside()]
    stopped = open_search(tmp_path / "stopped", sampler="tpe")
    stopped.suggester.borrow(borrowed(30))
    run(stopped, 5)
    stopped.close()
    again = open_search(tmp_path / "stopped", sampler="tpe")
    again.suggester.borrow(borrowed(30))
    run(again, 3)
    assert [trial.params for trial in again.inside()] == through
