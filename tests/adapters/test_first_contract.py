"""What was written for the first version of the contracts goes on working: what has come to them has defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.attempts import Driver, small_spec
from tests.support.sweeps import sweep
from tuner.adapters.base import Demands
from tuner.adapters.catalog import ADAPTERS
from tuner.announcements import Notice, TrialEnded
from tuner.errors import TaskFileError, TrialError, UserError
from tuner.messages import State, TrialSpec
from tuner.solo.preview import preview
from tuner.task.resolve import resolve_task
from tuner.task.specs import modelless
from tuner.training import run_trial

STEPS, PLAIN = "tests.support.first_contract:Steps", "tests.support.first_contract:Plain"
TASK = f"""\
name: first
adapter: {STEPS}
search_space:
  cell: [lstm, "{PLAIN}"]
  hidden_size: 4
  gate_bias: {{choices: [chrono], when: {{cell: lstm}}}}
sampler: {{name: grid}}
budget: {{trials: 2, epochs: 2}}
confirm: {{top: 1, seeds: 1}}
report: {{figures: 0}}
ray: {{address: in-process}}
diagnostics: {{level: full}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The task file, where the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.yaml").write_text(TASK)
    return tmp_path / "task.yaml"


def spec(folder: Path, data: dict[str, Any] | None = None, **fields: Any) -> TrialSpec:
    """A trial with every probe."""
    return small_spec(folder, "run", STEPS, data or {}, diagnostics="full", **fields)


def test_the_example_has_what_the_first_contract_had() -> None:
    """Else it would show nothing."""
    adapter = ADAPTERS[STEPS].load()
    assert not any(hasattr(adapter, name) for name in ("defaults", "demands"))


def test_an_adapter_and_a_cell_of_the_first_contract_are_trained(path: Path) -> None:
    """Every check before a sweep passes; both cells train with all probes, and the lag is the one that was prepared."""
    facts = preview(resolve_task(path), dry_run=True)
    assert len(facts["notices"]) == 1  # that it keeps no model
    for cell in ({"cell": "lstm", "gate_bias": "chrono"}, {"cell": PLAIN}):
        ended = run_trial(spec(path.parent, params=cell), Driver())
        assert (ended.state, ended.results["lag"]) == (State.COMPLETED, 7), ended.reason


def test_that_no_model_will_be_kept_is_told_before_the_search(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `validate` and, once, by `run`, before the first trial; not of an adapter that has a codec and its files."""
    sentence = f"no model will be written, as adapter {STEPS} lacks `model_files` or `codec`"
    (said,) = preview(resolve_task(path), timing=False)["notices"]
    assert said.startswith(sentence)
    outcome, told = sweep(path, "tracking.uri=none", "budget.trials=1", "diagnostics.level=off")
    assert outcome.finished
    assert [event for event in told if isinstance(event, Notice) and "model" in event.sentence] == [Notice(said)]
    assert told.index(Notice(said)) < told.index(told.of(TrialEnded)[0])
    assert not resolve_task(path).folder.model.exists()
    monkeypatch.setattr(ADAPTERS[STEPS].load(), "model_files", ("facts.json",), raising=False)
    assert modelless(resolve_task(path)) == [said]
    monkeypatch.setattr(ADAPTERS[STEPS].load(), "codec", None, raising=False)
    assert modelless(resolve_task(path)) == []


def test_looking_ahead_is_still_refused_where_the_problem_forbids_it(path: Path) -> None:
    """The first contract said it by `Problem.causal`: no trial may be trained that looks ahead."""
    with pytest.raises(TrialError, match="bidirectional must be false"):
        run_trial(spec(path.parent, {"causal": True}, params={"bidirectional": True}), Driver())


def test_what_has_no_default_is_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter without metrics cannot be searched; that is told, with file and line."""
    monkeypatch.delattr(ADAPTERS[STEPS].load(), "metrics")
    with pytest.raises(TaskFileError, match=r"task\.yaml:2: adapter .* must have `metrics`, at least one"):
        resolve_task(path)


def test_demands_are_those_that_it_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has newer attributes is asked."""
    monkeypatch.setattr(ADAPTERS[STEPS].load(), "demands", Demands(causal=True), raising=False)
    with pytest.raises(UserError, match="bidirectional must be false"):
        resolve_task(path, ["space.bidirectional=true"])
