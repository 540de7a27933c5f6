"""The page of a study: what it says, whatever state the study is in, and that nothing in it can act."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.reported import START, MadeUp, Timed
from tests.support.tiny import write_task
from tuner.cli import main
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.disk.lock import DriverLock
from tuner.report import REPORT, read_study, render, write_report
from tuner.report.sections.curves import points
from tuner.verdict import Verdict

QUESTIONS = (
    "Which model?",
    "How good is it on new data?",
    "Is it better than doing nothing clever?",
    "What mattered?",
    "What do I do next?",
)
HOSTILE = "<script>alert(1)</script>\"'&"


def _page(folder: StudyFolder) -> str:
    return render([read_study(folder)])


def _answers(page: str) -> dict[str, str]:
    """Question -> answer, as text."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page[: page.index("</dl>")])
    return {question: html.unescape(re.sub(r"<[^>]*>", "", answer)) for question, answer in found}


def _headline(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page.split('class="headline">')[1].split("</p>")[0]))


def _section(page: str, key: str) -> str:
    found = re.search(rf'<section id="{key}".*?</section>', page, re.DOTALL)
    return found.group() if found else ""


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a finished study with trials in every state."""
    return _page(MadeUp().write(tmp_path_factory.mktemp("usual") / "vowels"))


class TestFiveQuestions:
    def test_are_answered_in_one_look(self, usual: str) -> None:
        """The first part of the page asks and answers them, with the numbers of the study."""
        told = _answers(usual)
        assert tuple(told) == QUESTIONS
        winner = re.fullmatch(r".Use trial (\d+): the best mean on fresh seeds\.|Use trial (\d+).*", _headline(usual))
        assert winner is not None
        number = next(group for group in winner.groups() if group)
        assert told["Which model?"].startswith(f"Trial {number}: cell gru, ")
        assert re.search(r"Accuracy \d+\.\d ± \d+\.\d % on test data that the search never saw", told[QUESTIONS[1]])
        assert "in the search" in told[QUESTIONS[1]]
        assert told[QUESTIONS[2]].startswith(f"Yes. Trial {number} is better than the trivial predictor")
        shares = (
            r"What mattered \(share in reaching the best tenth, 90 % interval\): learning_rate \d+% \(\d+% to \d+%\), "
        )
        assert re.match(shares, told["What mattered?"])
        assert f"python -m tuner rerun task.yaml {number}" in told["What do I do next?"]

    def test_a_trivial_predictor_that_wins_is_said_first(self, tmp_path: Path) -> None:
        """Where seasonal naive is better, the verdict is no, in those words, before any praise."""
        page = _page(MadeUp(trials=12, trivial=0.01, name="seasonal naive").write(tmp_path / "sales"))
        assert 'class="verdict-card bad"' in page
        assert re.fullmatch(r"Trial \d+ is not better than the trivial predictor \(seasonal naive\)\.", _headline(page))
        told = _answers(page)[QUESTIONS[2]]
        assert told.startswith("No. Trial ")
        assert "is not better than the trivial predictor (seasonal naive) on validation and test data" in told
        ranked = re.findall(r"<tr[^>]*><td>(.*?)</td>", _section(page, "table"))
        assert ranked[0] == "seasonal naive (trivial predictor)"

    def test_classical_methods_stand_where_the_trivial_predictor_does(self, tmp_path: Path) -> None:
        """Among the first numbers, and where each ranks in the table."""
        page = _page(MadeUp(trials=6, states=(), floors={"AutoETS": 0.001}).write(tmp_path / "floors"))
        ranked = re.findall(r"<tr[^>]*><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", _section(page, "table"))
        assert ranked[0] == ("AutoETS", "0.001", "0.001")
        assert "most frequent class (trivial predictor)" in [name for name, _, _ in ranked]

    @pytest.mark.parametrize("beats", [True, False])
    def test_a_concluded_study_is_told_in_the_words_of_its_conclusion(self, tmp_path: Path, beats: bool) -> None:
        """What the terminal said of it, and the commands that it named, stand in the page."""
        folder = MadeUp(trials=12, states=()).write(tmp_path / "done")
        *before, last = (json.loads(line) for line in folder.sweep_events.read_text().splitlines())
        last["verdict"] = Verdict(
            sentence="trial 3 is what the conclusion says.",
            beats=beats,
            good="accuracy 91.2 % on test data.",
            noise="within the noise of the seeds: a reason.",
            remarks=["test is far from validation: look."],
            advice="" if beats else "what to try: more data.",
            next=[["to narrow the interval with more seeds", "python -m tuner run t.yaml --set confirm.seeds=6"]],
        ).as_json()
        folder.sweep_events.write_text("".join(json.dumps(each) + "\n" for each in [*before, last]))
        told = _answers(_page(folder))
        assert told[QUESTIONS[1]] == "Accuracy 91.2 % on test data. Test is far from validation: look."
        sentences = "Trial 3 is what the conclusion says. Within the noise of the seeds: a reason."
        assert told[QUESTIONS[2]] == f"{'Yes' if beats else 'Perhaps not'}. {sentences}"
        command = "To narrow the interval with more seeds: python -m tuner run t.yaml --set confirm.seeds=6."
        assert told[QUESTIONS[4]] == (command if beats else f"What to try: more data. {command}")


class TestStudiesOfAllKinds:
    def test_a_study_that_its_driver_has_summed_up_is_not_running(self, tmp_path: Path) -> None:
        """The driver writes the page while it still has the study."""
        folder = MadeUp(trials=3, states=()).write(tmp_path / "three")
        lock = DriverLock(folder.lock)
        try:
            assert not read_study(folder).running
            folder.sweep_events.write_text(folder.sweep_events.read_text().splitlines()[0] + "\n")
            assert read_study(folder).running
        finally:
            lock.release()

    def test_three_trials(self, tmp_path: Path) -> None:
        """Importance is not told of three trials, with its reason; all else is."""
        page = _page(MadeUp(trials=3, states=()).write(tmp_path / "three"))
        assert "What mattered cannot be said: importance needs 10 trials that can be compared, and there are 3." in page
        assert _section(page, "seeds")

    def test_one_trial_without_a_confirmation(self, tmp_path: Path) -> None:
        """It is named as chosen by its one score, which nothing confirms."""
        page = _page(MadeUp(trials=1, states=(), confirmed=0).write(tmp_path / "one"))
        assert "Trial 0 was the best of the search; nothing confirms it." in _headline(page)
        assert not _section(page, "seeds")

    def test_all_failed(self, tmp_path: Path) -> None:
        """There is nothing to use; the reason and its traceback are there."""
        folder = MadeUp(trials=3, states=("FAILED",) * 50, seed=2, ended="stopped").write(tmp_path / "failed")
        page = _page(folder)
        assert "No trial has completed: there is nothing to use." in _headline(page)
        assert "<b>3 failed</b> (trials 0, 1, 2): RuntimeError: the data is not there" in page
        assert "Traceback\nRuntimeError" in page

    def test_killed_in_mid_sweep(self, tmp_path: Path) -> None:
        """The page says that it did not come to its end, who leads, and how to go on."""
        page = _page(MadeUp(trials=12, workers=2, ended="", seed=4).write(tmp_path / "killed"))
        assert re.search(r"Trial \d+ leads so far; the study did not come to its end\.", _headline(page))
        assert "2 not over" in page
        assert "with the same command" in _answers(page)["What do I do next?"]

    def test_no_trial_at_all(self, tmp_path: Path) -> None:
        """A study that was killed before its first trial has a page, too."""
        assert "No trial has begun." in _page(MadeUp(trials=0, ended="").write(tmp_path / "none"))

    def test_eight_workers(self, tmp_path: Path) -> None:
        """The timeline has a lane for each."""
        page = _page(MadeUp(trials=30, workers=8, confirmed=0).write(tmp_path / "eight"))
        lanes = re.findall(r"<title>(worker-\d)</title>", _section(page, "time"))
        assert sorted(lanes) == [f"worker-{number}" for number in range(8)]

    def test_a_thousand_trials(self, thousand: Timed) -> None:
        """Under 3 MB, made in under 10 seconds of a processor."""
        assert thousand.seconds < 10
        page = thousand.page.read_text()
        assert len(page.encode()) < 3_000_000
        assert page.count("<tr data-t=") == 1000


class TestWhatIsShown:
    def test_the_trivial_predictor_has_a_line_per_split(self, tmp_path: Path) -> None:
        """Each lies at its score and is named as the splits' marks are; that of test data once these were read."""
        folder = MadeUp(trials=6, states=(), trivial=0.3).write(tmp_path / "lines")
        sweep, *others = folder.sweep_events.read_text().splitlines()
        told = json.loads(sweep)
        told["trivial"]["test"]["loss"] = 0.1
        folder.sweep_events.write_text("\n".join([json.dumps(told), *others]) + "\n")
        shown = _section(_page(folder), "seeds")
        place = {split: float(x) for x, split in re.findall(r'<line x1="([\d.]+)"[^>]*class="rule (val|test)"', shown)}
        assert place["test"] < place["val"]
        for split, data, score in (("val", "validation", "0.3"), ("test", "test", "0.1")):
            assert f"most frequent class (trivial predictor) on {data} data: {score}<" in shown
            assert f'<path d="M0 8H22" class="rule {split}"' in shown
        folder.events("test").unlink()
        unread = _section(_page(folder), "seeds")
        assert "on validation data: 0.3<" in unread
        assert 'class="rule test"' not in unread

    def test_the_time_of_workers_is_that_of_their_trainings(self, tmp_path: Path) -> None:
        """Bars and sums are the seconds of the table, without a worker's start; time together is so called."""
        folder = MadeUp(trials=2, workers=2, states=(), confirmed=0, epochs=3).write(tmp_path / "late")
        for path in folder.root.glob("trials/*/events.jsonl"):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                line["time"] = START + {"created": 0, "attempt": 0, "epoch": 8, "ended": 10}[line["event"]]
                line |= {"seconds": 4.0} if line["event"] == "ended" else {}
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        shown = html.unescape(_section(_page(folder), "time"))
        assert "2 workers, 10 s from when the first training was sent out until the last was over" in shown
        assert "took 40 % of the workers' time (20 s together): search 8 s." in shown
        (start, width), *_ = re.findall(r'<rect x="([\d.]+)"[^>]*? width="([\d.]+)"', shown)
        assert float(width) / (float(start) - 96) == pytest.approx(4 / 6, rel=0.01)

    def test_the_error_by_step_ahead_is_as_large_as_its_neighbours(self, tmp_path: Path) -> None:
        """Every picture of 480 units is in a column of half the width, where letters are as large as others'."""
        rows = [["step", str(step), "", 9, 0.1 * step] for step in range(1, 5)]
        table = {"columns": ["part", "name", "channel", "windows", "mase"], "rows": rows}
        folder = MadeUp(trials=6, states=()).write(tmp_path / "ahead")
        *others, ended = folder.events("test").read_text().splitlines()
        told = json.loads(ended)
        told["results"]["tables"] = dict.fromkeys(told["results"]["test"], table)
        folder.events("test").write_text("\n".join([*others, json.dumps(told)]) + "\n")
        shown = _section(_page(folder), "winner")
        assert "How far ahead does it see?" in shown
        apart = re.sub(r'<div class="pair">.*?</div>', "", shown, flags=re.DOTALL)
        assert 'viewBox="0 0 480' in shown
        assert 'viewBox="0 0 480' not in apart

    def test_refit_and_ensemble_stand_beside_the_seeds(self, tmp_path: Path) -> None:
        """In the table with their scores, in the winner's part in words, and where the time went."""
        page = _page(MadeUp(trials=6, states=(), models=True).write(tmp_path / "models"))
        row = r"<tr[^>]*><td>trial \d+, ([^<]*)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>"
        assert re.findall(row, _section(page, "table")) == [
            ("ensemble of its 3 seeds", "0.123", "0.1357", "93.4 %"),
            ("refit on all but the test data", "-", "0.1246", "91.2 %"),
            ("ensemble of its 3 refits", "-", "0.1123", "94.1 %"),
        ]
        told = _section(page, "winner")
        assert re.search(r"An ensemble of the winner&#39;s 3 seeds has loss 0.123 on validation data", told)
        assert re.search(r"The model is trial \d+ trained again on training and validation data, 80 steps", told)
        assert "its 3 seeds trained again 0.1246 in the mean, 0.1123 as an ensemble, which --ensemble uses" in told
        shown = _section(page, "time")
        assert "refit on training and validation data 12 s" in shown
        assert 'class="bar refit"' in shown
        assert 'class="bar test"' in shown

    def test_eight_curves_are_strong_and_the_others_a_band(self, usual: str) -> None:
        """Beside the winner, the baseline and the trivial predictor; each line can be pointed at all the same."""
        shown = _section(usual, "curves")
        lines = re.findall(r'<path d="[^"]*" class="line ([^"]*)" data-t="\d+"', shown)
        assert sum(not shape.endswith("pale") for shape in lines) == 8
        assert "winner" in lines
        assert len(lines) > 20
        assert shown.count('class="line baseline"') == 2
        assert shown.count('class="band"') == 1
        assert shown.count('class="rule"') == 2

    def test_a_baseline_that_wins_is_the_winner_of_the_picture(self, tmp_path: Path) -> None:
        """By its middle training on fresh seeds, as it has none in the search."""
        folder = MadeUp(trials=4, states=()).write(tmp_path / "base")
        told = folder.sweep_events.read_text()
        folder.sweep_events.write_text(re.sub(r'"winner": "trial \d+"', '"winner": "baseline"', told))
        page = _page(folder)
        shown = _section(page, "curves")
        assert "baseline, the winner, its seed with the median score" in shown
        assert shown.count('class="line winner"') == 2
        assert "What does the baseline do inside?" in page

    def test_the_epoch_that_was_judged_is_in_a_long_curve(self) -> None:
        """However many epochs are left out."""
        values = {epoch: 1.0 if epoch != 137 else 0.1 for epoch in range(1, 401)}
        epochs = {epoch: {"metrics": {"val/loss": value}} for epoch, value in values.items()}
        shown = points(RunRecord(epochs=epochs, value=0.1), "val/loss", 40)
        assert len(shown) <= 43
        assert {(1, 1.0), (137, 0.1), (400, 1.0)} <= set(shown)

    def test_a_single_epoch_is_a_dot(self, tmp_path: Path) -> None:
        """A line of one point would not be seen."""
        page = _page(MadeUp(trials=4, epochs=1, states=()).write(tmp_path / "single"))
        assert len(re.findall(r'<circle [^>]*class="dot (?:winner|train)"', _section(page, "winner"))) == 6
        assert not re.search(r'<path d="M[^LH"]*"', _section(page, "curves") + _section(page, "winner"))

    def test_a_training_that_was_not_looked_at_says_so(self, tmp_path: Path) -> None:
        """In place of pictures of its gradient and gates."""
        folder = MadeUp(trials=2, states=(), confirmed=0).write(tmp_path / "unseen")
        for path in folder.root.glob("trials/*/events.jsonl"):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            lines = [{k: v for k, v in line.items() if k not in ("tensors", "profiles")} for line in lines]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        told = html.unescape(_section(_page(folder), "winner"))
        assert "Not shown: the gradient through time, gates, units, states and recurrent weights, not measured" in told
        assert "the first look is after 100 steps" in told


