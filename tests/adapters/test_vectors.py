"""Vectors of words from a file: what is read of which form, what is refused, and what a network makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.support.adapter_data import DATA, running_text
from tests.support.models import made_model
from tuner.adapters.nlp.language_modelling import LanguageModelling
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.adapters.nlp.tagging.adapter import Tagging
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.vectors import read_vectors
from tuner.errors import DataError
from tuner.predict import load

GLOVE = "the .1 .2 -.3\nRome 1 0 0\nrome 0 1 0\n. . . 9 9 9\nOslo 0 0 1e-3\nrome 7 7 7\n"
WANTED = {"rome": 4, "oslo": 7, "nowhere": 9}


@pytest.mark.parametrize(
    "text", [GLOVE, f"6 3\n{GLOVE}", GLOVE.replace("\n", " \n"), GLOVE.replace("\n", "\r\n"), "\ufeff" + GLOVE]
)
def test_the_forms_of_word2vec_glove_and_fasttext(tmp_path: Path, text: str) -> None:
    """With a first line of counts or without; words may have blanks; the first vector of a word counts."""
    path = tmp_path / "a.vec"
    path.write_text(text, newline="")
    found = read_vectors(path, WANTED, folded=True)
    assert found.numbers.tolist() == [4, 7]
    np.testing.assert_array_equal(found.values, np.asarray([[0, 1, 0], [0, 0, 1e-3]], dtype=np.float32))
    by_case = read_vectors(path, {"Rome": 2, "oslo": 3}, folded=False)
    assert (by_case.numbers.tolist(), by_case.values.tolist()) == ([2], [[1, 0, 0]])


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("a 1 2\nb 1\n", 2, "the line must have a word and 2 numbers"),
        ("a 1 2\nrome 1 x\n", 2, "the line must have 2 numbers after its word"),
        ("a 1 2\nrome 1 nan\n", 2, "the line must have finite numbers"),
        ("a 1 2\n\nrome 1 2\n", 2, "a line must not be empty"),
        ("2 2\n1 2\n", 2, "the line must have a word and 2 numbers"),
        ("alone\n", 1, "the line must have a word and its numbers"),
        ("a 1 2\nb\0c 1 2\n", 2, "a line of vectors must be text"),
        ("a 1 2\nb " + "1" * (1 << 20) + " 2\n", 2, "a line of vectors must be text"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, text: str, line: int, rule: str) -> None:
    """File and line, and what must hold."""
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_vectors(path, WANTED, folded=True)
    assert error.value.where == f"{path}:{line}"
    assert error.value.rule.startswith(rule)


def test_vectors_of_other_words_are_refused(tmp_path: Path) -> None:
    """And archives, by what they are."""
    path = tmp_path / "a.txt"
    path.write_text("Moskau 1 2\n")
    with pytest.raises(DataError, match="none of 3 words is among them"):
        read_vectors(path, WANTED, folded=True)
    path.write_bytes(b"\x1f\x8b" + bytes(30))
    with pytest.raises(DataError, match="a gzip archive"):
        read_vectors(path, WANTED, folded=True)


def _tagging(folder: Path, **options: Any) -> dict[str, Any]:
    (folder / "vectors.txt").write_text("ROME 1 2 3 4 5\nfrom 5 4 3 2 1\nunheard 0 0 0 0 1\n")
    data = DATA["nlp/tagging"](folder)
    del data["embedding_size"]
    return {**data, "vectors": str(folder / "vectors.txt"), **options}


@pytest.mark.parametrize("tuned", [True, False])
def test_words_start_from_their_vectors(tmp_path: Path, tuned: bool) -> None:
    """What the file lacks is learned in any case, the rest where it is to be tuned; coverage is told."""
    options = TaggingOptions(**_tagging(tmp_path, vectors_tuned=tuned))
    (tmp_path / "made").mkdir()
    adapter = Tagging(options)
    (told,) = [notice for notice in adapter.prepare(tmp_path / "made").notices if "vectors" in notice]
    assert told.startswith("vectors.txt has vectors of 5 numbers for 2 of ")
    encoder = adapter.problem(tmp_path / "made").encoder()
    words = json.loads((tmp_path / "made/words.json").read_text())["words"]
    weight = encoder.words.weight
    before = weight.detach().clone()
    rome, to = words.index("rome") + 2, words.index("to") + 2
    assert before[rome].tolist() == [1, 2, 3, 4, 5]
    x = torch.ones(1, 2, 2 + encoder.letter_numbers, dtype=torch.int64)[..., :4]
    x[0, :, 0] = torch.tensor([rome, to])
    encoder.eval()(x).sum().backward()
    torch.optim.Adam([weight], 0.1).step()
    changed = (weight != before).any(dim=1)
    assert (bool(changed[rome]), bool(changed[to])) == (tuned, True)


def test_a_model_needs_no_file_of_vectors(tmp_path: Path) -> None:
    """Its weights have them: it answers alike when the file is gone, and names no place of it."""
    (tmp_path / "vectors").mkdir()
    data = _tagging(tmp_path / "vectors", vectors_tuned=False)
    folder = made_model(tmp_path / "made", "nlp/tagging", data=data)
    (tmp_path / "vectors/vectors.txt").unlink()
    model = load(folder)
    assert model.network.state_dict()["encoder.words.weight"].shape[1] == 5
    assert len(model.predict(["to Rome"])) == 2
    assert str(tmp_path) not in (folder / "network.json").read_text()


def test_words_of_a_running_text_start_from_theirs(tmp_path: Path) -> None:
    """As they are written; a line's end is `</s>`; the contents of the file are part of the fingerprint."""
    (tmp_path / "v.vec").write_text("3 2\nsun 1 2\n</s> 3 4\nRain 5 6\n")
    data = running_text(unit="word", vocabulary=300)(tmp_path)
    del data["embedding_size"]
    adapter = LanguageModelling(LanguageModellingOptions(**data, vectors=str(tmp_path / "v.vec")))
    (tmp_path / "made").mkdir()
    made = adapter.prepare(tmp_path / "made")
    tokens = json.loads((tmp_path / "made/tokens.json").read_text())
    weight = adapter.problem(tmp_path / "made").encoder().weight
    assert weight[tokens.index("sun")].tolist() == [1, 2]
    assert weight[tokens.index("\n")].tolist() == [3, 4]
    assert made.notices[0].startswith("v.vec has vectors of 2 numbers for 2 of ")
    before = adapter.fingerprint()
    (tmp_path / "v.vec").write_text("3 2\nsun 1 2\n</s> 3 4\nRain 5 7\n")
    assert adapter.fingerprint() != before


def test_options_that_would_do_nothing_are_refused() -> None:
    """A size beside that of the vectors, tuning without vectors, vectors of characters."""
    with pytest.raises(ValidationError, match=r"embedding_size must be left out with data\.vectors"):
        TaggingOptions(path="x", vectors="v", embedding_size=50)
    with pytest.raises(ValidationError, match=r"vectors_tuned must be left out without data\.vectors"):
        TaggingOptions(path="x", vectors_tuned=False)
    with pytest.raises(ValidationError, match="vectors must be left out with unit char"):
        LanguageModellingOptions(path="x", vectors="v")
