"""`diagnose`: the story of a study, of a trial, and of a training without a search."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.support.command import output, tuner
from tests.support.fake_study import begin, create, end, train
from tests.support.program import Program, finish
from tests.support.tiny import write_task
from tests.support.trained import dead, vanishing
from tuner.announcements import Announcement, TrainingProgress
from tuner.disk.folder import StudyFolder, trial_run
from tuner.solo import ProgressLink, configuration, diagnose_task
from tuner.task import resolve_task


@pytest.fixture
def here(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished study, as figures are drawn into it."""
    folder = tmp_path / "copy"
    shutil.copytree(study, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A study of which half of the trials have a symptom, one of them repaired, one ended as hopeless."""
    monkeypatch.chdir(tmp_path)
    folder = begin(tmp_path / "mlruns" / "studies" / "fake")
    for number in range(16):
        bad = number % 2 == 1
        params = {"cell": "rnn" if bad else "lstm", "learning_rate": 0.001 * (1 + number)}
        path = create(folder, trial_run(number), number, params=params)
        train(path, 1, 5, tensors=True)
        found = [vanishing().as_json(), dead().as_json()] if bad else []
        end(path, "COMPLETED", results={"lag": 20, "findings": found})
    change = {"number": 1, "finding": "vanishing_gradient", "change": {"cell": ["rnn", "lstm"]}}
    path = create(folder, trial_run(16), 16, repairs=change)
    train(path, 1, 5)
    end(path, "COMPLETED", results={"findings": []})
    path = create(folder, trial_run(17), 17)
    train(path, 1, 2)
    hopeless = vanishing(name="stuck_at_trivial", fatal=True).as_json()
    end(path, "DIVERGED", value=None, epochs=2, results={"findings": [hopeless]})  # as versions before HOPELESS said
    return folder


class TestStudy:
    @pytest.mark.usefixtures("fake")
    def test_the_choice_that_goes_with_a_symptom_is_shown(self) -> None:
        """The table should have the symptom, the choice with counts and intervals, repairs and what was saved."""
        text = tuner("diagnose", "fake").stdout
        squeezed = " ".join(text.split())
        assert "vanishing gradient 8 of 17 (26 to 69 %) 1, 3, 5, 7, 9, 11, 13, 15" in squeezed
        assert "vanishing gradient cell rnn 8 of 8 (68 to 100 %) 0 of 9 (0 to 30 %)" in squeezed
        assert (
            "16 for 1 vanishing gradient cell rnn -> lstm 1 -> 1 after 5 epochs it did not help, finding gone"
            in squeezed
        )
        assert "1 hopeless trial ended early (17), after 2 epochs; not spent: 3 more epochs" in squeezed
        assert "python -m tuner diagnose fake --trial 1" in text

    @pytest.mark.usefixtures("fake")
    def test_json_has_what_is_shown(self) -> None:
        """Counts, intervals, probabilities, repairs and what was saved should be plain data."""
        story = output("diagnose", "fake", "--json")
        assert story["judged"] == 17
        first = story["symptoms"][0]
        assert (first["name"], first["share"]["hits"]) == ("vanishing_gradient", 8)
        link = first["links"][0]
        assert (link["parameter"], link["choice"]) == ("cell", "rnn")
        assert link["probability"] < 0.05
        assert story["repairs"][0]["cured"]
        assert story["hopeless"]["saved_epochs"] == 3

    def test_a_real_study(self, here: Path) -> None:
        """A study that was run is told by its name and by its task file alike."""
        by_name = tuner("diagnose", "tiny").stdout
        assert by_name.startswith("study tiny: 3 trials (")
        assert tuner("diagnose", "tiny.yaml").stdout == by_name
        assert not (here / "mlruns/studies/tiny/diagnose").exists()

    def test_an_older_study_is_judged_now(self, fake: StudyFolder) -> None:
        """Without findings on record, that is said, and no trial is left out."""
        for run in fake.runs():
            path = fake.events(run)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for event in lines:
                event.pop("profiles", None)
                event.get("results", {}).pop("findings", None)
            path.write_text("".join(json.dumps(event) + "\n" for event in lines))
        text = tuner("diagnose", "fake").stdout
        assert "(an older version, or an error in their own code): 17 of 17 trials" in text
        assert "recorded without findings" in tuner("diagnose", "fake", "--trial", "1").stdout

    def test_a_study_that_has_just_begun(self, fake: StudyFolder) -> None:
        """Without an ended trial there is nothing to tell; without any, that is the user's mistake."""
        for number in range(1, 18):
            shutil.rmtree(fake.run(trial_run(number)))
        path = fake.events(trial_run(0))
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True)[:4]))
        assert "no trial is over yet" in tuner("diagnose", "fake").stdout
        shutil.rmtree(fake.run(trial_run(0)))
        assert tuner("diagnose", "fake", status=2).stderr.startswith("study fake must have a trial.")


