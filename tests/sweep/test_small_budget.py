"""A sweep so small that its confirmation is one training of the best and one of the baseline."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.sweeps import Events, records, sweep
from tests.support.tiny import write_task
from tuner.announcements import Summary
from tuner.cli.studies import ensemble_folder
from tuner.disk.events import RunRecord
from tuner.disk.folder import seed_of
from tuner.errors import StudyError
from tuner.sweep.concluding import _next
from tuner.task import resolve_task
from tuner.verdict import Verdict

MORE = """
search_space: {cell: gru, hidden_size: {low: 16, high: 32}, learning_rate: 0.03, batch_size: 16}
objective: {metric: val/loss}
pruner: {name: none}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Events]:
    """A sweep of five trials that learns, and what it told."""
    folder = tmp_path_factory.mktemp("small")
    path = write_task(folder, trials=5, epochs=10, more=MORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return path, sweep(path)[1]


def seeds(confirmed: list[RunRecord]) -> dict[int, list[int]]:
    """Configuration -> the seeds that it was confirmed with."""
    return {
        number: sorted(seed_of(one.run) for one in confirmed if one.number == number)
        for number in {one.number for one in confirmed}
    }


def test_one_seed_promises_nothing_about_seeds(small: tuple[Path, Events], monkeypatch: pytest.MonkeyPatch) -> None:
    """In console, report and card; the items' differences are told, and how to get an interval."""
    path, told = small
    monkeypatch.chdir(path.parent)
    confirmed, (summary,) = records(path, "confirm"), told.of(Summary)
    assert sorted(seeds(confirmed).values()) == [[1], [1]]
    assert (summary.seeds, summary.asked["seeds"], summary.ensemble) == (1, "auto", {})
    verdict, folder = Verdict(**summary.verdict), resolve_task(path).folder
    assert verdict.noise.startswith("it is not known whether that is beyond the noise of the seeds: ")
    assert "the baseline by " in verdict.noise
    assert "with one seed each; confirm.seeds=3 gives an interval. " in verdict.noise
    assert " validation items tell " in verdict.noise
    assert verdict.beats
    assert verdict.next[0][0] == "to get an interval with more seeds"
    assert verdict.next[0][1].endswith(" --set confirm.seeds=3")
    assert any(sentence.endswith(" with one seed.") for sentence in summary.sentences)
    assert not any("±" in text for row in summary.rows for text in row.values())
    assert {row["seeds"] for row in summary.rows} == {"1 of 1", ""}
    card, page = (folder.model / "README.md").read_text(), (folder.artifacts / "_report.html").read_text()
    assert "of the winner, its only one (" in card
    assert "± is" not in card
    assert ": the best on a fresh seed." in page
    assert "its training on a fresh seed" in page
    assert f"python -m tuner run {path.name}" in page
    for text in (*summary.sentences, *verdict.lines, card, page):
        assert "eyond the noise of the seeds: trial" not in text.replace("whether that is beyond", "")
    with pytest.raises(StudyError, match=r"two confirmed seeds .* Run it to its end with confirm\.seeds at 2 or more"):
        ensemble_folder(folder)


def test_a_study_that_is_extended_gets_more_seeds(
    small: tuple[Path, Events], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those on record are kept; an earlier winner that is no longer a candidate does not win by its only one."""
    path = Path(shutil.copytree(small[0].parent, tmp_path / "longer")) / small[0].name
    monkeypatch.chdir(path.parent)
    folder = resolve_task(path).folder
    known = {one.run: folder.events(one.run).read_bytes() for one in records(path, "confirm")}
    outcome, _ = sweep(path, "budget.trials=16")
    assert outcome.summary is not None
    confirmed = seeds(records(path, "confirm"))
    assert confirmed[-1] == [1, 2, 3]
    assert sorted(map(len, confirmed.values()))[-2:] == [3, 3]
    assert {run: folder.events(run).read_bytes() for run in known} == known
    assert outcome.summary.seeds == 3
    assert {row["seeds"] for row in outcome.summary.rows} == {"3 of 3", ""}
    assert outcome.summary.ensemble["runs"]
    assert not Verdict(**outcome.summary.verdict).noise.startswith("it is not known")


def test_an_interval_that_leaves_it_open_asks_for_more_seeds(tmp_path: Path) -> None:
    """Twice those in force, where the winner would be better than the trivial predictor but for its wide interval."""
    task = resolve_task(write_task(tmp_path, trials=12, more="confirm: {seeds: 2}"))
    progress, search = SimpleNamespace(cut_short=[]), SimpleNamespace(counted=lambda: 12)
    sweep: Any = SimpleNamespace(task=task, folder=task.folder, progress=progress, search=search)
    evidence: Any = SimpleNamespace(sweep=sweep, result=None)
    found = [
        _next(evidence, 3, Verdict(f"trial 3 is not {told} the trivial predictor.", beats=False))
        for told in ("distinguishable from", "better than")
    ]
    (purpose, command), *rest = found[0]
    assert purpose == "to narrow the interval with more seeds"
    assert command.endswith(" --set confirm.seeds=4")
    assert rest == found[1]
