"""TPE with priors: without them it is Optuna's; with them it is guided, and less the more trials it has seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray

from tests.support.searches import SPACE, open_search, run
from tuner.messages import State
from tuner.study.borrowed import Borrowed
from tuner.study.search import Search
from tuner.study.tpe import TPE

RIGHT = {"cell": [3, 1], "layers": 2, "hidden_size": 128, "dropout.output": 0.1, "adam": 4e-3, "sgd": 0.3}
WRONG = {"cell": [1, 3], "layers": 3, "hidden_size": 20, "dropout.output": 0.55, "adam": 2e-4, "sgd": 0.01}


def space(likely: Mapping[str, Any] | None) -> dict[str, Any]:
    """A space with choices, whole numbers, a log scale, steps and a rate in each branch, with priors or without."""
    prior = {name: {} if likely is None else {"prior": likely[name]} for name in RIGHT}
    rates = {
        "adam": {"learning_rate": {"low": 1e-4, "high": 3e-2, "log": True, **prior["adam"]}},
        "sgd": {"learning_rate": {"low": 1e-2, "high": 1.0, "log": True, **prior["sgd"]}},
    }
    return {
        "cell": {"choices": ["lstm", "gru"], **prior["cell"]},
        "layers": {"low": 1, "high": 3, **prior["layers"]},
        "hidden_size": {"low": 16, "high": 256, "log": True, **prior["hidden_size"]},
        "dropout.output": {"low": 0.0, "high": 0.6, "step": 0.05, **prior["dropout.output"]},
        "optimizer": {"adam": rates["adam"], "sgd": {**rates["sgd"], "momentum": {"low": 0.0, "high": 0.9}}},
        "clip_norm": {"low": 0.25, "high": 5.0, "log": True},
    }


def distance(params: Mapping[str, Any]) -> float:
    """From the best configuration, at which `RIGHT` is."""
    rate = 4e-3 if params["optimizer"] == "adam" else 0.3
    found = abs(math.log10(params["learning_rate"] / rate)) + abs(math.log2(params["hidden_size"] / 128)) / 4
    return (
        found + abs(params["dropout.output"] - 0.1) + 0.2 * abs(params["layers"] - 2) + 0.2 * (params["cell"] == "gru")
    )


def searched(search: Search, trials: int) -> list[dict[str, Any]]:
    """The parameters of so many trials, one after the other, whose values are their distances."""
    done = []
    for _ in range(trials):
        suggestion = search.suggest()
        assert suggestion is not None
        search.tell(suggestion.number, State.COMPLETED, distance(suggestion.params), "")
        done.append(dict(suggestion.params))
    return done


@pytest.mark.parametrize(("likely", "beta"), [(None, 10), (RIGHT, 0)])
def test_without_priors_it_is_optunas(
    likely: Mapping[str, Any] | None, beta: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letter for letter, in a conditional space, also where priors shape the random trials only."""
    with monkeypatch.context() as patch:
        patch.setattr("tuner.study.samplers.TPE", lambda _, **given: optuna.samplers.TPESampler(**given))
        expected = searched(open_search(tmp_path / "theirs", space(likely), sampler="tpe"), 25)
    found = searched(open_search(tmp_path / "ours", space(likely), sampler="tpe", sampling={"beta": beta}), 25)
    assert found == expected


def distances(root: Path, likely: Mapping[str, Any], beta: float, trials: int, seeds: int) -> NDArray[np.float64]:
    """Of so many trials, a row for each seed."""
    rows = []
    for seed in range(seeds):
        search = open_search(root / f"{beta} {seed}", space(likely), sampler="tpe", sampling={"beta": beta}, seed=seed)
        rows.append([distance(params) for params in searched(search, trials)])
    return np.array(rows)


def test_a_right_prior_helps_beyond_the_random_trials(tmp_path: Path) -> None:
    """The trials that the model suggests are nearer than with priors that act on the ten random trials only."""
    with_it, without = (distances(tmp_path, RIGHT, beta, 25, seeds=4) for beta in (10, 0))
    assert np.array_equal(with_it[:, :10], without[:, :10])
    assert with_it[:, 10:].mean() < 0.9 * without[:, 10:].mean()