def test_damaged_findings_are_told_in_one_line(fake: StudyFolder) -> None:
    """Findings that were changed by hand end both stories with a line that names the run."""
    path = fake.events(trial_run(1))
    path.write_text(path.read_text().replace('"evidence"', '"evidenze"'))
    for arguments in ((), ("--trial", "1")):
        line = tuner("diagnose", "fake", *arguments, status=2).stderr
        assert line.startswith("the findings of trials/00001 must be unchanged, but got")
        assert line.count("\n") == 1


class TestTrial:
    def test_its_story_has_findings_layers_and_figures(self, fake: StudyFolder) -> None:
        """Evidence, threshold, source and remedies are printed; the figures are drawn where they are missing."""
        text = tuner("diagnose", "fake", "--trial", "1").stdout
        squeezed = " ".join(text.split())
        assert text.startswith("study fake, trial 1: completed after 5 epochs: was completed")
        assert "val/accuracy is best in epoch 1: 1, better than 0.5 of the trivial predictor" in text
        assert "1. vanishing gradient in layer 1, from epoch 2 (step 60)" in text
        assert "over the task's lag of 200 steps the gradient falls to 10^-9.1 of itself" in text
        assert "threshold: at least 0.0001 (Hochreiter 1991; the limit is ours)" in text
        assert "try: gate_bias: chrono; forget_bias plus 2; a shorter input" in squeezed
        assert "repaired by trial 16" in text
        for name in ("training.png", "diagnostics.png"):
            picture = fake.run_artifacts(trial_run(1)) / name
            assert picture.read_bytes()[:4] == b"\x89PNG"
            assert os.path.relpath(picture) in text

    def test_figures_are_drawn_once_and_again_when_the_run_has_grown(self, fake: StudyFolder) -> None:
        """A figure should be left alone unless the run has new events."""
        picture = fake.run_artifacts(trial_run(2)) / "diagnostics.png"
        tuner("diagnose", "fake", "--trial", "2")
        first = picture.stat().st_mtime_ns
        tuner("diagnose", "fake", "--trial", "2")
        assert picture.stat().st_mtime_ns == first
        later = time.time() + 5
        os.utime(fake.events(trial_run(2)), (later, later))
        tuner("diagnose", "fake", "--trial", "2")
        assert picture.stat().st_mtime_ns > first

    def test_a_real_trial(self, here: Path) -> None:
        """A trial of a study that was run has its tables, in words and as JSON."""
        story = output("diagnose", "tiny", "--trial", "0", "--json")
        assert story["recorded"]
        assert story["learning"][0].startswith("val/accuracy is best in epoch ")
        assert [Path(figure).name for figure in story["figures"]] == ["training.png"]  # too short for a look
        assert all(Path(figure).is_relative_to(here) for figure in story["figures"])
        assert tuner("diagnose", "tiny.yaml", "--trial", "0").stdout.startswith("study tiny, trial 0: ")

    @pytest.mark.usefixtures("fake")
    def test_a_narrow_terminal_hides_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tables fold into forty columns."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "40")
        shown = "".join(tuner("diagnose", "fake", "--trial", "1").stdout.split())
        assert "vanishinggradient" in shown
        assert "forget_biasplus2" in shown


