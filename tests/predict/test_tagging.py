"""Models of tags: alone, several together, and as a graph of ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.models import made_model
from tuner.adapters.nlp.tagging.crf import Chain, best_path
from tuner.adapters.nlp.tagging.schemes import entities, written
from tuner.errors import DataError
from tuner.predict import Model, load
from tuner.predict.exporting import export
from tuner.predict.onnx_graph import opened

SENTENCES = ["to Rome", "from New York on Monday w3", "Paris"]


@pytest.mark.usefixtures("one_registry")
@pytest.mark.parametrize("case", ["nlp/tagging", "nlp/tagging: crf", "nlp/tagging: plain"])
def test_a_graph_scores_as_the_network_does(tmp_path: Path, case: str) -> None:
    """From numbers of words on, whatever the lengths; of a CRF the graph also tells the scores of neighbours."""
    model = load(made_model(tmp_path / "made", case, {"cell": "lstm"}))
    export(tmp_path / "made/model", tmp_path / "out", onnx=True)
    session = opened((tmp_path / "out/model.onnx").read_bytes())
    tags = len(json.loads((tmp_path / "out/preprocess.json").read_text())["facts"]["classes"])
    answers = model.predict(SENTENCES)
    for number, item in enumerate(model.codec.items(SENTENCES), start=1):
        assert item.x is not None
        (found,) = session.run(None, {"x": item.x[None], "lengths": np.asarray([len(item.x)])})
        with torch.no_grad():
            wanted = model.network(torch.from_numpy(item.x)[None]).numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        if case.endswith("crf"):
            assert found.shape == (1, tags + 2 + len(item.x), tags)
        assert len(answers[answers["sentence"] == number]) == len(item.x)


@pytest.mark.usefixtures("one_registry")
@pytest.mark.parametrize("case", ["nlp/tagging", "nlp/tagging: crf"])
def test_the_tags_of_a_graph_follow_as_its_page_says(tmp_path: Path, case: str) -> None:
    """All paths that the sentence allows are tried; the best one has the tags of `predict`."""
    model = load(made_model(tmp_path / "made", case, {"cell": "lstm"}))
    export(tmp_path / "made/model", tmp_path / "out", onnx=True)
    page = json.loads((tmp_path / "out/preprocess.json").read_text())
    bioes = case.endswith("crf")
    assert f"in which each I-X {'and E-X ' if bioes else ''}follows B-X or I-X" in page["outputs"]["prediction"]["is"]
    session, tags = opened((tmp_path / "out/model.onnx").read_bytes()), page["facts"]["classes"]
    answers = model.predict(SENTENCES)
    for number, item in enumerate(model.codec.items(SENTENCES), start=1):
        assert item.x is not None
        (found,) = session.run(None, {"x": item.x[None], "lengths": np.asarray([len(item.x)])})
        rows_RK = found[0, :, : len(tags)]
        chain = np.zeros((len(tags) + 2, len(tags)))
        if case.endswith("crf"):
            chain, rows_RK = rows_RK[: len(tags) + 2], rows_RK[len(tags) + 2 :]
        paths = (path for path in product(range(len(tags)), repeat=len(rows_RK)) if _allowed(path, tags, bioes=bioes))
        best = max(
            paths,
            key=lambda path: (
                sum(row[tag] for row, tag in zip(rows_RK, path, strict=True))
                + sum(chain[one, two] for one, two in pairwise(path))
                + chain[-2, path[0]]
                + chain[-1, path[-1]]
            ),
        )
        found_tags = [tags[tag] for tag in best]
        wanted = written(entities(found_tags), len(found_tags), page["facts"]["given_scheme"])
        assert answers[answers["sentence"] == number]["tag"].tolist() == wanted


def _allowed(path: Sequence[int], tags: Sequence[str], *, bioes: bool) -> bool:
    """Whether the tags, between two words without one, are as the page says."""
    for one, two in pairwise(["O", *(tags[tag] for tag in path), "O"]):
        goes_on = two[0] in "IE" and one in (f"B{two[1:]}", f"I{two[1:]}")
        if (two[0] in "IE" or (bioes and one[0] in "BI")) and not goes_on:
            return False
    return True


def test_of_a_crf_all_scores_are_averaged(tmp_path: Path) -> None:
    """An ensemble answers by the mean of its members' scores, those of neighbours included."""
    joint = load(made_model(tmp_path, "nlp/tagging: crf", seeds=2))
    members: list[torch.nn.Module] = list(joint.network.members)  # type: ignore[arg-type]  # torch types no attributes
    (item,) = joint.codec.items(SENTENCES[1:2])
    assert item.x is not None
    x = torch.from_numpy(item.x)[None]
    with torch.no_grad():
        mean = torch.stack([member(x) for member in members]).mean(0)
        chains = [member.head.transition for member in members]  # type: ignore[union-attr]  # as above
    tags = mean.shape[2]
    torch.testing.assert_close(mean[0, :tags], (chains[0] + chains[1]) / 2)  # type: ignore[operator]  # as above
    assert not torch.equal(chains[0], chains[1])  # type: ignore[arg-type]  # as above
    path = best_path(mean[:, tags + 2 :], Chain(mean[0, :tags], mean[0, tags], mean[0, tags + 1]), torch.ones(1, 6) > 0)
    likely = joint.predict(SENTENCES[1:2], proba=True).filter(like="p(").to_numpy()
    assert path.shape == (1, 6)
    np.testing.assert_allclose(likely.sum(1), 1, atol=1e-9)


