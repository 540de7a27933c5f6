"""Every state of a run is known wherever states are told: one that is added cannot be forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_study import begin, create, end, train
from tests.support.searches import open_search, run
from tuner.disk.events import read_run
from tuner.disk.folder import trial_run
from tuner.messages import State
from tuner.recording.points import STATUS
from tuner.reporting.drawing import STATE_MARKS
from tuner.study.search import _TOLD

FINAL = {state for state in State if state.final}
ARCHITECTURE = (Path(__file__).resolve().parents[1] / "ARCHITECTURE.md").read_text()
TABLE = re.findall(r"^\|(.*?)\|(.*?)\|(.*?)\|.*?\|.*?\|$", ARCHITECTURE.partition("## States")[2], re.MULTILINE)[2:]
"""Outcome, Optuna's and MLflow's name for it, of each row of the documents' table."""


def test_optuna_mlflow_and_the_figures_know_every_state() -> None:
    """MLflow has a status for each; Optuna a state, and figures a colour of its own, for each that is final."""
    assert set(STATUS) == set(State)
    assert set(_TOLD) == FINAL
    assert set(STATE_MARKS) == FINAL
    assert len(set(STATE_MARKS.values())) == len(FINAL)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_the_search_takes_a_state_as_it_is(tmp_path: Path, state: State) -> None:
    """Where its values say what it is worth it is feasible, and what it would reach is expected of it."""
    search = open_search(tmp_path / "s", pruner="asha")
    for final in (0.1, 0.9):
        (whole,) = run(search, 1)
        search.reported(whole.number, 1, final)
    suggestion = search.suggest()
    assert suggestion is not None
    search.reported(suggestion.number, 1, 0.5)
    search.judge(suggestion.number, 1, 0.5)
    search.tell(suggestion.number, state, 0.5, f"because {state}")
    trial = search.stored()[suggestion.number]
    assert (trial.constraints == {"stability": 0.0}) == state.comparable
    assert (suggestion.number in search.ranked()) == state.comparable


@pytest.mark.parametrize("state", State)
def test_the_table_of_the_documents_has_it_as_it_is(state: State) -> None:
    """Its row says what the code says."""
    (row,) = [row for row in TABLE if re.search(rf"\b{state}\b", row[0], re.IGNORECASE)]
    assert STATUS[state] in row[2]
    if state.final:
        assert row[1].split()[0].strip(",") == _TOLD[state].name


@pytest.mark.parametrize(
    ("findings", "read"),
    [
        ([("stuck_at_trivial", True)], State.HOPELESS),
        ([("learning_rate_too_low", True), ("dead_units", False)], State.HOPELESS),
        ([("non_finite", True), ("exploded_loss", True)], State.DIVERGED),
        ([("dead_units", False)], State.DIVERGED),
        ([], State.DIVERGED),
    ],
)
def test_what_a_rule_ended_in_an_older_study_reads_as_hopeless(
    tmp_path: Path, findings: list[tuple[str, bool]], read: State
) -> None:
    """Versions before that state called it diverged; what was not finite stays what it is."""
    folder = begin(tmp_path / "study")
    path = create(folder, trial_run(0), 0)
    train(path, 1, 2)
    results: dict[str, Any] = {"findings": [{"name": name, "fatal": fatal} for name, fatal in findings]}
    end(path, "DIVERGED", epochs=2, value=0.5, results=results)
    record = read_run(path)
    assert (record.state, record.value) == (read, 0.5)
