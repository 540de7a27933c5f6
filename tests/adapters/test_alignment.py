"""What was recognized beside what was said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.adapter_data import transcribed
from tuner.adapters.base import Batch
from tuner.adapters.speech.recognition.adapter import Recognition
from tuner.adapters.speech.recognition.alignment import MOST_PLACES, MOST_UTTERANCES, Word, misheard
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.recognition.units import splitter


def heard(text: str) -> list[Word]:
    """Its words, from half a second on."""
    return [Word(word, 0.5 + place, 0.75 + place) for place, word in enumerate(text.split())]


def test_errors_are_aligned_word_by_word() -> None:
    """The worst recording first; errors are counted over all; what is right is not shown."""
    found = misheard(
        ["one two three", "four", "one two", "five six"],
        [heard("one three three"), heard("four"), heard(""), heard("five nine six")],
    )
    assert (found.recordings, found.faultless) == (4, 1)
    assert [one["errors"] for one in found.utterances] == [2, 1, 1]
    pairs = [[(word["said"], word["heard"]) for word in one["words"]] for one in found.utterances]
    assert pairs == [
        [("one", ""), ("two", "")],
        [("one", "one"), ("two", "three"), ("three", "three")],
        [("five", "five"), ("", "nine"), ("six", "six")],
    ]
    assert [word["at"] for word in found.utterances[2]["words"]] == [0.5, 1.5, 2.5]
    assert [word["until"] for word in found.utterances[2]["words"]] == [0.75, 1.75, 2.75]
    assert [word["at"] for word in found.utterances[0]["words"]] == [None, None]
    assert sorted(tuple(one.values()) for one in found.confusions) == [
        ("", "nine", 1),
        ("one", "", 1),
        ("two", "", 1),
        ("two", "three", 1),
    ]


def test_without_an_error_a_few_are_shown() -> None:
    """Their alignment in time is worth a look, too."""
    found = misheard(["one"] * 5, [heard("one")] * 5)
    assert [one["errors"] for one in found.utterances] == [0, 0, 0]
    assert found.confusions == []


def test_what_nobody_could_read_is_not_recorded() -> None:
    """Neither many recordings nor long ones."""
    many = misheard(["one two " * 50] * 30, [heard("two")] * 30)
    assert (len(many.utterances), many.recordings) == (MOST_UTTERANCES, 30)
    assert {len(one["words"]) for one in many.utterances} == {MOST_PLACES}
    assert many.confusions[0] == {"said": "one", "heard": "", "count": 1500}


@pytest.mark.parametrize(("kind", "beam"), [("words", 1), ("words", 4), ("characters", 1)])
def test_words_are_found_where_their_first_unit_is(kind: str, beam: int, tmp_path: Path) -> None:
    """In seconds, by steps of the network, to the end of their last one."""
    options = RecognitionOptions(**transcribed(units=kind, beam=beam, stride=2, hop_ms=20.0)(tmp_path))
    (tmp_path / "made").mkdir()
    Recognition(options).prepare(tmp_path / "made")
    problem = Recognition(options).problem(tmp_path / "made")
    said, spoken = "one three", "one two"
    split = splitter(options, [said])
    y = torch.from_numpy(problem.units.numbers(split(said))).long()[None] - 1
    numbers = problem.units.numbers(split(spoken)).tolist()
    row = torch.zeros(1, 2 + 40, dtype=torch.float64)
    row[0, 2 + 5 : 2 + 5 + 3 * len(numbers) : 3] = torch.tensor(numbers, dtype=torch.float64)
    (one,) = problem.shown([row], [Batch(torch.zeros(1, 40, problem.inputs), None, y)]).utterances
    first, last = (3 * spoken.index("t"), 3 * len(spoken) - 3) if kind == "characters" else (3, 3)
    end = 6 if kind == "characters" else 0
    assert [tuple(word.values()) for word in one["words"]] == [
        ("one", "one", 0.2, pytest.approx(0.04 * (6 + end))),
        ("three", "two", pytest.approx(0.04 * (5 + first)), pytest.approx(0.04 * (6 + last))),
    ]
