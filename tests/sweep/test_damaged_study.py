"""A study whose files are damaged is not gone on with: one line, and nothing of it has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.structured import put
from tests.support.tiny import write_task
from tuner.errors import StudyError
from tuner.sweep import Sweep
from tuner.task import resolve_task

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of two trials."""
    folder = tmp_path_factory.mktemp("whole")
    write_task(folder, trials=2, epochs=1, more="confirm: {top: 0}")
    with pytest.MonkeyPatch.context() as patch:
        run(folder, patch)
    return folder


def run(folder: Path, patch: pytest.MonkeyPatch, *, trials: int = 2, fresh: bool = False) -> None:
    """Run the sweep, without MLflow."""
    patch.chdir(folder)
    task = resolve_task(Path("tiny.yaml"), [f"budget.trials={trials}", "tracking.uri=none"])
    assert Sweep(task, lambda _: None, fresh=fresh).run().finished


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    """A copy of the study's folder."""
    shutil.copytree(whole, tmp_path / "here")
    return tmp_path / "here/mlruns/studies/tiny"


def refused(study: Path, patch: pytest.MonkeyPatch, *, unchanged: bool = True) -> str:
    """What is said when the study shall go on."""
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file() and path.name != "driver.lock"}
    with pytest.raises(StudyError) as caught:
        run(study.parents[2], patch, trials=3)
    if unchanged:
        assert before == {path: path.read_bytes() for path in before}
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a socket", "a device"])
@pytest.mark.parametrize(
    "name",
    [
        *("study.journal", "sweep.jsonl", "versions.json", "task.yaml", "driver.lock", "recording.lock"),
        *("trials/00000/events.jsonl", "trials/00001/checkpoint.pt", "artifacts/leaderboard.json"),
    ],
)
def test_what_is_no_file_is_named(study: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str) -> None:
    """Before anything of the study is opened; --fresh moves it away, as the line says."""
    (study / name).parent.mkdir(exist_ok=True)
    put(study / name, kind)
    assert f"{study / name}: this name in a study's folder must be a regular file, but got '{kind}'" in refused(
        study, monkeypatch
    )
    if name == "study.journal":
        run(study.parents[2], monkeypatch, trials=1, fresh=True)


def rewritten(study: Path, name: str, change: Callable[[Lines], Any]) -> None:
    """Change a file of JSON lines."""
    lines = [json.loads(line) for line in (study / name).read_text().splitlines()]
    change(lines)
    (study / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


TRIAL = "trials/00000/events.jsonl"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "sweep.jsonl",
            Lines.reverse,
            "sweep.jsonl:1: the first event must be one of created, sweep, but got 'summary'",
        ),
        ("sweep.jsonl", lambda lines: lines[0].update(direction=1), "sweep.direction: input should be"),
        ("sweep.jsonl", lambda lines: lines[-1].update(asked=[1]), "summary.asked: input should be"),
        (TRIAL, lambda lines: lines.pop(0), "events.jsonl:1: the first event must be one of created, sweep"),
        (TRIAL, lambda lines: lines[0].update(number=1), "the number of trials/00000 must be that of its folder"),
        (TRIAL, lambda lines: lines[0].update(run="trials/00001"), "an event file must lie in its run's folder"),
        (TRIAL, lambda lines: lines[0].update(run="../../x"), "created.run: string should match"),
        (TRIAL, lambda lines: lines[-1].update(seconds="many"), "ended.seconds: input should be a valid number"),
        (TRIAL, lambda lines: lines[-1].update(value=10**400), "ended.value"),
        (TRIAL, lambda lines: lines[-1].update(results=[]), "ended.results: input should be"),
        (TRIAL, lambda lines: lines[2].update(epoch="one"), "epoch.epoch: input should be a valid integer"),
        (TRIAL, lambda lines: lines[2].update(metrics={"val/loss": "x"}), "epoch.metrics.val/loss"),
    ],
)
def test_events_that_are_not_as_they_were_written(
    study: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Lines], Any], message: str
) -> None:
    """The file, the line, the field and what was found."""
    rewritten(study, name, change)
    assert message in refused(study, monkeypatch)


def test_an_emptied_event_file_of_a_trial_that_is_over(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is missed, though a crash may leave the file of one that has not begun empty."""
    (study / TRIAL).write_bytes(b"")
    assert "must hold the event files of study tiny, but got 'none for trial 0'" in refused(
        study, monkeypatch, unchanged=False
    )


@pytest.mark.parametrize(
    "content",
    ["[]", "null", '{"format": "1"}', '{"format": true}', '{"format": 1, "versions": []}', "[" * 100_000, "\udcff", ""],
)
def test_a_versions_file_that_says_something_else(study: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """Is told with what it must say."""
    (study / "versions.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "the file must say the study's format and the versions that wrote it" in refused(study, monkeypatch)
