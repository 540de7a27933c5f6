"""From a sweep over a running text to scores of new texts, and to texts that go on."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from tuner.adapters.base import Batch
from tuner.adapters.nlp.streams import ScoredText
from tuner.cli import main
from tuner.disk import events
from tuner.disk.folder import StudyFolder
from tuner.errors import DataError, StudyError, TunerError
from tuner.predict import Model, load
from tuner.predict.exporting import export
from tuner.predict.pyfunc import Served
from tuner.sweep import Sweep
from tuner.task import resolve_task

UNITS = {
    "char": "{}",
    "subword": "{unit: subword, vocabulary: 300}",
    "word": "{unit: word, vocabulary: 300, embedding_size: 8, tied: true, dynamic_rate: validation}",
}
TASK = """
name: weather
adapter: nlp/language_modelling
data: {{path: train.txt, test_path: test.txt, warm_up: 20, {more}}}
search_space: {{cell: [lstm], hidden_size: 8, learning_rate: 0.01}}
budget: {{trials: 1, epochs: 2}}
confirm: {{top: 1, seeds: 2}}
report: {{figures: 0}}
tracking: {{uri: none}}
ray: {{address: in-process}}
"""


def text(lines: int, seed: int) -> str:
    """Lines of a few words."""
    rng = np.random.default_rng(seed)
    words = ["rain", "sun", "wind", "snow", "fog", "hail", "é"]
    return "".join(" ".join(rng.choice(words, int(rng.integers(3, 8)))) + "\r\n" for _ in range(lines))


@pytest.fixture(scope="module", params=UNITS)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study, with its raw texts beside it; the test text has symbols that training lacks."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "train.txt").write_bytes(text(200, 0).encode())
    (folder / "test.txt").write_bytes((text(120, 1) + "Zephyr rain Zephyr\n").encode())
    (folder / "weather.yaml").write_text(TASK.format(more=UNITS[request.param].strip("{}")))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("tuner.adapters.nlp.dynamic.STRETCHES", 3)
        patch.setattr("tuner.adapters.nlp.dynamic.SEGMENTS", 4)
        assert Sweep(resolve_task("weather.yaml"), lambda *_, **__: None).run().finished
    return folder


@pytest.fixture
def model(study: Path, tmp_path: Path) -> Model:
    """The model, copied to where nothing of the study is."""
    shutil.copytree(study / "mlruns/studies/weather/model", tmp_path / "model")
    return load(tmp_path / "model")


def test_the_test_score_follows_from_the_raw_text(study: Path, tmp_path: Path) -> None:
    """All metrics of the raw test file, by the command, are those recorded of the winner's best seed."""
    folder = StudyFolder(study / "mlruns/studies/weather")
    done = CliRunner().invoke(
        main, ["predict", str(folder.model), str(study / "test.txt"), "-o", str(tmp_path / "out.jsonl")]
    )
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.jsonl").read_text())
    value = json.loads((folder.model / "network.json").read_text())["value"]
    scores = events.read_run(folder.events("test")).results["test"]
    (recorded,) = [score for run, score in scores.items() if events.read_run(folder.events(run)).value == value]
    assert found.pop("problem") == ""
    assert found.pop("place") == str(study / "test.txt")
    unknown = {"char": (8, "Z e p y"), "subword": (0, ""), "word": (2, "Zephyr")}[study.name.rstrip("0123456789")]
    assert (found["unknown"], found["unknown_symbols"]) == unknown
    names = ("loss", "bpc", "word_perplexity", "perplexity", "accuracy")
    learning = [f"dynamic_{name}" for name in names if study.name.startswith("word")]
    assert set(recorded) == {*names, *learning}
    for name in (*names, *learning):
        assert found[name] == pytest.approx(recorded[name], rel=1e-6)
    assert found["perplexity"] == pytest.approx(np.exp(found["loss"]))