class TestNothingInItActs:
    def test_it_asks_for_nothing(self, usual: str) -> None:
        """No address but links within the page, no element that loads, under a policy that forbids the rest."""
        assert re.findall(r'(?:src|href|action)="(?!#)[^"]*"', usual) == []
        assert not re.search(r"<(?:link|img|iframe|object|embed|form)\b|url\(|@import|https?://", usual)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', usual)
        assert policy is not None
        assert "default-src &#39;none&#39;" in policy[1]
        assert "unsafe" not in policy[1]
        assert not re.search(r' (?:style|on\w+)="', usual)

    def test_hostile_names_are_text(self, tmp_path: Path) -> None:
        """Markup in names, messages, workers and the task file is shown as it is."""
        folder = MadeUp(trials=12, name=HOSTILE).write(tmp_path / "study")
        for path in sorted(folder.root.rglob("*.jsonl")):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                line |= {key: HOSTILE for key in ("worker", "trace") if line.get(key)}
                if line.get("event") == "ended":
                    line["reason"] = HOSTILE
                if "cell" in line.get("params", {}):
                    line["params"]["cell"] = HOSTILE
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        folder.task_file.write_text(f"name: {HOSTILE}\n</pre></script>")
        page = _page(folder)
        assert page.count("<script") == 2
        assert page.count("</script") == 2
        assert "alert(1)&lt;/script&gt;" in page


