"""The winner's confirmed seeds as one model: scored once, and used as any other model is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import tuner
from tests.support.models import made_model
from tuner.cli import main
from tuner.disk import events
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.objective import Objective
from tuner.predict import Model, load
from tuner.reporting.ensemble import ensemble


def run(*arguments: object) -> tuple[int, str]:
    """Exit status, and what is said."""
    done = CliRunner().invoke(main, [*map(str, arguments)])
    return done.exit_code, done.output


def test_its_score_follows_from_the_written_answers(study: Path, tmp_path: Path) -> None:
    """The recorded test score is that of `predict --ensemble`; the summary tells it beside the seeds'; so does JSON."""
    folder = StudyFolder(study / "mlruns/studies/words")
    storage = ("--storage", folder.root.parent)
    arguments = ("predict", "words", study / "test.csv", "--ensemble", "--proba", "-o", tmp_path / "a.csv", *storage)
    assert run(*arguments)[0] == 0
    answers, truth = pd.read_csv(tmp_path / "a.csv"), pd.read_csv(study / "test.csv").label
    results = events.read_run(folder.events("test")).results
    found = results["ensemble"]
    likely = [answers[f"p({label})"][row] for row, label in enumerate(truth)]
    assert (answers["class"] == truth).mean() == pytest.approx(found["test"]["accuracy"], abs=1e-12)
    assert -np.log(likely).mean() == pytest.approx(found["test"]["loss"], abs=1e-6)
    seeds = [value for run in found["runs"] if (value := events.read_run(folder.events(run)).value) is not None]
    assert len(seeds) == 2
    summary = events.read(folder.sweep_events)[-1]
    assert summary["ensemble"] == {
        "runs": found["runs"],
        "value": found["val"]["accuracy"],
        "test": found["test"]["accuracy"],
        "best": max(seeds),
        "mean": pytest.approx(np.mean(seeds)),
    }
    told = f"an ensemble of the winner's 2 seeds has accuracy {found['val']['accuracy']:.4g} on validation data"
    assert any(told in sentence for sentence in summary["sentences"])
    assert json.loads((folder.ensemble / "network.json").read_text())["value"] == found["val"]["accuracy"]


def test_it_answers_by_the_mean_of_its_members(study: Path) -> None:
    """In Python too; the weights of all members are in one safetensors file, which network.json tells."""
    opened = tuner.open("words", folder=study / "mlruns/studies")
    joint = opened.model(ensemble=True)
    described = json.loads((opened.folder / "ensemble/network.json").read_text())
    assert described["members"] == 2
    assert "ensemble of 2" in repr(joint)
    weights = load_file(opened.folder / "ensemble/weights.safetensors")
    texts = ["happy film", "grim the film", "a dull film"]
    each = []
    for number in range(2):
        tensors = {name[10:]: tensor for name, tensor in weights.items() if name.startswith(f"members.{number}.")}
        alone = load(opened.folder / "model")
        alone.network.load_state_dict(tensors)
        each.append(alone.predict(texts, proba=True).filter(like="p(").to_numpy())
    assert not np.allclose(each[0], each[1])
    np.testing.assert_allclose(joint.predict(texts, proba=True).filter(like="p("), np.mean(each, axis=0), atol=1e-6)
    assert "seeds 1, 2 of the winner" in (opened.folder / "ensemble/README.md").read_text()


def test_scores_of_each_class_are_kept(study: Path) -> None:
    """Beside every confirmed run as a table, and in the card of the model that is made of it."""
    folder = StudyFolder(study / "mlruns/studies/words")
    answers = events.read_run(folder.events("test")).results["answers"]
    tables = {run: pd.read_csv(folder.run_artifacts(run) / "per_class.csv") for run in answers}
    assert len(tables) >= 2
    for run, table in tables.items():
        assert table["class"].tolist() == answers[run]["classes"]
        assert table["items"].tolist() == [sum(row) for row in answers[run]["counts"]]
    winner = max((events.read_run(folder.events(run)).value or 0.0, run) for run in answers)[1]
    card = (folder.model / "README.md").read_text()
    for row in tables[winner].fillna(-1).itertuples(index=False):
        assert f"| {row[0]} | {'-' if row[1] < 0 else f'{row[1]:.3f}'} |" in card


@pytest.mark.usefixtures("one_registry")
def test_it_is_exported_as_one_graph(study: Path, tmp_path: Path) -> None:
    """What onnxruntime answers is what all members answer together."""
    storage = ("--storage", study / "mlruns/studies")
    done = run("export", "words", "--ensemble", "--onnx", "-o", tmp_path / "out", *storage)
    assert done[0] == 0, done[1]
    from tuner.predict.onnx_graph import opened

    session = opened((tmp_path / "out/model.onnx").read_bytes())
    model = load(tmp_path / "out")
    x, lengths = torch.randint(1, 20, (6, 9)), torch.tensor([9, 1, 3, 8, 2, 5])
    with torch.no_grad():
        wanted = model.network(x, lengths).numpy()
    np.testing.assert_allclose(session.run(None, {"x": x.numpy(), "lengths": lengths.numpy()})[0], wanted, atol=1e-5)