def test_a_score_by_dynamic_evaluation_is_told(study: Path, tmp_path: Path) -> None:
    """In the summary and on the card with the score without it; the ensemble learns as one; no graph is made."""
    folder = StudyFolder(study / "mlruns/studies/weather")
    results = events.read_run(folder.events("test")).results
    (summary,) = [event for event in events.read(folder.root / "sweep.jsonl") if event["event"] == "summary"]
    told = [sentence for sentence in summary["sentences"] if sentence.startswith("dynamic evaluation")]
    if not study.name.startswith("word"):
        assert told == []
        return
    learning, fixed = (
        np.mean([results["test"][run][name] for run in results["ensemble"]["runs"]])
        for name in ("dynamic_loss", "loss")
    )
    assert told[0].endswith(f"has loss {learning:.4g} on test data ({fixed:.4g} without).")
    assert told[0] in (folder.model / "README.md").read_text()
    described = json.loads((folder.model / "network.json").read_text())["data"]
    assert {described["dynamic_rate"], described["dynamic_decay"]} == {
        value for run, values in results["fitted"].items() if run in _runs(folder) for value in values.values()
    }
    together = load(folder.ensemble).predict(study / "test.txt").iloc[0]
    for name in ("loss", "dynamic_loss", "dynamic_bpc"):
        assert together[name] == pytest.approx(results["ensemble"]["test"][name], rel=1e-6)
    with pytest.raises(StudyError, match=r"a graph of ONNX cannot learn from what it reads") as refused:
        export(folder.model, tmp_path / "exported", onnx=True)
    assert refused.value.where == str(folder.model / "network.json")


def _runs(folder: StudyFolder) -> list[str]:
    """The run whose weights the model has."""
    value = json.loads((folder.model / "network.json").read_text())["value"]
    runs = events.read_run(folder.events("test")).results["test"]
    return [run for run in runs if events.read_run(folder.events(run)).value == value]


def test_a_score_is_that_of_one_pass_by_the_network(model: Model) -> None:
    """Independently: a short text's logits, token by token."""
    (item,) = model.codec.items("rain sun\nfog")
    assert item.x is not None
    assert item.x[0] == 0
    with torch.inference_mode():
        logits = model.network(torch.from_numpy(item.x[None, :-1]))[0].double()
    nats = -logits.log_softmax(-1)[range(len(item.x) - 1), item.x[1:]]
    found = model.predict("rain sun\nfog").iloc[0]
    assert found.loss == pytest.approx(float(nats.mean()), abs=1e-6)
    assert found.tokens == len(item.x) - 1


