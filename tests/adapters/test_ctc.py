"""CTC: its loss, its searches and its scores beside what counts every path."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.support.adapter_data import transcribed
from tests.support.recognition import collapsed
from tuner.adapters.base import Batch
from tuner.adapters.speech.recognition.adapter import Recognition
from tuner.adapters.speech.recognition.arpa import BEGIN, NGrams, WordScorer
from tuner.adapters.speech.recognition.decoding import best_paths, best_prefix, transcript_of
from tuner.adapters.speech.recognition.options import RecognitionOptions, UnitKind
from tuner.adapters.speech.recognition.problem import RecognitionProblem
from tuner.adapters.speech.recognition.scoring import constant_nats, error_rates
from tuner.adapters.speech.recognition.units import Units, needed
from tuner.errors import DataError


def summed(p_SK: Tensor) -> dict[tuple[int, ...], Tensor]:
    """The probability of each transcript, the sum over all paths."""
    steps, units = p_SK.shape
    found: dict[tuple[int, ...], Tensor] = defaultdict(lambda: p_SK.new_zeros(()))
    for path in itertools.product(range(units), repeat=steps):
        found[collapsed(path)] = found[collapsed(path)] + p_SK[range(steps), path].prod()
    return found


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> RecognitionProblem:
    """Three words, and one that training lacks."""
    options = RecognitionOptions(**transcribed(units="words")(tmp_path_factory.mktemp("data")))
    folder: Path = tmp_path_factory.mktemp("prepared")
    Recognition(options).prepare(folder)
    made = Recognition(options).problem(folder)
    made.units = Units("words", made.units.names, unseen=["four"])
    return made


def test_the_loss_is_that_of_all_paths(problem: RecognitionProblem) -> None:
    """It and its gradient, of transcripts of unequal length in a padded batch, and of what no path gives."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, 5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    said, lengths = [(0,), (1, 1), (0, 2, 0), (2, 2, 2), (1, 3)], [5, 4, 5, 4, 5]
    y = torch.tensor([[*each, *[-1] * (3 - len(each))] for each in said])
    batch = Batch(torch.zeros(5, 5, 1), torch.tensor(lengths), y)
    nats = [
        -summed(scores[row, :length].softmax(-1))[tuple(unit + 1 for unit in each)].log()
        for row, (each, length) in enumerate(zip(said[:3], lengths[:3], strict=True))
    ]
    wanted = torch.stack(nats).sum() / 6
    loss = problem.loss(scores, batch)
    torch.testing.assert_close(loss, wanted, atol=1e-12, rtol=1e-12)
    (gradient,), (wanted_gradient,) = (torch.autograd.grad(each, scores, retain_graph=True) for each in (loss, wanted))
    torch.testing.assert_close(gradient, wanted_gradient, atol=1e-9, rtol=1e-9)
    assert problem.nats(scores, batch)[1].tolist() == [True, True, True, False, False]
    assert problem.evaluate([problem.reduce(scores.detach(), batch)], [batch])["impossible"] == 2


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 5), units=st.integers(2, 4), sharp=st.floats(0.2, 6))
def test_a_wide_beam_finds_the_likeliest_transcript(seed: int, steps: int, units: int, sharp: float) -> None:
    """With its probability, that of all its paths; a narrow one finds none that is likelier."""
    scores = sharp * torch.randn(steps, units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    every = {transcript: float(p) for transcript, p in summed(scores.softmax(-1)).items()}
    likeliest_one = max(every.values())
    log_p = scores.log_softmax(-1).numpy()
    found, log_of_it = best_prefix(log_p, 1000)
    assert math.exp(log_of_it) == pytest.approx(likeliest_one)
    assert every[tuple(found)] == pytest.approx(likeliest_one)
    for beam in (2, 3):
        narrow, log_of_narrow = best_prefix(log_p, beam)
        assert math.exp(log_of_narrow) <= every[tuple(narrow)] * (1 + 1e-9)


def test_a_beam_gathers_paths_that_the_likeliest_step_misses() -> None:
    """Graves's example: the likeliest path is all blanks, the likeliest transcript is a unit."""
    log_p = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    lengths = torch.tensor([2])
    assert best_paths(log_p, lengths, 1).tolist() == [[0, 0]]
    assert [transcript_of(path).tolist() for path in best_paths(log_p, lengths, 2)] == [[1]]


def test_the_likeliest_steps_are_collapsed() -> None:
    """Equal neighbours are one, but with a blank between them; padding is nothing."""
    path = torch.tensor([[1, 1, 0, 1, 2, 2], [2, 1, 1, 1, 2, 2]])
    found = best_paths(torch.nn.functional.one_hot(path, 3).double(), torch.tensor([6, 4]), 1)
    assert found.tolist() == [[1, 1, 0, 1, 2, 2], [2, 1, 1, 1, 0, 0]]
    assert [transcript_of(row).tolist() for row in found] == [[1, 1, 2], [2, 1]]


def test_padding_changes_nothing(problem: RecognitionProblem) -> None:
    """Loss and transcript of a recording are the same alone and beside longer ones, whatever stands in the padding."""
    scores = torch.randn(3, 9, 4, generator=torch.Generator().manual_seed(1))
    lengths, y = torch.tensor([4, 9, 6]), torch.tensor([[0, -1, -1], [1, 1, 2], [2, 0, -1]])
    together = problem.reduce(scores, Batch(torch.zeros(3, 9, 1), lengths, y))
    for row, length in enumerate(lengths.tolist()):
        own = y[row : row + 1, : int((y[row] >= 0).sum())]
        alone = problem.reduce(scores[row : row + 1, :length], Batch(torch.zeros(1, length, 1), None, own))
        torch.testing.assert_close(together[row, : 2 + length], alone[0])
        assert not together[row, 2 + length :].any()


@settings(max_examples=30)
@given(data=st.data())
def test_a_constant_distribution_has_the_loss_of_torch(data: st.DataObject) -> None:
    """Of any transcripts that a path gives."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    units = [rng.integers(1, 4, rng.integers(1, 5)).astype(np.int32) for _ in range(4)]
    steps = [needed(each.tolist()) + int(rng.integers(0, 6)) for each in units]
    share = rng.dirichlet(np.ones(4))
    log_p = torch.from_numpy(np.log(share)).expand(max(steps), 4, 4)
    wanted = torch.nn.functional.ctc_loss(
        log_p,
        torch.from_numpy(np.concatenate(units)),
        torch.tensor(steps),
        torch.tensor(list(map(len, units))),
        reduction="sum",
    )
    assert constant_nats(units, steps, share) == pytest.approx(wanted.item())


def edits(truth: list[str], answer: list[str]) -> int:
    """Least number of insertions, deletions and substitutions, by the book."""
    row = list(range(len(answer) + 1))
    for i, one in enumerate(truth, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(answer, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


said_words = st.lists(st.sampled_from(["a", "bb", "c"]), min_size=1, max_size=6)
heard_words = st.lists(st.sampled_from(["a", "bb", "c", "d"]), max_size=6)


@settings(max_examples=50)
@given(pairs=st.lists(st.tuples(said_words, heard_words), min_size=1, max_size=5))
def test_error_rates_are_counted_edits(pairs: list[tuple[list[str], list[str]]]) -> None:
    """Over all recordings; their three kinds are all of them."""
    truth, answers = ([" ".join(each) for each in part] for part in zip(*pairs, strict=True))
    found = error_rates(truth, answers, "words")
    said = sum(len(one) for one, _ in pairs)
    assert found["wer"] == pytest.approx(sum(edits(*pair) for pair in pairs) / said)
    assert found["insertions"] + found["deletions"] + found["substitutions"] == pytest.approx(found["wer"])
    letters = sum(edits(list(one), list(other)) for one, other in zip(truth, answers, strict=True))
    assert found["cer"] == pytest.approx(letters / sum(map(len, truth)))
    assert found["empty"] == pytest.approx(sum(not answer for answer in answers) / len(answers))
    phones = error_rates(truth, answers, "phones")
    assert (phones["per"], "wer" in phones) == (found["wer"], False)


ARPA = """
\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-1.0\t<s>\t-0.5
-0.7\t</s>
-0.4\tone\t-0.3
-0.9\ttwo\t-0.2
-2.0\t<unk>

\\2-grams:
-0.1\t<s> one
-0.2\tone two
-0.3\ttwo </s>

\\end\\
"""


def test_a_language_model_backs_off() -> None:
    """A pair that is listed has its own probability; another one that of the word, and what leaving the pair costs."""
    model = NGrams(ARPA, "a.arpa")
    ten = math.log(10)
    assert model.score((BEGIN,), "one") == pytest.approx(-0.1 * ten)
    assert model.score((BEGIN, "one"), "two") == pytest.approx(-0.2 * ten)
    assert model.score((BEGIN, "two", "one"), "one") == pytest.approx((-0.3 - 0.4) * ten)
    assert model.score((BEGIN,), "three") == pytest.approx((-0.5 - 2.0) * ten)
    assert model.score(("three",), "</s>") == pytest.approx(-0.7 * ten)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("no model", r"a\.arpa: a language model must be in the ARPA format"),
        (ARPA.replace("-0.9", "x"), r"a\.arpa:10: a line of 1-grams must have a log10 probability"),
        (ARPA.replace("one two", "one"), r"a\.arpa:15: a line of 2-grams must have"),
        (ARPA.replace("-0.9", "0.9"), r"a\.arpa:10: a line of 1-grams"),
    ],
)
def test_a_damaged_language_model_is_named(text: str, rule: str) -> None:
    """With its line."""
    with pytest.raises(DataError, match=rule):
        NGrams(text, "a.arpa")


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["words", "characters", "subwords"]))
def test_a_beam_weighs_words_and_recording_as_all_transcripts_do(seed: int, kind: UnitKind) -> None:
    """The sum of both is the largest of all; words of letters count once they are whole."""
    names = {"words": ["one", "two", "three"], "characters": [" ", "a", "b"], "subwords": ["Ġa", "b", "Ġ"]}
    units = Units(kind, names[kind])
    model = NGrams(ARPA if kind == "words" else ARPA.replace("one", "a").replace("two", "b"), "a.arpa")
    scorer = WordScorer(units, model, 0.8, 0.6)
    scores = 2 * torch.randn(5, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def worth(transcript: tuple[int, ...], p: float) -> float:
        words = units.text(transcript).split()
        pairs = zip([(BEGIN, *words[:place]) for place in range(len(words) + 1)], [*words, "</s>"], strict=True)
        return math.log(p) + 0.8 * sum(model.score(*pair) for pair in pairs) + 0.6 * len(words)

    every = {transcript: worth(transcript, float(p)) for transcript, p in summed(scores.softmax(-1)).items()}
    found, total = best_prefix(scores.log_softmax(-1).numpy(), 10_000, scorer)
    assert total == pytest.approx(max(every.values()))
    assert every[tuple(found)] == pytest.approx(total)
