"""Commands as they are printed: whole, quoted, and with the changes that the study was run with."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support.tiny import write_task
from tuner.config import as_sets, load_task_file
from tuner.disk.folder import StudyFolder
from tuner.reporting.commands import of_study, of_task, to_use


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_study_is_named_with_its_folder_where_that_is_not_the_usual_one() -> None:
    """So that the command finds it."""
    assert of_study("top", StudyFolder(Path("mlruns/studies/a"))) == "python -m tuner top a"
    there = StudyFolder(Path("my studies/a").absolute())
    assert of_study("diagnose", there, "--trial", "3") == (
        "python -m tuner diagnose a --trial 3 --storage 'my studies'"
    )


def test_a_task_is_run_with_the_changes_that_it_was_run_with() -> None:
    """The new one takes the place of one of its key; what a shell would read otherwise is quoted."""
    sets = ("budget.trials=4", "space.cell=[lstm, gru]")
    assert of_task("run", Path("a task.yaml"), sets, change="budget.trials=8") == (
        "python -m tuner run 'a task.yaml' --set 'space.cell=[lstm, gru]' --set budget.trials=8"
    )
    assert of_task("rerun", Path("t.yaml").absolute(), sets[:1], "7") == (
        "python -m tuner rerun t.yaml 7 --set budget.trials=4"
    )


def test_a_model_is_named_by_its_study_and_with_the_folder_of_its_code(tmp_path: Path) -> None:
    """A module in the current folder is found anyhow; one elsewhere is not."""
    usual = Path("mlruns/studies/a/model")
    assert to_use(usual, "", "FILE") == "python -m tuner predict a FILE"
    assert to_use(usual, str(tmp_path), "FILE") == "python -m tuner predict a FILE --own-code"
    own = "PYTHONPATH='my code' python -m tuner predict b/model FILE --own-code"
    assert to_use(Path("b/model"), str(tmp_path / "my code"), "FILE") == own


def test_changes_from_python_are_repeated_as_options(tmp_path: Path) -> None:
    """They make the same task: numbers, texts, lists, mappings below a section, an entry of the space."""
    task = write_task(tmp_path)
    changes = {
        "budget": {"trials": 7, "timeout": None},
        "confirm.top": 2,
        "storage": "it's: here",
        "space": {"hidden_size": {"low": 2, "high": 9}, "cell": ["gru"]},
        "search_space": {"cell": ["rnn"], "hidden_size": 4},
        "data": {"label": "label"},
    }
    sets = as_sets(changes)
    assert load_task_file(task, shlex.split(shlex.join(sets))).task == load_task_file(task, changes=changes).task