def test_of_a_long_text_no_scored_part_is_held(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their scores are added up: the memory that a text takes is that of its tokens."""
    whole = ScoredText.batches
    parts: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def batches(text: ScoredText, size: int) -> Iterator[Batch]:
        for batch in whole(text, size):
            parts.append(weakref.ref(batch.x))
            alive.append(sum(part() is not None for part in parts))
            yield batch

    monkeypatch.setattr(ScoredText, "batches", batches)
    monkeypatch.setattr("tuner.adapters.nlp.language_codec._STRETCHES", 4)
    assert model.predict(["the rain falls. " * 3000]).loss.notna().all()
    assert (len(parts) > 4, max(alive) <= 2) == (True, True)


def test_every_form_gives_the_same_scores(model: Model, tmp_path: Path) -> None:
    """Lines of a file, texts of a list, files by path, a folder; alone or together; long beside short ones."""
    texts = ["rain sun", text(150, 3).replace("\r\n", " ").strip(), "hail é wind fog", "Zzz"]
    (tmp_path / "texts").mkdir()
    for number, each in enumerate(texts):
        (tmp_path / f"texts/{number}.txt").write_text(each)
    (tmp_path / "a.txt").write_text("\n".join(texts) + "\n")
    wanted = model.predict(texts).drop(columns="place")
    assert (wanted.problem == "").all()
    for data in (tmp_path / "a.txt", tmp_path / "texts"):
        found = model.predict(data, lines=True)
        pd.testing.assert_frame_equal(found.drop(columns="place"), wanted, atol=1e-6)
    assert found.place[2] == f"{tmp_path / 'texts/2.txt'}:1"
    alone = pd.concat([model.predict(each) for each in texts], ignore_index=True)
    pd.testing.assert_frame_equal(alone.drop(columns="place"), wanted, atol=1e-6)
    paths = model.predict([tmp_path / f"texts/{number}.txt" for number in range(4)])
    pd.testing.assert_frame_equal(paths.drop(columns="place"), wanted, atol=1e-6)
    folder, joined = model.predict(tmp_path / "texts"), model.predict("\n".join(texts))
    pd.testing.assert_frame_equal(folder.drop(columns="place"), joined.drop(columns="place"))


def test_what_cannot_be_scored_keeps_its_place(model: Model, tmp_path: Path) -> None:
    """A blank line, no text, half of a surrogate pair; a folder without texts; what is not offered."""
    (tmp_path / "a.txt").write_text("rain\n\nsun\n")
    found = model.predict(tmp_path / "a.txt", lines=True)
    assert found.problem.tolist() == ["", "the text is blank", ""]
    assert found.place[1] == f"{tmp_path / 'a.txt'}:2"
    assert found.loss.notna().tolist() == [True, False, True]
    assert [bool(problem) for problem in model.predict(["rain", 3, "\ud800"]).problem] == [False, True, True]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="must hold a"):
        model.predict(tmp_path / "none")
    with pytest.raises(DataError, match="texts must be"):
        model.predict(pd.DataFrame({"other": ["rain"]}))
    with pytest.raises(TunerError, match="temperature must be >= 0, but got -1"):
        model.predict("rain", continuation=3, temperature=-1)


def test_a_text_goes_on(model: Model, study: Path) -> None:
    """As long as asked, drawn alike by a seed, whatever stands beside; the likeliest is what the network says."""
    found = model.predict(["rain sun", "fog"], continuation=40, seed=1)
    again = model.predict(["fog"], continuation=40, seed=1)
    other = model.predict(["fog"], continuation=40, seed=2)
    assert found.continuation[1] == again.continuation[0] != other.continuation[0]
    likeliest = model.predict("rain sun", continuation=12, temperature=0).continuation[0]
    (item,) = model.codec.items("rain sun")
    tokens = json.loads((study / "mlruns/studies/weather/model/preprocess/tokens.json").read_text())
    assert item.x is not None
    read, written = item.x.tolist(), []
    for _ in range(12):  # anew from the beginning for each, without carried states
        with torch.inference_mode():
            written.append(int(model.network(torch.tensor([read]))[0, -1, 1:].argmax()) + 1)
        read.append(written[-1])
    spelt = [tokens[number] for number in written]
    assert likeliest.split() == "".join(spelt).replace("Ġ", " ").replace("Ċ", "\n").split() or (
        likeliest.split() == " ".join(spelt).split()
    )


def test_continuing_by_the_command(study: Path, tmp_path: Path) -> None:
    """What is asked by --ask stands in a column of its own; a malformed wish is refused."""
    (tmp_path / "a.txt").write_text("rain\n")
    arguments = ["predict", str(study / "mlruns/studies/weather/model"), str(tmp_path / "a.txt")]
    done = CliRunner().invoke(main, [*arguments, "--ask", "continuation=5", "-o", str(tmp_path / "out.parquet")])
    assert done.exit_code == 0, done.output
    assert pd.read_parquet(tmp_path / "out.parquet").continuation[0]
    done = CliRunner().invoke(main, [*arguments, "--ask", "continuation"])
    assert done.exit_code == 2
    assert "--ask must be NAME=VALUE" in done.output


def test_subwords_of_an_earlier_version_are_refused(study: Path, model: Model, tmp_path: Path) -> None:
    """Its prepared data did not keep what tells texts apart; the other units need nothing of it."""
    facts = json.loads((tmp_path / "model/preprocess/facts.json").read_text())
    told = facts.pop("tokenizer")
    (tmp_path / "model/preprocess/facts.json").write_text(json.dumps(facts))
    if told:
        with pytest.raises(StudyError, match="the model must have the merges of its subwords"):
            load(tmp_path / "model")
    else:
        wanted = model.predict(study / "test.txt")
        pd.testing.assert_frame_equal(load(tmp_path / "model").predict(study / "test.txt"), wanted)


def test_a_served_model_scores_and_continues(model: Model, tmp_path: Path) -> None:
    """As MLflow calls it: a table of texts, whatever a text looks like, and what is asked as parameters."""
    signature = json.loads((tmp_path / "model/signature.json").read_text())
    names = ["proba", "lines", "continuation", "temperature", "seed"]
    assert [parameter["name"] for parameter in signature["params"]] == names
    params = {parameter["name"]: parameter["default"] for parameter in signature["params"]}
    (tmp_path / "secret.txt").write_text("rain")
    texts = ["rain sun", str(tmp_path / "secret.txt")]
    served = Served(model)
    found = served.predict(pd.DataFrame({"text": texts}), {**params, "continuation": 4})
    assert found.continuation.str.len().gt(0).all()
    assert found.place.tolist() == ["item 0", "item 1"]
    assert found.tokens[1] > 0
    plain = served.predict(pd.DataFrame({"text": texts}), params)
    pd.testing.assert_frame_equal(plain, model.predict(texts))