class TestFile:
    def test_it_is_the_first_artifact(self, tmp_path: Path) -> None:
        """It is written beside the other artifacts, before which its name comes."""
        folder = MadeUp(trials=2, states=(), confirmed=0).write(tmp_path / "study")
        path = write_report(folder)
        (folder.artifacts / "curves.png").touch()
        assert path == folder.artifacts / REPORT
        assert min(folder.artifacts.iterdir()) == path

    def test_the_command_names_what_it_wrote(self, tmp_path: Path) -> None:
        """`report A B -o FILE` sets studies side by side in one file."""
        for seed, name in enumerate(("first", "second")):
            MadeUp(trials=6, states=(), seed=seed).write(tmp_path / name)
        into = tmp_path / "both.html"
        done = CliRunner().invoke(main, ["report", "first", "second", "-o", str(into), "--storage", str(tmp_path)])
        assert done.exit_code == 0, done.output
        assert done.output.split() == [str(into)]
        page = into.read_text()
        assert '<th scope="col">first</th><th scope="col">second</th>' in page
        assert len(set(re.findall(r'<section id="([^"]+)"', page))) == page.count("<section id=")

    def test_a_place_that_cannot_be_written_is_said_in_a_line(self, tmp_path: Path) -> None:
        """Exit status 2 and what to do, without a traceback."""
        MadeUp(trials=1, states=(), confirmed=0).write(tmp_path / "one")
        (tmp_path / "file").touch()
        into = tmp_path / "file" / "report.html"
        done = CliRunner().invoke(main, ["report", "one", "-o", str(into), "--storage", str(tmp_path)])
        assert done.exit_code == 2
        assert "Name another file with -o." in done.output


class TestEndOfASweep:
    def test_a_report_that_cannot_be_made_ends_no_sweep(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its summary stands, the reason is told, and the exit status is that of the sweep."""

        def broken(folder: StudyFolder) -> Path:
            raise ZeroDivisionError(folder.name)

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("tuner.sweep.driver.write_report", broken)
        path = write_task(tmp_path, trials=1, epochs=1, more="confirm: {top: 0}\ntracking: {uri: none}")
        done = CliRunner().invoke(main, ["run", str(path)])
        assert done.exit_code == 0, done.output
        assert "the report could not be written: tiny" in done.output

    def test_a_sweep_ends_with_its_report(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the summary its path is told, from the current folder."""
        monkeypatch.chdir(tmp_path)
        path = write_task(tmp_path, trials=1, epochs=1, more="confirm: {top: 0}\ntracking: {uri: none}")
        done = CliRunner().invoke(main, ["run", str(path)])
        summary, told, _ = done.output.partition("report: mlruns/studies/tiny/artifacts/_report.html")
        assert "nothing confirms it" in summary, done.output
        assert told
        assert "Trial 0 " in (tmp_path / "mlruns/studies/tiny/artifacts" / REPORT).read_text()
