"""Numbers told of texts, and pairs of texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from tuner.adapters.base import Prepared
from tuner.adapters.nlp.classification import TextClassification
from tuner.adapters.nlp.regression import TextRegression
from tuner.adapters.nlp.text_options import TextClassificationOptions, TextRegressionOptions
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError

WORDS = ("rain", "sun", "wind", "snow", "fog", "hail", "storm", "cloud")


def prepared(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Prepared:
    """Numbers of texts in JSON lines, prepared."""
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    chosen = TextRegressionOptions(path=str(folder / "x.jsonl"), val=0.2, test=0.2, **options)
    (folder / "out").mkdir()
    return TextRegression(chosen).prepare(folder / "out")


def rows(count: int = 20) -> list[dict[str, Any]]:
    """Different texts with different numbers."""
    return [{"text": f"{WORDS[i % 8]} on day {i}", "target": i / 2} for i in range(count)]


def test_numbers_are_standardized_by_the_training_texts(tmp_path: Path) -> None:
    """And found again with the facts that a model keeps."""
    told = prepared(tmp_path, rows())
    y = {split: np.load(tmp_path / "out" / f"{split}.y.npy") for split in ("train", "val", "test")}
    assert (y["train"].mean(), y["train"].std()) == pytest.approx((0, 1))
    facts = json.loads((tmp_path / "out" / "facts.json").read_text())
    found = np.concatenate(list(y.values())) * facts["target_scale"] + facts["target_mean"]
    assert sorted(found[:, 0]) == pytest.approx([i / 2 for i in range(20)])
    assert told.counts == {"train": 12, "val": 4, "test": 4}
    assert not told.notices


def test_equal_texts_are_taken_once_with_their_mean(tmp_path: Path) -> None:
    """It is told which; where all numbers agree, there is nothing to tell but the repeat."""
    more = [{"text": "Rain  on day 0", "target": 8}, {"text": "sun on day 1", "target": 0.5}]
    told = prepared(tmp_path, [*rows(), *more])
    assert sum(told.counts.values()) == 20
    (first, second) = told.notices
    assert "2 of 22 texts" in first
    assert "equal texts have different numbers: 1 such texts, such as 0, 8 from" in second
    facts = json.loads((tmp_path / "out" / "facts.json").read_text())
    y = np.concatenate([np.load(tmp_path / "out" / f"{split}.y.npy") for split in ("train", "val", "test")])
    found = y[:, 0] * facts["target_scale"] + facts["target_mean"]
    assert np.isclose(found, 4).sum() == 2  # the mean of 0 and 8, and that of day 8
    assert not np.isclose(found, 0).any()


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    """The same numbers as written plainly, with an example; what may be one of two numbers is refused."""
    spelled = [{**row, "target": f"€ {1000 * row['target']:,.2f}"} for row in rows()]
    told = prepared(tmp_path, spelled)
    assert told.notices == ["target has numbers that are not plain, read so: '€ 1,000.00' as 1000"]
    facts = json.loads((tmp_path / "out" / "facts.json").read_text())
    y = np.concatenate([np.load(tmp_path / "out" / f"{split}.y.npy") for split in ("train", "val", "test")])
    found = y[:, 0] * facts["target_scale"] + facts["target_mean"]
    assert sorted(found) == pytest.approx([500 * i for i in range(20)])
    (tmp_path / "doubt").mkdir()
    with pytest.raises(DataError, match=r"x\.jsonl:3: the target of a text must be a finite number, but got '1,003'"):
        prepared(
            tmp_path / "doubt", [{"text": f"day {i}", "target": what} for i, what in enumerate((1, 2, "1,003", "5 €"))]
        )


def test_what_is_no_number_is_named(tmp_path: Path) -> None:
    """With its place, and the adapter for classes."""
    with pytest.raises(DataError, match=r"x\.jsonl:3: .* a finite number, but got 'good'\. .* nlp/classification"):
        prepared(tmp_path, [*rows(2), {"text": "fine", "target": "good"}, *rows(9)])
    (tmp_path / "out").rmdir()
    with pytest.raises(DataError, match=r"x\.jsonl:1: there must be 3 texts or more"):
        prepared(tmp_path, rows(2))
    with pytest.raises(ValueError, match=r"data\.path must name a file or folder of texts"):
        TextRegressionOptions()


def paired(folder: Path, pairs: list[tuple[str, str]], **options: Any) -> list[list[int]]:
    """Tokens of pairs, those of all splits, in any order."""
    lines = [json.dumps({"text": one, "other": two, "label": "ab"[i % 2]}) for i, (one, two) in enumerate(pairs)]
    (folder / "x.jsonl").write_text("\n".join(lines))
    chosen = TextClassificationOptions(path=str(folder / "x.jsonl"), text_pair="other", val=0.2, test=0.2, **options)
    (folder / "out").mkdir()
    TextClassification(chosen).prepare(folder / "out")
    parts = [Ragged(folder / "out", f"{split}.x") for split in ("train", "val", "test")]
    return [part[number].tolist() for part in parts for number in range(len(part))]


def test_pairs_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Between them stands a token that no text has, and each is cut off by itself; the order of both counts."""
    pairs = [(f"{WORDS[i]} comes", f"{WORDS[j]} goes away now {i}") for i in range(8) for j in range(3)]
    items = paired(tmp_path, pairs, max_length=4)
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    between = tokenizer.get_vocab_size() + 1
    assert json.loads((tmp_path / "out" / "facts.json").read_text())["vocabulary"] == between
    for item in items:
        assert item.count(between) == 1
        place = item.index(between)
        assert 1 <= place <= 4
        assert 1 <= len(item) - place - 1 <= 4
    assert len(items) == len({tuple(item) for item in items}) == len(pairs)


def test_a_pair_lacks_neither_text(tmp_path: Path) -> None:
    """One whose second text is empty is left out."""
    pairs = [(f"{WORDS[i % 8]} {i}", f"day {i}") for i in range(20)]
    assert len(paired(tmp_path, [*pairs, ("rain 30", " "), ("", "day 31")])) == 20


def test_pairs_stand_in_columns(tmp_path: Path) -> None:
    """Lines have no second text."""
    (tmp_path / "x.txt").write_text("a\train\nb\tsun\n" * 3)
    options = TextClassificationOptions(path=str(tmp_path / "x.txt"), format="lines", text_pair="other")
    with pytest.raises(DataError, match=r"data\.text_pair must be left out where texts are in lines"):
        TextClassification(options).prepare(tmp_path)
