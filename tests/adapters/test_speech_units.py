"""Units of CTC: subwords that are learned from training transcripts, and words from units of every kind."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.adapter_data import transcribed
from tests.support.recognition import prepared, record, write
from tuner.adapters.base import Batch
from tuner.adapters.ragged import Ragged
from tuner.adapters.speech.recognition.adapter import Recognition
from tuner.adapters.speech.recognition.options import RecognitionOptions, UnitKind
from tuner.adapters.speech.recognition.units import Units, learned, needed, spelled, splitter

TEXTS = ["low lower lowest", "new newer newest", "wide wider widest", "low new low", "é über ñ"]


def merged(texts: list[str], merges: int) -> list[list[str]]:
    """The pieces of each text, by Sennrich's algorithm: the most frequent pair within words is merged, again and again.

    Where pairs are as frequent, all that follows may differ, which the caller avoids.
    """
    words = [[list(" " + word) for word in text.split()] for text in texts]
    for _ in range(merges):
        counts = Counter(pair for text in words for word in text for pair in pairwise(word))
        (best, most), *others = counts.most_common()
        assert all(count < most for _, count in others), "the pairs must differ in their counts"
        for text in words:
            for word in text:
                place = 0
                while place < len(word) - 1:
                    if (word[place], word[place + 1]) == best:
                        word[place : place + 2] = ["".join(best)]
                    place += 1
    return [[piece for word in text for piece in word] for text in words]


def options(**more: Any) -> RecognitionOptions:
    """Of subwords."""
    return RecognitionOptions(path="x", units="subwords", **more)


def test_subwords_are_byte_pair_merges() -> None:
    """The letters of the transcripts and as many merges as the vocabulary has room for."""
    texts = ["ab ab ab", "ab ab cab", "cab cab cd"]
    for merges in range(4):
        split = splitter(options(vocabulary=5 + merges), texts)
        wanted = merged(texts, merges)
        assert [[spelled(unit, "subwords") for unit in split(text)] for text in texts] == wanted
    assert splitter(options(vocabulary=2), texts)("cab") == splitter(options(vocabulary=5), texts)("cab")


@given(st.lists(st.sampled_from(TEXTS), min_size=1), st.integers(2, 60))
def test_subwords_join_to_what_was_said(texts: list[str], vocabulary: int) -> None:
    """No transcript has more units than allowed, but for single letters; read back, they are the same."""
    split = splitter(options(vocabulary=vocabulary), TEXTS)
    names = learned(map(split, TEXTS), "subwords", "x")
    letters = {32}.union(*(text.encode() for text in TEXTS))
    assert len(names) <= max(vocabulary, len(letters))
    units = Units("subwords", names)
    for text in texts:
        numbers = units.numbers(split(text)).tolist()
        assert units.text(numbers) == text
        assert [word for word, _ in units.words(numbers)] == text.split()


SPELLED: dict[UnitKind, list[str]] = {
    "characters": [" ", "a", "b", "é"],
    "subwords": ["Ġa", "b", "Ġ", "Ã", "©", "Â", "ħ"],
    "words": ["ab", "a", "b"],
    "phones": ["AH0", "B"],
}


@given(st.data(), st.sampled_from(list(SPELLED)))
def test_words_of_any_answer(data: st.DataObject, kind: UnitKind) -> None:
    """A network may say units in any order: words are those of the text, their places ascend, and what is whole stays.

    The bytes of a character may come apart.
    """
    units = Units(kind, SPELLED[kind])
    numbers = data.draw(st.lists(st.integers(1, len(SPELLED[kind])), max_size=8))
    words = units.words(numbers)
    assert [word for word, _ in words] == units.text(numbers).split()
    places = [place for _, each in words for place in each]
    assert places == sorted(places)
    assert all(units.text([numbers[place] for place in each]) == word for word, each in words)
    for more in range(1, len(SPELLED[kind]) + 1):
        assert units.text([*numbers, more]).split()[: len(units.whole(numbers))] == units.whole(numbers)
    assert units.whole(numbers) in ([word for word, _ in words], [word for word, _ in words][:-1])


def test_length_is_counted_in_subwords(tmp_path: Path) -> None:
    """A transcript that is too long in characters has a path in subwords; equal neighbours need one step more."""
    rows = [("one", "train")] * 6 + [("one one", "train"), ("one", "val"), ("two", "test")]
    for number, (text, _) in enumerate(rows):
        record(tmp_path / f"{number}.wav", text.split()[0])
    lines = [f"{number}.wav,{text},{part}" for number, (text, part) in enumerate(rows)]
    path = str(write(tmp_path / "list.csv", "path,text,part", *lines))
    given = {"path": path, "split": "part", "hop_ms": 5.0}
    steps = prepared(tmp_path / "one", **given, stride=1).counts
    frames = Ragged(tmp_path / "one", "train.x").lengths[0]
    assert steps["train"] == 7
    for vocabulary, least in ((4, 8), (20, 3)):
        stride = int(-(-frames // (least - 1)))
        made = prepared(tmp_path / f"{vocabulary}", **given, units="subwords", vocabulary=vocabulary, stride=stride)
        told = "\n".join(made.notices)
        assert f"1 of 7 train recordings have too few steps for their transcript, such as {path}:8 (" in told
        assert f", and {least} needed)" in told
        assert made.counts["train"] == 6
        assert "subwords of test that no training transcript has: " in told
        assert made.trivial["test"]["impossible"] == 1
    assert needed(["Ġone", "Ġone"]) == 3


def test_subwords_are_scored_as_text(tmp_path: Path) -> None:
    """Word and character errors are those of the joined text, and the loss is per unit."""
    chosen = transcribed(units="subwords", vocabulary=12, stride=1)(tmp_path)
    made = prepared(tmp_path / "made", **chosen)
    problem = Recognition(RecognitionOptions(**chosen)).problem(tmp_path / "made")
    assert len(problem.units.names) <= 12
    assert any(len(name) > 1 for name in problem.units.names)
    (batch,) = problem.dataset("val").batches(4)
    said = [problem.units.text((y[y >= 0] + 1).tolist()) for y in batch.y]
    assert {word for text in said for word in text.split()} <= {"one", "two", "three"}
    heard = torch.zeros(4, batch.x.shape[1], len(problem.units.names) + 1)
    for row, y in enumerate(batch.y):
        for place, unit in enumerate((y[y >= 0] + 1).tolist()[: -1 if row == 0 else None]):
            heard[row, 2 * place, unit] = 30.0  # at every second step, the blank between them
        heard[row, :, 0] = 15.0
    scores = problem.evaluate([problem.reduce(heard, batch)], [batch])
    words = sum(len(text.split()) for text in said)
    assert scores["wer"] == pytest.approx(1 / words)
    assert set(scores) == set(made.trivial["val"])


def test_vocabulary_prepares_anew_and_is_of_subwords_alone(tmp_path: Path) -> None:
    """It is a dimension of a search; studies begun before it have their data still."""
    chosen = transcribed()(tmp_path)

    def digest(**more: Any) -> str:
        return Recognition(RecognitionOptions(**{**chosen, **more})).fingerprint()

    of_subwords = {digest(units="subwords", vocabulary=size) for size in (10, 20)}
    assert len({digest(), digest(units="subwords"), *of_subwords}) == 4
    assert "vocabulary" not in RecognitionOptions(**chosen).used({"path"})
    with pytest.raises(ValidationError, match=r"data\.vocabulary must be left out with units characters, but got 20"):
        RecognitionOptions(path="x", vocabulary=20)


def test_a_model_needs_no_tokenizer(tmp_path: Path) -> None:
    """Facts alone turn answers into text, in whatever script."""
    rows = ["path,text"]
    for number in range(5):
        record(tmp_path / f"{number}.wav")
        rows.append(f"{number}.wav,日本 語")
    prepared(tmp_path / "made", path=str(write(tmp_path / "list.csv", *rows)), units="subwords", stride=1)
    codec = Recognition(RecognitionOptions(path="gone", units="subwords", stride=1)).codec(tmp_path / "made")
    y = Ragged(tmp_path / "made", "train.y")
    assert codec.problem.units.text(y[0].tolist()) == "日本 語"
    batch = Batch(torch.zeros(1, 9, codec.problem.inputs), None, torch.as_tensor(y[0].astype("int64") - 1)[None])
    assert codec.problem.nats(torch.zeros(1, 9, len(codec.problem.units.names) + 1), batch)[1].all()
