"""Where words and units are said: forced alignment against all paths, and its answers in seconds."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.support.adapter_data import said
from tests.support.models import made_model
from tests.support.recognition import collapsed
from tuner.adapters.speech.recognition.codec import RecognitionCodec
from tuner.adapters.speech.recognition.decoding import best_paths, transcript_of
from tuner.adapters.speech.recognition.options import RecognitionAsked, UnitKind
from tuner.adapters.speech.recognition.spans import Span, aligned, unit_spans, word_spans
from tuner.adapters.speech.recognition.units import Units
from tuner.predict import load


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 5), units=st.integers(2, 4), sharp=st.floats(0.2, 6))
def test_an_alignment_is_the_best_of_all_paths(seed: int, steps: int, units: int, sharp: float) -> None:
    """Of every transcript that has one, with its probability; that of the likeliest steps is the greedy path."""
    scores = sharp * torch.randn(steps, units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    log_p = scores.log_softmax(-1).numpy()
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in itertools.product(range(units), repeat=steps):
        worth = float(log_p[range(steps), path].sum())
        best[collapsed(path)] = max(best.get(collapsed(path), (-math.inf, path)), (worth, path))
    for transcript, (worth, path) in best.items():
        found = aligned(log_p, transcript)
        assert found.tolist() == list(path)
        assert log_p[range(steps), found].sum() == pytest.approx(worth, abs=1e-12)
    batch, lengths = torch.from_numpy(log_p)[None], torch.tensor([steps])
    (greedy,) = best_paths(batch, lengths, 1)
    assert greedy.tolist() == aligned(log_p, transcript_of(greedy).tolist()).tolist()
    (searched,) = best_paths(batch, lengths, 50)
    assert searched.tolist() == list(best[tuple(transcript_of(searched).tolist())][1])


@pytest.mark.parametrize(
    ("kind", "names", "words", "units"),
    [
        ("characters", [" ", "a", "b"], [("ab", 1, 4), ("b", 9, 9)], ["a", "b", " ", "b"]),
        ("subwords", ["Ġ", "Ġa", "b"], [("ab", 1, 4), ("b", 9, 9)], [" a", "b", " ", "b"]),
        ("words", ["go", "a", "b"], [("a", 1, 2), ("b", 4, 4), ("go", 6, 7), ("b", 9, 9)], ["a", "b", "go", "b"]),
    ],
)
def test_words_span_their_units(
    kind: UnitKind, names: list[str], words: list[tuple[str, int, int]], units: list[str]
) -> None:
    """From the first step of the first to the last step of the last; equal steps are one unit, but for a blank."""
    path = [0, 2, 2, 0, 3, 0, 1, 1, 0, 3]
    of = Units(kind, names)
    assert word_spans(path, of) == [Span(*word) for word in words]
    places = [(1, 2), (4, 4), (6, 7), (9, 9)]
    assert unit_spans(path, of) == [Span(unit, *place) for unit, place in zip(units, places, strict=True)]
    assert word_spans([0, 0], of) == unit_spans([0, 0], of) == []
    assert [span.text for span in unit_spans([2, 0, 2], of)] == [units[0]] * 2


def test_answers_are_told_in_seconds(tmp_path: Path) -> None:
    """From the recording's beginning, whatever silence is cut; the probability is that of the units at their steps."""
    model = load(made_model(tmp_path, "speech/recognition: words", {"data.trim_db": 30.0, "data.stride": 2}))
    codec = model.codec
    assert isinstance(codec, RecognitionCodec)
    codec.asked = RecognitionAsked(spans="words")
    sound = said("one two", np.random.default_rng(0))
    soundfile.write(tmp_path / "a.wav", np.concatenate([np.zeros(8000), sound]), 8000)
    (item,) = codec.read(tmp_path / "a.wav")
    one, two = (codec.problem.units.names.index(word) + 1 for word in ("one", "two"))
    assert item.x is not None
    scores = torch.zeros(1, len(item.x), 4)
    scores[..., 0] = 5
    for step, unit in ((3, one), (4, one), (7, two)):
        scores[0, step, 0], scores[0, step, unit] = 0, 5

    def network(x: Tensor, lengths: Tensor | None) -> Tensor:
        assert lengths is None
        assert x.shape[1] == scores.shape[1]
        return scores

    (rows,) = codec.answer(network, [item], proba=False)
    begin = 0.97  # frame 99 is the first with enough of the sound, and two before it are kept
    p = pytest.approx(math.exp(5) / (math.exp(5) + 3))
    assert rows == [
        {"path": str(tmp_path / "a.wav"), "start": pytest.approx(begin + 0.06), "end": pytest.approx(begin + 0.10),
         "text": "one", "probability": p},
        {"path": str(tmp_path / "a.wav"), "start": pytest.approx(begin + 0.14), "end": pytest.approx(begin + 0.16),
         "text": "two", "probability": p},
    ]  # fmt: skip
    assert list(rows[0]) == list(codec.columns(proba=False))


def test_spans_make_up_the_transcript(tmp_path: Path) -> None:
    """Words in their order are the text, units spell it; a recording without a word, or a damaged one, has a row."""
    model = load(made_model(tmp_path, "speech/recognition: subwords"))
    (tmp_path / "data/torn.wav").write_bytes(b"RIFF")
    plain = model.predict(tmp_path / "data")
    texts = dict(zip(plain["path"], plain["text"].fillna(""), strict=True))
    assert any(texts.values())
    for spans in ("words", "units"):
        found = model.predict(tmp_path / "data", spans=spans)
        assert list(found) == ["path", "start", "end", "text", "probability", "problem"]
        assert (found.problem != "").sum() == 1
        assert found.path.drop_duplicates().tolist() == list(texts)
        for path, rows in found.groupby("path"):
            heard = rows[rows.start.notna()]
            joined = (" " if spans == "words" else "").join(heard.text)
            assert " ".join(joined.split()) == texts[path]
            assert (heard.end > heard.start).all()
            assert (heard.start.to_numpy()[1:] >= heard.end.to_numpy()[:-1] - 1e-9).all()
            assert heard.probability.between(0, 1).all()
