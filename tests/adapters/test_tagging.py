"""Tagged sentences: what is read, what is refused, and what the network is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tuner.adapters.base import Batch, Prepared
from tuner.adapters.nlp.tagging.adapter import Tagging
from tuner.adapters.nlp.tagging.heads import IntentHead
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.reading import Sentence, read_tagged
from tuner.adapters.nlp.words import CASINGS, Numbering, casing, learned
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError

CONLLU = """\
# text = don't go
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVB\t_\t0\t_\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\t_\t_\t_
2.1\tto\t_\t_\t_\t_\t_\t_\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t1\t_\t_\t_

# text = #
1\t#\t#\tSYM\tNFP\t_\t0\t_\t_\t_
"""
COLUMNS = """\
-DOCSTART- -X- O

U.N. NNP I-ORG
# NN O

Ann NNP I-PER
"""


def read(folder: Path, name: str, text: str, **options: Any) -> list[Sentence]:
    """The sentences of a file that is written."""
    (folder / name).write_text(text)
    return read_tagged(folder / name, TaggingOptions(path=name, **options))


def prepared(folder: Path, **options: Any) -> Prepared:
    """What comes of preparing data below a folder."""
    (folder / "made").mkdir()
    return Tagging(TaggingOptions(**options)).prepare(folder / "made")


def test_conllu_leaves_out_ranges_and_empty_nodes(tmp_path: Path) -> None:
    """Multiword tokens and empty nodes are no words; each word knows its line; a column is found by its name."""
    first, second = read(tmp_path, "a.conllu", CONLLU)
    assert (first.words, first.tags) == (["do", "n't", "go"], ["AUX", "PART", "VERB"])
    assert first.place(2) == f"{tmp_path}/a.conllu:6"
    assert (second.words, second.tags) == (["#"], ["SYM"])
    by_name = read(tmp_path, "b.conllu", CONLLU.replace("\n", "\r\n"), words="LEMMA", tags="xpos")
    assert [sentence.words for sentence in by_name] == [["do", "not", "go"], ["#"]]
    assert by_name[0].tags == ["VB", "RB", "VB"]


def test_conllu_plus_names_its_columns(tmp_path: Path) -> None:
    """The first line says which columns there are."""
    (only,) = read(tmp_path, "a.conllup", "# global.columns = FORM NER:ENT\nAnn\tB-per\n", tags="ent")
    assert (only.words, only.tags) == (["Ann"], ["B-per"])


def test_columns_take_the_first_and_the_last(tmp_path: Path) -> None:
    """Documents are parted, comments are left out, a token # stays; numbers name other columns."""
    first, second = read(tmp_path, "a.conll", "# id 1 domain=en x\n" + COLUMNS)
    assert (first.words, first.tags, second.words) == (["U.N.", "#"], ["I-ORG", "O"], ["Ann"])
    assert read(tmp_path, "b.txt", COLUMNS, tags="2")[0].tags == ["NNP", "NN"]
    assert read(tmp_path, "c.tsv", "New York\tB-city\n", tags="-1")[0].words == ["New York"]


