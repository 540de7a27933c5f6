"""Configurations that a search tries first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.sweeps import records, sweep
from tests.support.tiny import write_task
from tuner.errors import TaskFileError
from tuner.sweep.open_sweep import OpenSweep
from tuner.task.resolve import resolve_task

SPACE = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 12}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
confirm: {top: 0}
pruner: {name: none}
"""


TWICE = """
space:
  weight_decay:
  - {low: 1e-4, high: 1e-2, log: true, when: {cell: gru}}
  - {low: 1e-2, high: 1.0, log: true, when: {cell: lstm}}
  pooling:
  - {choices: [last, max], when: {cell: gru}}
  - {choices: [mean, attention], when: {cell: lstm}}
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are written there."""
    monkeypatch.chdir(tmp_path)


def tried(path: Path) -> list[tuple[int, Any]]:
    """Place in the portfolio and learning rate of each trial."""
    return [(record.portfolio, record.params["learning_rate"]) for record in records(path)]


def portfolio_of(tmp_path: Path, *lines: str) -> str:
    """The setting for a file with such configurations."""
    (tmp_path / "first.yaml").write_text("configurations:\n" + "".join(f"- {{{line}}}\n" for line in lines))
    return "portfolio=first.yaml"


def test_a_portfolio_comes_first_up_to_half_of_the_budget(tmp_path: Path) -> None:
    """What it leaves open is as in the baseline; then the sampler goes on; a resumed study tries nothing twice."""
    own = portfolio_of(
        tmp_path,
        "cell: gru, hidden_size: 6, learning_rate: 0.02",
        "learning_rate: 0.03, hidden_size: 5",
        "learning_rate: 0.04",
    )
    path = write_task(tmp_path, trials=4, epochs=1, more=SPACE)
    assert sweep(path, own, "budget.trials=2")[0].usable
    assert tried(path) == [(1, 0.02), (0, pytest.approx(0.01, abs=0.1))]
    assert sweep(path, own)[0].usable
    assert [place for place, _ in tried(path)] == [1, 0, 2, 0]
    assert records(path)[0].params["cell"] == "gru"
    assert records(path)[2].params["hidden_size"] == 5


def test_a_driver_that_was_killed_before_the_first_event_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study has the trial, its event file is not there yet."""
    own = portfolio_of(tmp_path, "learning_rate: 0.02", "learning_rate: 0.03")
    path = write_task(tmp_path, trials=4, epochs=1, more=SPACE)

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(OpenSweep, "create", killed)
        with pytest.raises(SystemExit):
            sweep(path, own)
    assert sweep(path, own)[0].usable
    assert [place for place, _ in tried(path)] == [1, 2, 0, 0]


def test_a_study_that_began_without_one_goes_on_without(tmp_path: Path) -> None:
    """So that it ends as it would have; nor does a grid have one."""
    own = portfolio_of(tmp_path, "learning_rate: 0.02", "learning_rate: 0.03")
    path = write_task(tmp_path, trials=4, epochs=1, more=SPACE)
    sweep(path, "portfolio=none", "budget.trials=2")
    sweep(path, own)
    assert [place for place, _ in tried(path)] == [0, 0, 0, 0]
    grid = write_task(tmp_path, name="grid", trials=4, epochs=1, more=SPACE)
    sweep(grid, own, "sampler.name=grid", "space.learning_rate=[0.03, 0.02]", "space.hidden_size=[4, 5]")
    assert {place for place, _ in tried(grid)} == {0}


def test_a_ready_one_is_brought_into_the_task_s_space(tmp_path: Path) -> None:
    """Ranges are kept; a configuration with a choice that is not offered is left out; `none` leaves all out."""
    path = write_task(tmp_path, more="search_space: gated_rnn")
    whole = resolve_task(path).portfolio
    narrow = ("space.hidden_size={low: 16, high: 40}", "space.cell=gru")
    task = resolve_task(path, narrow)
    assert 1 <= len(task.portfolio) <= len(whole)
    assert all(task.space.contains(params) and params["hidden_size"] <= 40 for params in task.portfolio)
    assert resolve_task(path, ["portfolio=none"]).portfolio == ()
    asked = ("space.pooling=[max, attention]", "baseline.pooling=mean")  # the baseline's choice is no configuration's
    assert [params["pooling"] for params in resolve_task(path, asked).portfolio] == ["max"] * len(whole)
    fewer = resolve_task(path, ["space.initializer=[orthogonal, he_uniform]"])
    assert len(fewer.portfolio) == sum(params["initializer"] in ("orthogonal", "he_uniform") for params in whole)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- cell: gru\n", "must hold a mapping"),
        ("first: []\n", "a portfolio must hold `configurations`, a list of parameters"),
        ("configurations: []\n", "a portfolio must hold `configurations`, a list of parameters"),
        ("configurations:\n- {cel: gru}\n", "first.yaml:2: cel must be a parameter of the search space"),
        (
            "configurations:\n- {cell: gru}\n- {hidden_size: 99}\n",
            "first.yaml:3: hidden_size must lie in the search space",
        ),
        ("configurations:\n- {cell: rnn}\n", "cell must lie in the search space, in [lstm, gru]"),
        (
            "configurations:\n- {cell: gru, weight_decay: 0.5}\n",
            "first.yaml:2: weight_decay must lie in the search space, with the other choices in 1e-4..1e-2 log",
        ),
        (
            "configurations:\n- {cell: gru, pooling: mean}\n",
            "first.yaml:2: the search must be able to try a configuration",
        ),
    ],
)
def test_a_file_of_one_s_own_is_checked(tmp_path: Path, text: str, told: str) -> None:
    """With its line."""
    (tmp_path / "first.yaml").write_text(text)
    path = write_task(tmp_path, more=f"{SPACE}{TWICE}")
    with pytest.raises(TaskFileError) as caught:
        resolve_task(path, ["portfolio=first.yaml"])
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """As is a name that is none."""
    path = write_task(tmp_path, more=SPACE)
    for name in ("nowhere.yaml", "best"):
        with pytest.raises(TaskFileError, match="portfolio must be auto, none, or the path"):
            resolve_task(path, [f"portfolio={name}"])