def test_it_recovers_from_a_wrong_prior(tmp_path: Path) -> None:
    """Every likeliest value is far from the best: the later trials are nearer to the best than to the prior's."""
    found = distances(tmp_path, WRONG, 10, 60, seeds=2)
    wrong = distance({**WRONG, "cell": "gru", "optimizer": "adam", "learning_rate": WRONG["adam"]})
    assert found[:, 10:20].mean() > 0.5 * wrong
    assert np.median(found[:, 50:]) < 0.5 * wrong
    assert found.min(axis=1).max() < 0.3 * wrong


def test_it_is_resumed_as_if_not_stopped(tmp_path: Path) -> None:
    """Nothing is kept between suggestions."""
    through = searched(open_search(tmp_path / "through", space(RIGHT), sampler="tpe"), 20)
    stopped = open_search(tmp_path / "stopped", space(RIGHT), sampler="tpe")
    first = searched(stopped, 14)
    stopped.close()
    assert first + searched(open_search(tmp_path / "stopped", space(RIGHT), sampler="tpe"), 6) == through


def test_the_acquisition_has_the_priors_and_some_candidates_are_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By own trials alone, beside borrowed ones: with beta 10 after 20 trials the exponent is a half, 8 of 24 drawn."""
    asked: list[tuple[dict[str, Any], dict[str, Any], Any, Any]] = []
    theirs = optuna.samplers.TPESampler._compute_acquisition_func
    ours = TPE._compute_acquisition_func

    def told(self: Any, samples: dict[str, Any], *densities: Any) -> Any:
        before = {name: values.copy() for name, values in samples.items()}
        found = ours(self, samples, *densities)
        asked.append((before, samples, found, theirs(self, samples, *densities)))
        return found

    given = {**SPACE, "hidden_size": {"low": 16, "high": 256, "log": True, "prior": 64}}
    search = open_search(tmp_path, given, sampler="tpe")
    lent = {"cell": "gru", "hidden_size": 32, "learning_rate": 0.01, "batch_size": 32}
    search.suggester.borrow([Borrowed(f"other/{n}", {**lent, "hidden_size": 32 + n}, n / 29) for n in range(30)])
    run(search, 20)
    monkeypatch.setattr(TPE, "_compute_acquisition_func", told)
    assert search.suggest() is not None
    (group,) = [each for each in asked if "hidden_size" in each[0]]
    before, samples, found, plain = group
    assert [name for name in samples if not np.array_equal(before[name], samples[name])] == ["hidden_size"]
    assert int((before["hidden_size"] != samples["hidden_size"]).sum()) == 8
    widths = np.log(samples["hidden_size"] / 64) / (0.25 * math.log(256 / 16))
    assert np.allclose(found - plain, 0.5 * -0.5 * widths**2)
    for before, samples, found, plain in asked:
        if "hidden_size" not in samples:
            assert np.array_equal(found, plain)
            assert all(np.array_equal(before[name], samples[name]) for name in samples)


def test_a_range_may_have_another_prior_in_each_branch(tmp_path: Path) -> None:
    """Draws at random go by the branch that is chosen; TPE's model, in which both are one parameter, knows neither."""
    rates = {name: {"learning_rate": {"low": 1e-4, "high": 1.0, "log": True}} for name in ("adam", "sgd", "rmsprop")}
    rates["adam"]["learning_rate"]["prior"], rates["sgd"]["learning_rate"]["prior"] = 1e-3, 0.1
    search = open_search(tmp_path, {"optimizer": rates}, sampler="tpe", sampling={"startup_trials": 90})
    drawn: dict[str, list[float]] = {}
    for _ in range(90):
        suggestion = search.suggest()
        assert suggestion is not None
        search.tell(suggestion.number, State.COMPLETED, 0.0, "")
        drawn.setdefault(suggestion.params["optimizer"], []).append(math.log10(suggestion.params["learning_rate"]))
    adam, sgd, rmsprop = (np.mean(drawn[name]) for name in ("adam", "sgd", "rmsprop"))
    assert adam + 0.7 < sgd
    assert adam < rmsprop < sgd
    assert search.suggest() is not None
