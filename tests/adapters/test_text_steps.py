"""What a step of a text is: a subword, a word with its features, or a character."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.adapter_data import DATA
from tuner.adapters.base import Prepared
from tuner.adapters.glimpse import glimpse
from tuner.adapters.nlp.classification import TextClassification
from tuner.adapters.nlp.problem import TextClassificationProblem
from tuner.adapters.nlp.proposing import propose_classification, propose_language_modelling
from tuner.adapters.nlp.steps import encoded, learn_steps, steps_of
from tuner.adapters.nlp.text_options import TextClassificationOptions, TextRegressionOptions
from tuner.adapters.nlp.vocabulary import TextTokens, character_tokenizer, joined, normalised, split_words
from tuner.adapters.nlp.word_encoder import WordEncoder
from tuner.adapters.nlp.words import CASINGS, UNKNOWN
from tuner.adapters.ragged import Ragged

TEXTS = ("The rain, the rain!", "Don't use U.N. files", "the sun")


def options(**changes: Any) -> TextClassificationOptions:
    """Of texts of words, if no other unit is given."""
    return TextClassificationOptions(path="x.csv", **{"unit": "word", "lowercase": False, **changes})


def prepared(folder: Path, **changes: Any) -> Prepared:
    """Small texts with labels, prepared below a folder."""
    (folder / "out").mkdir()
    made = TextClassificationOptions(**{**DATA["nlp/classification"](folder), "unit": "word", **changes})
    return TextClassification(made).prepare(folder / "out")


def test_words_have_a_number_a_casing_and_letters(tmp_path: Path) -> None:
    """Case matters for the casing and the letters only; a sign is a word, unless inside of one."""
    steps = learn_steps(tmp_path, TEXTS, options())
    the, rain, comma, *_ = steps.numbered(["The rain, U.N. don't"])[0].tolist()
    small = steps.numbered(["the"])[0][0].tolist()
    assert the[0] == small[0]
    assert (CASINGS[the[1]], CASINGS[small[1]]) == ("first capital", "small")
    assert the[2] != small[2]
    assert the[3:] == small[3:]
    assert rain[0] != comma[0] > UNKNOWN
    assert steps.shown(steps.numbered(["The rain, U.N. don't"])[0]) == ["the", "rain", ",", "u.n", ".", "don't"]
    assert steps_of(tmp_path, "word").numbered(TEXTS)[1].tolist() == steps.numbered(TEXTS)[1].tolist()


def test_an_unknown_word_has_its_letters(tmp_path: Path) -> None:
    """It is shown by them; letters that training lacks are unknown, too."""
    steps = learn_steps(tmp_path, TEXTS, options())
    (row,) = steps.numbered(["rainQ"])[0]
    assert row[0] == UNKNOWN
    assert steps.shown(row[None]) == ["rain?"]


@given(st.text().map(lambda text: normalised(text, lowercase=False)).filter(bool))
def test_words_are_the_whole_text(text: str) -> None:
    """Nothing but white space is lost, so that no text is without a word."""
    (words,) = split_words([text])
    assert "".join(words) == text.replace(" ", "")


def test_marks_belong_to_their_letters() -> None:
    """As in Devanagari, whose vowels are marks; each emoji is a word."""
    assert list(split_words(["नमस्ते दुनिया 😀😀", "e-mail"])) == [["नमस्ते", "दुनिया", "😀", "😀"], ["e-mail"]]


@given(st.lists(st.text().map(lambda text: normalised(text, lowercase=True)).filter(bool), min_size=1))
def test_characters_come_back(texts: list[str]) -> None:
    """A number each; one that training lacks is unknown, and no padding."""
    steps = TextTokens(character_tokenizer(texts))
    for text, item in zip(texts, steps.numbered(texts), strict=True):
        assert len(item) == len(text)
        assert "".join(steps.shown(item)) == text
        assert item.min(initial=2) > UNKNOWN
    assert steps.numbered(["\U0010ffff"])[0].tolist() == [UNKNOWN]


@pytest.mark.parametrize("unit", ["subword", "word", "char"])
def test_the_kept_part_of_a_long_text(tmp_path: Path, unit: Any) -> None:
    """Is its beginning or its end; of a pair that of both, with the separator, the largest number, between them."""
    steps = learn_steps(tmp_path, TEXTS, options(unit=unit))
    pair = joined(["The rain, the rain!", "the sun"], lowercase=False)
    whole = steps.numbered(["The rain, the rain!", "the sun"])
    for keep, part in (("beginning", slice(2)), ("end", slice(-2, None))):
        (item,), (cut,) = encoded(steps, [pair], options(unit=unit, max_length=2, keep=keep))
        np.testing.assert_array_equal(item, np.concatenate([whole[0][part], steps.separator, whole[1][part]]))
        assert cut
    assert not encoded(steps, ["sun"], options(unit=unit, max_length=3)).cut[0]
    assert steps.separator.flat[0] == steps.sizes[0] > max(item.reshape(len(item), -1)[:, 0].max() for item in whole)


def test_long_texts_are_told(tmp_path: Path) -> None:
    """With their number, in the unit of a step."""
    told = prepared(tmp_path, max_length=4, keep="end").notices
    (note,) = [note for note in told if "max_length" in note]
    assert note == "39 of 60 texts are longer than data.max_length, 4 words; only their end is read"
    assert Ragged(tmp_path / "out", "train.x").lengths.max() == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "char", "vocabulary": 500}, "data.vocabulary must be left out with unit char, but got 500"),
        ({"unit": "subword", "casing": False}, "data.casing must be left out with unit subword"),
        ({"unit": "char", "vectors": "x.vec"}, "data.vectors must be left out with unit char"),
        ({"unit": "word", "vectors": "x.vec", "embedding_size": 9}, "data.embedding_size must be left out with data.v"),
    ],
)
def test_options_of_other_units_are_refused(changes: dict[str, Any], message: str) -> None:
    """As they would have no effect."""
    for adapter in (TextClassificationOptions, TextRegressionOptions):
        with pytest.raises(ValueError, match=message):
            adapter(path="x.csv", **changes)


def test_words_start_from_their_vectors(tmp_path: Path) -> None:
    """And are fixed if asked; the file is part of the fingerprint, and coverage is told."""
    vectors = tmp_path / "small.vec"
    vectors.write_text("rain 1 2 3\nunheard 4 5 6\n")
    chosen = {"vectors": str(vectors), "vectors_tuned": False}
    told = prepared(tmp_path, **chosen)
    assert any(note.startswith("small.vec has vectors of 3 numbers for 1 of") for note in told.notices)
    made = options(**chosen)
    encoder = TextClassificationProblem(tmp_path / "out", made).encoder()
    assert isinstance(encoder, WordEncoder)
    item = Ragged(tmp_path / "out", "train.x")
    x = torch.from_numpy(np.concatenate([item[at] for at in range(len(item))]).astype(np.int64))[None]
    steps = steps_of(tmp_path / "out", "word")
    (rain,) = steps.numbered(["rain"])[0]
    assert encoder.words.weight[rain[0]].tolist() == [1, 2, 3]
    encoder(x)[..., :3].sum().backward()
    assert encoder.words.weight.grad is not None
    assert not encoder.words.weight.grad[rain[0]].any()
    assert encoder.words.weight.grad.any()
    adapter = TextClassification(
        TextClassificationOptions(**{**DATA["nlp/classification"](tmp_path), "unit": "word", **chosen})
    )
    before = adapter.fingerprint()
    vectors.write_text("rain 1 2 4\n")
    assert adapter.fingerprint() != before


def test_rare_words_are_unknown_in_training(tmp_path: Path) -> None:
    """Never the separator of a pair, and none in evaluation."""
    (tmp_path / "x.csv").parent.mkdir(exist_ok=True)
    with (tmp_path / "x.csv").open("w", newline="") as file:
        rows = [[f"text number {n}", f"other {n}", "ab"[n % 2]] for n in range(30)]
        csv.writer(file).writerows([["text", "other", "label"], *rows])
    (tmp_path / "out").mkdir()
    made = TextClassificationOptions(
        path=str(tmp_path / "x.csv"), text_pair="other", unit="word", word_dropout=100, characters="none", casing=False
    )
    TextClassification(made).prepare(tmp_path / "out")
    encoder = TextClassificationProblem(tmp_path / "out", made).encoder()
    assert isinstance(encoder, WordEncoder)
    assert encoder.unknown_rate_V is not None
    separator = steps_of(tmp_path / "out", "word").separator[0, 0]
    assert len(encoder.words.weight) == len(encoder.unknown_rate_V) == separator + 1
    assert encoder.unknown_rate_V[separator] == 0
    item = torch.from_numpy(Ragged(tmp_path / "out", "train.x")[0].astype(np.int64))[None]
    assert not torch.equal(encoder(item), encoder.eval()(item))
    assert torch.equal(encoder(item)[0], encoder.words.weight[item[0, :, 0]])


WALK = "今天天气很好我们去公园散步吧一起走走看看风景真美"
QUESTION = "Which city has the oldest bridge ?"
PLAY = "To be, or not to be: that is the question. Whether it is nobler, he asks, to suffer."


@pytest.mark.parametrize(
    ("lines", "unit", "why"),
    [
        (
            [f"{('LOC:city', 'NUM:date')[n % 2]} {QUESTION}" for n in range(12)],
            "word",
            "short texts, 7 words on average",
        ),
        ([f"{('good', 'bad')[n % 2]}\t{WALK}" for n in range(12)], "char", "not separated by spaces"),
        ([f"{('good', 'bad')[n % 2]}\t{PLAY * 4}" for n in range(12)], None, ""),
        ([PLAY.replace(",", " ,").replace(".", " .").replace(":", " :")] * 12, "word", "signs have spaces before them"),
        ([PLAY] * 12, "char", "characters need no vocabulary"),
    ],
)
def test_init_proposes_the_unit_by_the_texts(lines: list[str], unit: str | None, why: str, tmp_path: Path) -> None:
    """Words of short texts and where signs stand apart, characters where words do; else the adapter's own."""
    (tmp_path / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    seen = glimpse(tmp_path / "texts.txt")
    proposal = propose_classification(seen) or propose_language_modelling(seen)
    assert proposal is not None
    found = [line for line in proposal.lines if line.key == ("data", "unit")]
    assert [line.value for line in found] == ([] if unit is None else [unit])
    assert all(why in line.why and line.guessed for line in found)
