"""From a sweep over texts to answers: what the test was scored with is what answers new texts."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tuner.cli import main
from tuner.disk import events
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.predict import load
from tuner.sweep import Sweep
from tuner.task import resolve_task


@pytest.fixture
def model(study: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, with nothing of the study near it."""
    shutil.copytree(study / "mlruns/studies/words/model", tmp_path / "model")
    return tmp_path / "model"


def predict(*arguments: object) -> tuple[int, str]:
    """Exit status, and what is said."""
    done = CliRunner().invoke(main, ["predict", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_test_score_follows_from_the_written_answers(study: Path, model: Path, tmp_path: Path) -> None:
    """Accuracy and log loss of the answers to the raw test file are those recorded of the winner's best seed."""
    assert predict(model, study / "test.csv", "--proba", "-o", tmp_path / "answers.csv")[0] == 0
    answers, truth = pd.read_csv(tmp_path / "answers.csv"), pd.read_csv(study / "test.csv").label
    folder = StudyFolder(study / "mlruns/studies/words")
    summary = [event for event in events.read(folder.sweep_events) if event["event"] == "summary"][-1]
    assert summary["model"] == str(folder.model)
    described = json.loads((model / "network.json").read_text())
    scores = events.read_run(folder.events("test")).results["test"]
    number = "baseline" if summary["winner"] == "baseline" else f"{int(summary['winner'].split()[1]):05d}"
    values = {run: events.read_run(folder.events(run)).value for run in scores if number in run}
    run = max(values, key=lambda run: values[run] or 0.0)
    assert values[run] == described["value"]
    assert (answers["class"] == truth).mean() == pytest.approx(scores[run]["accuracy"], abs=1e-12)
    probabilities = [answers[f"p({label})"][row] for row, label in enumerate(truth)]
    assert -np.log(probabilities).mean() == pytest.approx(scores[run]["loss"], abs=1e-6)


def test_every_form_gives_the_same_answers(model: Path, tmp_path: Path) -> None:
    """CSV, JSON lines, plain lines, lines with known labels, a folder, a list, a DataFrame; CSV, JSONL and Parquet."""
    texts = ["happy film", "GRIM  film", "dull the a"]
    (tmp_path / "a.csv").write_text("text\n" + "\n".join(texts))
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    (tmp_path / "a.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "b.txt").write_text("".join(f"good\t{text}\n" for text in texts))
    (tmp_path / "folder").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / f"folder/{number}.txt").write_text(text)
    loaded = load(model)
    wanted = loaded.predict(texts, proba=True)
    assert list(wanted.columns) == ["class", "probability", "p(bad)", "p(good)", "p(meh)", "problem"]
    for name in ("a.csv", "a.jsonl", "a.txt", "b.txt", "folder"):
        pd.testing.assert_frame_equal(loaded.predict(tmp_path / name, proba=True), wanted)
    pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame({"text": texts}), proba=True), wanted)
    alone = pd.concat([loaded.predict([text], proba=True) for text in texts], ignore_index=True)
    pd.testing.assert_frame_equal(alone, wanted, atol=1e-6)
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
    }
    for suffix, reader in readers.items():
        assert predict(model, tmp_path / "a.csv", "--proba", "-o", tmp_path / f"out{suffix}")[0] == 0
        found = reader(tmp_path / f"out{suffix}")
        pd.testing.assert_frame_equal(found[list(wanted)[:5]], wanted[list(wanted)[:5]], check_dtype=False)


def test_what_cannot_be_read_keeps_its_place(model: Path, tmp_path: Path) -> None:
    """An empty text, broken JSON and a missing key have a named problem; the others are answered; the status is 1."""
    lines = ['{"text": "happy"}', '{"text": ""}', "{", '{"other": 1}', '{"text": "grim"}', '{"text": 3}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    status, told = predict(model, tmp_path / "a.jsonl", "-o", tmp_path / "out.csv")
    assert status == 1
    assert "a.jsonl:2: the text is empty" in told
    assert "6 items, written to" in told
    assert "4 could not be read" in told
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["class"].notna().tolist() == [True, False, False, False, True, False]
    assert found["problem"].isna().tolist() == [True, False, False, False, True, False]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("network.json", b"{", "network.json: the model's file must be as it was written"),
        ("network.json", b"[]", "network.json: the model's file must be as it was written"),
        ("weights.safetensors", b"\x80\x04cposix\nsystem\n.", "weights.safetensors: the model's file must be"),
        ("weights.safetensors", b"\xff" * 8 + b"{}", "weights.safetensors: the model's file must be"),
        ("preprocess/facts.json", b"{}", "the model's file must be as it was written"),
        ("preprocess/tokenizer.json", b"{}", "the model's file must be as it was written"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused_in_one_line(model: Path, name: str, content: bytes, told: str) -> None:
    """Whatever stands in place of a file: exit status 2, one line, and no code is run."""
    (model / name).write_bytes(content)
    (model.parent / "a.txt").write_text("happy\n")
    status, said = predict(model, model.parent / "a.txt")
    assert status == 2, said
    assert told in said
    assert said.count("\n") == 1


def test_a_later_format_and_code_by_name_are_refused(model: Path) -> None:
    """A format that is not known yet; an adapter or a cell that would be imported by its name."""
    described = json.loads((model / "network.json").read_text())
    for changes, told in (
        ({"format": 2}, "a format that this version reads, 1 to 1, but got 2"),
        ({"adapter": "os:system"}, "the model's adapter must be known"),
        ({"params": {**described["params"], "cell": "os:system"}}, "the model's cell must be known"),
    ):
        (model / "network.json").write_text(json.dumps({**described, **changes}))
        with pytest.raises(StudyError, match=told):
            load(model)


def test_a_package_that_is_not_installed_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With where to get it; the model's files are not what is at fault."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for name in ("codec", "reader"):
        monkeypatch.delitem(sys.modules, f"tuner.adapters.nlp.{name}")
    with pytest.raises(
        StudyError, match=r"must be installed, but got 'no tokenizers'\. Install it: pip install -r"
    ) as told:
        load(model)
    assert str(told.value).endswith(str(model / "requirements.txt"))


def test_a_study_without_a_confirmed_winner_has_no_model(study: Path, tmp_path: Path) -> None:
    """One of an earlier winner is removed, rather than left to answer for another."""
    shutil.copytree(study, tmp_path / "again")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "again")
        folder = StudyFolder(Path("mlruns/studies/words").absolute())
        assert (folder.model / "network.json").exists()
        assert Sweep(resolve_task("words.yaml", ["confirm.top=0", "budget.trials=3"]), lambda _: None).run().finished
        assert not folder.model.exists()
        status, said = predict("words", "test.csv")
    assert status == 2
    assert "a model's folder must hold network.json" in said
    assert "a finished study with a confirmed winner, whose adapter has a codec" in said