def test_a_study_without_one_says_so(study: Path, tmp_path: Path) -> None:
    """One line with what to do, from every command and from Python."""
    shutil.copytree(study / "mlruns/studies/words", tmp_path / "words")
    shutil.rmtree(tmp_path / "words/ensemble")
    wanted = "study words must have an ensemble: two confirmed seeds of its winner or more"
    for command in (
        ("predict", "words", study / "test.csv"),
        ("export", "words", "-o", tmp_path / "x"),
        ("serve", "words"),
    ):
        status, said = run(*command, "--ensemble", "--storage", tmp_path)
        assert (status, wanted in said, "Traceback" in said) == (2, True, False)
    with pytest.raises(StudyError, match="two confirmed seeds"):
        tuner.open("words", folder=tmp_path).model(ensemble=True)


def together_and_apart(folder: Path, case: str) -> tuple[Model, list[Model]]:
    """An ensemble of two networks by chance, and its members."""
    joint = load(made_model(folder, case, seeds=2))
    members = list(joint.network.members)  # type: ignore[arg-type]  # torch types no attributes
    return joint, [Model(joint.description, joint.codec, each, torch.device("cpu")) for each in members]


def test_forecasts_are_averaged_in_their_own_unit(tmp_path: Path) -> None:
    """The forecast of an ensemble is the mean of its members' forecasts."""
    joint, apart = together_and_apart(tmp_path, "time_series/forecasting")
    data = tmp_path / "data/series.csv"
    each = [model.predict(data)[["a", "b"]].to_numpy() for model in apart]
    assert not np.allclose(each[0], each[1])
    np.testing.assert_allclose(joint.predict(data)[["a", "b"]].to_numpy(), np.mean(each, axis=0), rtol=1e-5, atol=1e-5)


def test_of_texts_the_probabilities_of_tokens_are_averaged(tmp_path: Path) -> None:
    """A text's loss is the mean of -log((p + q) / 2) over its tokens; and it is continued."""
    joint, apart = together_and_apart(tmp_path, "nlp/language_modelling: char")
    text = "rain sun wind snow fog hail rain"
    (item,) = joint.codec.items([text])
    assert item.x is not None
    tokens = torch.from_numpy(item.x)
    with torch.no_grad():
        odds = [model.network(tokens[None, :-1]).double().softmax(-1) for model in apart]
    of_tokens = torch.stack(odds).mean(0)[0].gather(1, tokens[1:, None])
    found = joint.predict([text], continuation=12)
    assert found.loss[0] == pytest.approx(float(-of_tokens.log().mean()), abs=1e-6)
    assert found.loss[0] < np.mean([model.predict([text]).loss[0] for model in apart])
    assert len(found.continuation[0]) == 12


def test_what_was_scored_of_another_winner_is_not_told() -> None:
    """Nor where a seed has lost its score, or nothing was scored together."""
    winners = [RunRecord(run=f"confirm/00001-{seed}", value=0.5 + seed, state=State.COMPLETED) for seed in (1, 2)]
    scores = {"accuracy": 0.9}
    scored: dict[str, Any] = {
        "test": {record.run: scores for record in winners},
        "ensemble": {"runs": [record.run for record in winners], "val": {"accuracy": 3.0}, "test": scores},
    }
    objective = Objective(metric="val/accuracy", maximize=True)
    found = ensemble(scored, winners, objective)
    assert found is not None
    assert (found.facts["value"], found.facts["best"], found.facts["mean"]) == (3.0, 2.5, 2.0)
    folded = ensemble({**scored, "ensemble": {**scored["ensemble"], "folds": 3}}, winners, objective)
    assert folded is not None
    assert "on the first fold of validation data (over all folds: best seed" in folded.sentence
    assert ensemble({"test": scored["test"]}, winners, objective) is None
    assert ensemble(scored, winners[:1], objective) is None
    assert ensemble(scored, [RunRecord(run="confirm/00002-1", value=1.0)], objective) is None


def test_cards_name_the_digest_that_is_recorded(study: Path) -> None:
    """That of the study's data, which MLflow's datasets have, although the trials searched how they are prepared."""
    folder = StudyFolder(study / "mlruns/studies/words")
    digest = next(event for event in events.read(folder.sweep_events) if event["event"] == "sweep")["data"]["digest"]
    assert digest
    for kept in (folder.model, folder.ensemble):
        assert f"| digest | {digest} |" in (kept / "README.md").read_text()