def test_each_member_scores_by_its_own_neighbours(tmp_path: Path) -> None:
    """Members that were built one after the other answer as they do alone."""
    joint = load(made_model(tmp_path, "nlp/tagging: crf", seeds=2))
    members: list[torch.nn.Module] = list(joint.network.members)  # type: ignore[arg-type]  # torch types no attributes
    found = []
    for member in members:
        alone = Model(joint.description, joint.codec, member, torch.device("cpu"))
        found.append(alone.predict(SENTENCES, proba=True).filter(like="p(").to_numpy())
    assert not np.allclose(found[0], found[1])


def test_what_can_be_asked(tmp_path: Path) -> None:
    """Texts, lists of words, tables; files of the training file's form with tags or without, and plain lines."""
    import pandas as pd

    model = load(made_model(tmp_path / "made", "nlp/tagging"))
    wanted = model.predict(SENTENCES)
    assert wanted["word"].tolist() == " ".join(SENTENCES).split()
    words = [sentence.split() for sentence in SENTENCES]
    for given in (words, pd.DataFrame({"sentence": SENTENCES}), pd.DataFrame({"sentence": words})):
        pd.testing.assert_frame_equal(model.predict(given), wanted)
    (tmp_path / "a.conll").write_text("\n\n".join("\n".join(each) for each in words))
    (tmp_path / "b.conll").write_text("\n\n".join("\n".join(f"{word}\tO" for word in each) for each in words))
    (tmp_path / "c.txt").write_text("\n".join(SENTENCES) + "\n")
    for name in ("a.conll", "b.conll", "c.txt"):
        pd.testing.assert_frame_equal(model.predict(tmp_path / name), wanted)
    (tmp_path / "d.txt").write_text("to Rome\n\nParis\n")
    found = model.predict(tmp_path / "d.txt")
    assert found["sentence"].tolist() == [1, 1, 2, 3]
    assert found["problem"][2] == "the sentence has no word"
    with pytest.raises(DataError, match="there must be a column 'sentence'"):
        model.predict(pd.DataFrame({"text": SENTENCES}))
    for odd in ([], [""], ["a", 3], ["\ud800"], 3):
        (item,) = model.codec.items([odd])
        assert item.x is None
        assert item.problem


def test_the_intent_is_answered_in_each_row_of_its_sentence(tmp_path: Path) -> None:
    """With its probability, and on demand those of all."""
    model = load(made_model(tmp_path / "made", "nlp/tagging: plain"))
    found = model.predict(SENTENCES, proba=True)
    each = found.groupby("sentence")
    assert (each["intent"].nunique() == 1).all()
    likely = found[["p(intent ask)", "p(intent tell)"]].to_numpy()
    np.testing.assert_allclose(likely.sum(1), 1, atol=1e-9)
    assert found["intent"].tolist() == [("ask", "tell")[at] for at in likely.argmax(1)]
    np.testing.assert_array_equal(likely.max(1), found["intent_probability"])
    one_by_one = [model.predict([sentence], proba=True)["p(intent ask)"][0] for sentence in SENTENCES]
    np.testing.assert_allclose(each["p(intent ask)"].first(), one_by_one, atol=1e-6)