@pytest.mark.parametrize(
    ("name", "text", "line", "rule"),
    [
        ("a.conllu", CONLLU.replace("go\tgo\tVERB", "go\tVERB"), 6, "a line must have 10 columns"),
        ("a.conllu", CONLLU.replace("\n3\t", "\nthree\t"), 6, "the column id must be"),
        ("a.conllu", CONLLU.replace("\tVERB\t", "\t\t"), 6, "the column upos must not be empty"),
        ("a.conll", COLUMNS + "Lee NNP\n", 7, "a line must have 3 columns like the first line"),
        ("a.conll", COLUMNS + "Lee NNP I-PER O\n", 7, "a line must have 3 columns like the first line"),
        ("a.jsonl", '{"tokens": ["a"], "tags": ["X"]}\n{"tokens": ["a", "b"], "tags": ["X"]}', 2, "tags must have"),
        ("a.jsonl", '{"tokens": "a", "tags": ["X"]}', 1, "tokens must be a list of texts"),
        ("a.jsonl", '{"tokens": [""], "tags": ["X"]}', 1, "tokens must have no empty text"),
        ("a.jsonl", '{"tokens": ["\\ud800"], "tags": ["X"]}', 1, "tokens must have no half"),
        ("a.jsonl", '{"token": ["a"], "tags": ["X"]}', 1, "there must be a key 'tokens'"),
        ("a.jsonl", '["a"]', 1, "the line must be a JSON object"),
        ("a.jsonl", "{", 1, "the line must be valid JSON"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, name: str, text: str, line: int, rule: str) -> None:
    """File and line, and what must hold."""
    with pytest.raises(DataError) as error:
        read(tmp_path, name, text)
    assert error.value.where == f"{tmp_path / name}:{line}"
    assert error.value.rule.startswith(rule)


def test_pairs_of_files_must_go_together(tmp_path: Path) -> None:
    """A tag per word, a line per line; a sentence without a word keeps its line."""
    tags = tmp_path / "a.seq.out"
    with pytest.raises(DataError, match=r"there must be a file of its tags, a\.seq\.out"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n")
    tags.write_text("O O\n\nO B-city\n")
    assert [len(sentence.words) for sentence in read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n")] == [2, 0, 2]
    tags.write_text("O O\n\nO\n")
    with pytest.raises(DataError, match=r"a\.seq\.out:3: the line must have a tag per word, 2, but got 1"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n")
    tags.write_text("O O\n")
    with pytest.raises(DataError, match=r"a\.seq\.out must have as many lines as a\.seq\.in, 3, but got 1"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n")


def test_intents_stand_beside_sentences(tmp_path: Path) -> None:
    """In a file of their own, under a key, or in a comment; a sentence that lacks one is named."""
    (tmp_path / "a.seq.out").write_text("O O\n\nO B-city\n")
    (tmp_path / "a.label").write_text("fly\n\ngo#far\n")
    pairs = read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n", intent="label")
    assert [sentence.intent for sentence in pairs] == ["fly", "", "go#far"]
    rows = '{"tokens": ["a"], "tags": ["X"], "asks": " why "}'
    assert read(tmp_path, "a.jsonl", rows, intent="asks")[0].intent == "why"
    conllu = CONLLU.replace("# text = don't go", "# intent: tell me") + "\n"
    with pytest.raises(DataError, match=r"a\.conllu:8: there must be a comment `# intent = \.\.\.` before"):
        read(tmp_path, "a.conllu", conllu.replace("# text = #\n", ""), intent="intent")
    with_both = conllu.replace("# text = #", "# text = #\n# intent = count")
    assert [one.intent for one in read(tmp_path, "b.conllu", with_both, intent="intent")] == ["tell me", "count"]
    columns = COLUMNS.replace("U.N.", "# intent: a\nU.N.")
    assert read(tmp_path, "c.conll", columns.replace("Ann", "# intent = b c\nAnn"), intent="intent")[1].intent == "b c"
    with pytest.raises(DataError, match=r"d\.conll:7: there must be a comment"):
        read(tmp_path, "d.conll", columns, intent="intent")
    with pytest.raises(DataError, match=r"a\.jsonl:1: the key 'ask' must be there.*Did you mean 'asks'"):
        read(tmp_path, "a.jsonl", rows, intent="ask")
    (tmp_path / "a.label").write_text("fly\n\n \n")
    with pytest.raises(DataError, match=r"a\.label must have as many lines as a\.seq\.in, 3, but got 1"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n", intent="label")
    (tmp_path / "a.label").write_text("\n\nfly\n")
    with pytest.raises(DataError, match=r"a\.label:1: the line must have the sentence's intent"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n", intent="label")
    with pytest.raises(DataError, match=r"there must be a file of its intents, a\.intents"):
        read(tmp_path, "a.seq.in", "fly home\n\nto Rome\n", intent="intents")


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_intents_are_learned_beside_the_tags(tmp_path: Path, decoder: Any) -> None:
    """Their loss is added with its weight; what training has not seen counts as wrong, and in no loss."""
    asks = {"train": ["x", "y", "x"], "val": ["x", "x", "z"], "test": ["y", "y", "x"]}
    for name, intents in asks.items():
        rows = [
            {"tokens": ["a"] * (number + 1), "tags": ["O" if number else "B-s"] * (number + 1), "asks": intent}
            for number, intent in enumerate(intents)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given: dict[str, Any] = {"path": str(tmp_path), "intent": "asks", "scheme": "bio", "decoder": decoder}
    made = prepared(tmp_path, **given)
    assert f"sentences of val whose intent no training sentence has: 1, such as 'z' at {tmp_path}/val.jsonl:3" in "\n".join(made.notices)  # fmt: skip  # noqa: E501
    assert made.trivial["test"]["intent_accuracy"] == pytest.approx(1 / 3)
    alone, joint, heavy = (
        Tagging(TaggingOptions(**{**given, **more})).problem(tmp_path / "made")
        for more in ({}, {}, {"intent_weight": 3.0})
    )
    alone.intents = []
    (batch,) = joint.dataset("val").batches(3)
    lengths = (batch.y[..., 0] >= 0).sum(1)
    torch.manual_seed(0)
    features = torch.randn(3, 3, 5)
    head = joint.head(5).requires_grad_(False)
    assert isinstance(head, IntentHead)
    prediction = head(features)
    scores_BTJ = head.intents(features)
    wanted = torch.stack(
        [
            (scores_BTJ[row, :size, 2].softmax(0)[:, None] * scores_BTJ[row, :size, :2]).sum(0)
            for row, size in enumerate(lengths)
        ]
    )
    torch.testing.assert_close(joint.intent_scores(prediction, batch.y[..., 0] >= 0), wanted)
    known = batch.y[:, 0, 1] < 2
    assert known.sum() == 2
    nats = torch.nn.functional.cross_entropy(wanted[known], batch.y[known, 0, 1])
    tags = alone.loss(head.tags(features), Batch(batch.x, batch.lengths, batch.y[..., 0]))
    torch.testing.assert_close(joint.loss(prediction, batch), tags + nats)
    torch.testing.assert_close(heavy.loss(prediction, batch), tags + 3 * nats)
    found = joint.evaluate([joint.reduce(prediction, batch)], [batch])
    assert found["loss"] == pytest.approx(float(tags + nats), abs=1e-5)
    right = wanted.argmax(1) == batch.y[:, 0, 1]
    assert found["intent_accuracy"] == pytest.approx(float(right.double().mean()))


def test_tags_that_training_has_not_seen_can_be_mixed_in(tmp_path: Path) -> None:
    """As a refit does, which learns from validation data too: they do not count."""
    for name, tag in (("train", "X"), ("val", "Z"), ("test", "X")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"tokens": ["a", "b"], "tags": ["Y", tag]}))
    prepared(tmp_path, path=str(tmp_path))
    for decoder, counted in (("softmax", 1), ("crf", 0)):
        problem = Tagging(TaggingOptions(path=str(tmp_path), decoder=decoder)).problem(tmp_path / "made")
        (batch,) = problem.dataset("val").batches(1)
        prediction = problem.head(4)(torch.randn(1, 2, 4))
        loss = problem.loss(prediction, batch)
        assert torch.isfinite(loss)
        assert (loss > 0) == bool(counted)


def test_files_of_a_folder_are_its_splits(tmp_path: Path) -> None:
    """Names say the split; either all of them do, or none."""
    text = "\n".join(json.dumps({"tokens": ["a", str(n)], "tags": [n % 2, 1]}) for n in range(4))
    for name in ("train.jsonl", "my-dev.jsonl", "test.jsonl", "README.md", ".train.jsonl"):
        (tmp_path / name).write_text(text)
    sentences = read_tagged(tmp_path, TaggingOptions(path="x"))
    assert [sentence.split for sentence in sentences] == ["val"] * 4 + ["test"] * 4 + ["train"] * 4
    assert sentences[0].tags == ["0", "1"]
    (tmp_path / "more.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"must name their split, train, val or test, or none, but got 'more\.jsonl'"):
        read_tagged(tmp_path, TaggingOptions(path="x"))


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    """Empty sentences, broken schemes and tags that training lacks are told with file and line; scores are theirs."""
    (tmp_path / "train.seq.in").write_text("to Rome\n\nto Oslo\non May\n")
    (tmp_path / "train.seq.out").write_text("O I-city\n\nO B-city\nO B-day\n")
    (tmp_path / "test.seq.in").write_text("to Rome\nto noon\n")
    (tmp_path / "test.seq.out").write_text("O B-city\nO B-time\n")
    made = prepared(tmp_path, path=str(tmp_path), scheme="bio", split_seed=1)
    told = "\n".join(made.notices)
    assert "1 of 6 sentences left out: no word in it" in told
    assert f"1 tags break the scheme bio and are read as CoNLL's scorer reads them, the first 'I-city' at {tmp_path}/train.seq.in:1" in told  # fmt: skip  # noqa: E501
    assert f"tags of test that no training sentence has: 1, such as 'B-time' at {tmp_path}/test.seq.in:2" in told
    facts = json.loads((tmp_path / "made/facts.json").read_text())
    assert "B-time" in facts["unseen"]
    assert made.trivial["test"]["recall"] <= 0.5


def test_equal_sentences_are_in_one_split(tmp_path: Path) -> None:
    """Of sentences that are dealt, none is in two splits."""
    rows = [{"tokens": ["a", str(n % 20)], "tags": ["X", "Y"]} for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = prepared(tmp_path, path=str(tmp_path / "a.jsonl"), val=0.2, test=0.2)
    assert dict(made.counts) == {"train": 36, "val": 12, "test": 12}
    assert not made.notices


def test_too_little_is_refused(tmp_path: Path) -> None:
    """One tag, too few sentences, or none to train on."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"tokens": [str(n)], "tags": ["X"]}) for n in range(5)))
    with pytest.raises(DataError, match="must have at least two different tags"):
        prepared(tmp_path, path=str(path))
    path.write_text('{"tokens": ["a"], "tags": ["X"]}\n{"tokens": ["a"], "tags": ["Y"]}')
    with pytest.raises(DataError, match="at least 3 different sentences"):
        Tagging(TaggingOptions(path=str(path))).prepare(tmp_path)
    (tmp_path / "b").mkdir()
    path.rename(tmp_path / "b/test.jsonl")
    with pytest.raises(DataError, match="there must be sentences to train on"):
        Tagging(TaggingOptions(path=str(tmp_path / "b"))).prepare(tmp_path)


def test_options_that_would_do_nothing_are_refused() -> None:
    """A scheme to learn with plain tags, and smoothing with a CRF."""
    with pytest.raises(ValidationError, match=r"learned_scheme must be left out with scheme plain"):
        TaggingOptions(path="x", scheme="plain", learned_scheme="bioes")
    with pytest.raises(ValidationError, match=r"label_smoothing must be left out with decoder crf"):
        TaggingOptions(path="x", decoder="crf", label_smoothing=0.1)


def test_plain_tags_are_searched_for_by_accuracy() -> None:
    """Entities by F1."""
    assert Tagging(TaggingOptions(path="x", scheme="plain")).metrics[0].name == "accuracy"
    assert Tagging(TaggingOptions(path="x")).metrics[0].name == "f1"


def test_words_are_numbers() -> None:
    """Case and Unicode's forms do not part words; rare ones are unknown; of long ones beginning and end are kept."""
    vocabulary, counts = learned([["Rome", "rome", "caf\u00e9"], ["xyzzy", "rome"]], most=2)
    assert vocabulary.words == ["rome", "caf\u00e9"]
    assert counts.tolist() == [0, 1, 3, 1]
    numbering = Numbering(vocabulary)
    rows = numbering.numbered(["ROME", "cafe\u0301", "other", "r" * 9 + "e", "\u4e16"])
    assert rows[:, 0].tolist() == [2, 3, 1, 1, 1]
    assert vocabulary.width == 5
    letter = {letter: number for number, letter in enumerate(vocabulary.letters, start=2)}
    assert rows[3, 2:].tolist() == [letter["r"]] * 4 + [letter["e"]]
    assert rows[4].tolist() == [1, CASINGS.index("other"), 1, 0, 0, 0, 0]
    assert rows[1, 2:].tolist() == [letter["c"], letter["a"], letter["f"], letter["\u00e9"], 0]


@pytest.mark.parametrize(
    ("word", "name"),
    [("rome", "small"), ("Rome", "first capital"), ("A", "first capital"), ("UN", "capitals"), ("McX", "mixed"),
     ("1999", "digits"), ("A380", "with digits"), ("...", "other"), ("\u05e9\u05dc", "other"), ("\U0001f600", "other")],
)  # fmt: skip
def test_casing(word: str, name: str) -> None:
    """How a word is written, in any script."""
    assert CASINGS[casing(word)] == name


def test_the_trivial_predictor_knows_each_words_tag(tmp_path: Path) -> None:
    """Its scores on the test are those of the most frequent tag of each word, counted by hand."""
    train = [(["a", "b"], ["X", "Y"]), (["a", "c"], ["X", "X"]), (["a", "d"], ["Y", "X"])]
    test = [(["a", "b", "new"], ["X", "Y", "X"]), (["a"], ["Y"])]
    for name, rows in (("train", train), ("val", test), ("test", test)):
        lines = [json.dumps({"tokens": words, "tags": tags}) for words, tags in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    made = prepared(tmp_path, path=str(tmp_path))
    share = np.asarray([5, 3]) / 8  # X and Y, one more of each
    nats = -np.log([(2 + share[0]) / 4, (1 + share[1]) / 2, share[0], (1 + share[1]) / 4]).mean()
    assert made.trivial["test"] == {
        "loss": pytest.approx(nats), "f1": 0.75, "precision": 0.75, "recall": 0.75, "accuracy": 0.75
    }  # fmt: skip
    assert len(Ragged(tmp_path / "made", "test.x")) == 2


def test_each_types_entities_are_counted(tmp_path: Path) -> None:
    """Right, answered and true ones of each type, counted by hand; the most frequent type first."""
    rows = [(["a", "b", "c"], ["B-day", "B-city", "I-city"]), (["a", "d"], ["O", "B-city"])]
    for name in ("train", "val", "test"):
        lines = [json.dumps({"tokens": words, "tags": tags}) for words, tags in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    options = TaggingOptions(path=str(tmp_path))
    prepared(tmp_path, path=str(tmp_path))
    problem = Tagging(options).problem(tmp_path / "made")
    (batch,) = problem.dataset("val").batches(2)
    answered = [["B-city", "B-city", "I-city"], ["O", "O"]]
    if int(batch.x[0, -1, 0]) == 0:
        answered.reverse()
    prediction = torch.zeros(2, 3, len(problem.classes))
    for row, tags in enumerate(answered):
        for step, tag in enumerate(tags):
            prediction[row, step, problem.classes.index(tag)] = 9.0
    shown = problem.shown([problem.reduce(prediction, batch)], [batch])
    assert (shown.types, shown.right, shown.predicted, shown.true) == (["city", "day"], [1, 0], [2, 0], [2, 1])