@pytest.mark.usefixtures("here")
def test_top_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal, and no word of a parameter is broken."""
    wide = output("top", "tiny", "--json")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", tuner("top", "tiny").stdout)
    assert max(map(len, shown.splitlines())) <= 50
    assert shown.count("batch_size") == 1  # all share it
    assert shown.count("learning_rate") == sum(row["kind"] == "trial" for row in wide)
    assert re.search("baseline confirm +completed", shown)


class TestTraining:
    def test_the_winner_is_trained_as_it_was(self, here: Path) -> None:
        """With its own seed it gives the losses of its record, for every epoch; the study is left as it was."""
        before = sorted(path for path in here.rglob("*") if path.is_file())
        story = output("diagnose", "tiny.yaml", "--params", "best", "--json")
        assert story["run"] == "diagnose"
        assert story["title"].startswith("task tiny, ")
        assert story["title"].endswith(", the winner of its study")
        record = output("top", "tiny", "--json")
        kind = "confirm" if story["number"] < 0 else "trial"  # the baseline may win too
        winner = next(row for row in record if row["kind"] == kind and row["number"] == story["number"])
        assert {**story["params"], **winner["params"]} == story["params"]
        assert {"cell", "hidden_size", "learning_rate"} <= set(story["params"])  # defaults are told too
        assert story["recorded"]
        new = {path for path in here.rglob("*") if path.is_file()} - set(before)
        assert {path.name for path in new} == {"training.png", "diagnostics.png"}
        assert {path.parent.name for path in new} == {"diagnose"}
        assert [Path(figure).parent.name for figure in story["figures"]] == ["diagnose", "diagnose"]
        assert f"{winner['value']:.4g}" in story["learning"][0]

    @pytest.mark.usefixtures("here")
    def test_a_change_takes_along_what_hangs_on_it(self) -> None:
        """Parameters of the winner that no longer act go; those that are given stay; progress is not in the JSON."""
        result = tuner("diagnose", "tiny.yaml", "--params", "best", "--params", "cell=rnn", "--json")
        story = json.loads(result.stdout)
        assert story["params"]["cell"] == "rnn"
        assert "with cell=rnn" in story["title"]
        assert "nothing is recorded" in result.stderr

    def test_without_a_study_the_baseline_is_trained_and_that_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A learning rate that is too low is found; the study does not come into being."""
        monkeypatch.chdir(tmp_path)
        write_task(tmp_path, epochs=4, more="baseline: {learning_rate: 1.0e-8}")
        text = tuner("diagnose", "tiny.yaml").stdout
        assert text.startswith("training the baseline, with every probe")
        assert "learning rate too low, from epoch 1" in text
        assert "figures:\n  mlruns/studies/tiny/diagnose/training.png\n" in text
        assert "study tiny must" not in text
        assert not StudyFolder(tmp_path / "mlruns/studies/tiny").exists()
        assert "STUDY must be" in tuner("diagnose", "tiny", status=2).stderr

    def test_what_diverges_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A training that is not finite ends with that finding, and status 0: it was diagnosed."""
        monkeypatch.chdir(tmp_path)
        write_task(tmp_path, epochs=4)
        arguments = ["optimizer=sgd", "learning_rate=100", "cell=rnn", "nonlinearity=relu", "layers=3"]
        options = [option for text in arguments for option in ("--params", text)]
        story = output("diagnose", "tiny.yaml", *options, "--json")
        assert story["findings"], story["outcome"]
        assert story["findings"][0]["name"] in {"non_finite", "exploded_loss"}

    def test_a_stop_ends_it_after_an_epoch(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was trained until then is told: the progress, the learning curve, the findings."""
        monkeypatch.chdir(tmp_path)
        task = resolve_task(write_task(tmp_path, epochs=100_000, more="baseline: {patience: 100000}"))
        told: list[TrainingProgress] = []

        def tell(event: Announcement) -> None:
            assert isinstance(event, TrainingProgress)
            told.append(event)
            link.stop("the test")

        link = ProgressLink(tell, task.objective.metric, task.file.budget.epochs)
        story = diagnose_task(task, configuration(task, []), link)
        assert told[0].epoch >= 1
        assert told[0].epochs == 100_000
        assert story.outcome.startswith("pruned after ")
        assert story.outcome.endswith("stopped by the test")
        assert story.recorded
        assert story.learning[0].startswith("val/accuracy is best in epoch")
        assert link.epochs[-1].epoch < 1000

    def test_ctrl_c_stops_it(self, tmp_path: Path) -> None:
        """What was found until then is told, with status 130."""
        write_task(tmp_path, epochs=100_000)
        process = Program(tmp_path, "diagnose", "tiny.yaml", "--params", "patience=100000")
        while "training the baseline" not in process.told():
            assert process.poll() is None, process.told()
            time.sleep(0.02)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert "stopped by Ctrl+C" in finish(process, 130)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tinny",), "STUDY must be the name or the task file of a study, but got 'tinny'. Did you mean 'tiny'?"),
        (("tiny", "--trial", "99"), "--trial must be the number of a trial of study tiny, but got 99. It has 0 to 2."),
        (("tiny", "--params", "best"), "--params needs a TASK.yaml, but got 'tiny'. Name the study's task file"),
        (("tiny.yaml", "--trial", "1", "--params", "best"), "--params must not stand beside --trial."),
        (("tiny.yaml", "--params", "bset"), "--params must be best, baseline or key=value, but got 'bset'."),
        (("tiny.yaml", "--params", "best", "--params", "baseline"), "--params must be best or baseline, not both."),
        (("tiny.yaml", "--params", "learning_rate=-1"), "--params: params.learning_rate must be > 0, but got -1."),
        (("tiny.yaml", "--params", "cell=lstmm"), "--params: cell must be a known name, but got 'lstmm'. Did you mean"),
        (("tiny.yaml", "--params", "hidden=3"), "--params: hidden must be a known parameter."),
        (("tiny.yaml", "--params", "cell=["), "--params: the value must be YAML, but got"),
        (("tiny.yaml", "--params", "cell=gru", "--params", "forget_bias=1"), "--params: forget_bias acts only"),
        (("tiny.yaml", "--params", "data.label=nope"), "the configuration must train, but"),
        (("tiny.yaml", "--set", "name=new", "--params", "best"), "--params best needs a study new with a completed"),
        (("tiny.yaml", "--set", "name=new", "--trial", "1"), "STUDY must be the name or the task file of a study"),
        (("tiny.yaml", "--set", "budget.epochs=0", "--params", "best"), "budget.epochs must be >= 1, but got 0."),
        (("gone.yaml",), "gone.yaml: cannot be read: no such file"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_a_mistake_is_told_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    """Every mistake ends with one line and status 2."""
    result = tuner("diagnose", *arguments, status=2)
    last = result.stderr.splitlines()[-1]
    assert message in last
    assert len(result.stderr.splitlines()) == 1
