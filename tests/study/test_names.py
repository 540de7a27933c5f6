"""What Optuna's own pages show of a study: plain names, the metric's name, curves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.support.searches import OPENED, SPACE, open_search, run
from tuner.messages import State
from tuner.space import Space
from tuner.study.names import Names, plain

RATES: dict[str, Any] = {
    "optimizer": ["adam", "sgd"],
    "learning_rate": [
        {"low": 1e-4, "high": 1e-2, "log": True, "when": {"optimizer": "adam"}},
        {"low": 1e-2, "high": 1.0, "log": True, "when": {"optimizer": "sgd"}},
    ],
    "cell": ["gru", "lstm"],
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Searches opened by a test are closed after it."""
    yield
    while OPENED:
        OPENED.pop().close()


def opened_by_optuna(root: Path) -> optuna.Study:
    """The study as Optuna's own tools read it."""
    copy = root.with_suffix(".journal")
    shutil.copy(root / "study.journal", copy)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(copy)))
    return optuna.load_study(study_name=root.name, storage=storage)


def names(space: dict[str, Any], stored: dict[str, str]) -> dict[str, str]:
    """Key -> name in a study that has given some already."""
    made = Names(Space.parse(space, lambda _: "space.yaml:1"))
    made.keep(stored)
    return made.to_json()


def test_a_parameter_is_called_as_in_the_task_file(tmp_path: Path) -> None:
    """A person reads `cell`; of several definitions, when each holds."""
    run(open_search(tmp_path / "s", RATES), 12)
    found = {name for trial in opened_by_optuna(tmp_path / "s").trials for name in trial.params}
    assert found == {"optimizer", "cell", "learning_rate (optimizer=adam)", "learning_rate (optimizer=sgd)"}
    assert {plain(name) for name in found} == set(RATES)


def test_a_changed_range_gets_a_name_of_its_own(tmp_path: Path) -> None:
    """Old trials keep theirs, also when the range comes back; two ranges never have one name."""
    wide = {**SPACE, "hidden_size": {"low": 16, "high": 512, "log": True}}
    for space in (SPACE, wide, SPACE):
        search = open_search(tmp_path / "s", space)
        run(search, 3)
        search.close()
    trials = opened_by_optuna(tmp_path / "s").trials
    sizes = [name for trial in trials for name in trial.params if plain(name) == "hidden_size"]
    assert sizes == ["hidden_size"] * 3 + ["hidden_size 16..512 log"] * 3 + ["hidden_size"] * 3


def test_names_never_meet() -> None:
    """Whatever was given before, every definition has its own; what cannot be told apart in words has its key."""
    first = names(RATES, {})
    assert len(set(first.values())) == len(first) == 4
    again = names(RATES, {f"other{n}": name for n, name in enumerate(first.values())})
    assert len(set(again.values())) == len(again) == 8
    whole, broken = {"layers": {"low": 1, "high": 3}}, {"layers": {"low": 1.0, "high": 3.0}}
    kept = names(broken, names(whole, {"old": "layers"}))
    assert len(set(kept.values())) == len(kept) == 3


def test_a_study_of_the_version_before_goes_on_as_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parameters were called by their keys, and no names were kept: it suggests what it would have suggested."""
    with monkeypatch.context() as before:
        before.setattr(Names, "_new", lambda _self, definition: definition.key)
        through = run(open_search(tmp_path / "through", sampler="tpe"), 14)
        search = open_search(tmp_path / "s", sampler="tpe")
        begun = run(search, 12)
        search.close()
    journal = tmp_path / "s" / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if "tuner:names" not in line))
    assert "tuner:names" not in journal.read_text()
    assert begun + run(open_search(tmp_path / "s", sampler="tpe"), 2) == through
    trials = opened_by_optuna(tmp_path / "s").trials
    assert len({name for trial in trials for name in trial.params}) == len(SPACE)
    assert all("@" in name for trial in trials for name in trial.params)


def test_a_study_of_the_version_before_calls_all_by_their_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what it had not met: samplers that know no conditions look at the parameters by their names' order."""
    with monkeypatch.context() as before:
        before.setattr(Names, "_new", lambda _self, definition: definition.key)
        search = open_search(tmp_path / "s", RATES)
        run(search, 1)
        search.close()
    journal = tmp_path / "s" / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if "tuner:names" not in line))
    run(open_search(tmp_path / "s", RATES), 7)
    found = {name for trial in opened_by_optuna(tmp_path / "s").trials for name in trial.params}
    assert len(found) == 4
    assert all("@" in name for name in found)


def test_optunas_pages_have_the_metric_and_the_curves(tmp_path: Path) -> None:
    """A completed trial has its best value so far over its epochs, a pruned one up to its last rung."""
    search = open_search(tmp_path / "s", pruner="asha")
    whole, cut = search.suggest(), search.suggest()
    assert whole is not None
    assert cut is not None
    for epoch in range(1, 101):
        search.reported(whole.number, epoch, 1 / epoch)
    for epoch in range(1, 8):
        search.reported(cut.number, epoch, 5 / epoch)
    search.judge(cut.number, 6, 5 / 6)
    search.tell(whole.number, State.COMPLETED, 0.01, "")
    search.tell(cut.number, State.PRUNED, None, "cut")
    study = opened_by_optuna(tmp_path / "s")
    assert study.metric_names == ["val/loss"]
    told = study.trials[0].intermediate_values
    assert told == {epoch: 1 / epoch for epoch in range(5, 101, 5)}
    assert study.trials[1].intermediate_values == {epoch: 5 / epoch for epoch in range(1, 7)}
    assert study.trials[1].value == pytest.approx(5 / 6)
    assert list(study.trials_dataframe().filter(like="params_")) == [
        f"params_{name}" for name in sorted({*study.trials[0].params, *study.trials[1].params})
    ]
