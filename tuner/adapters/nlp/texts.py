"""Splits texts and turns them into tokens: cleaned, no text in two splits, subwords learned on train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters import numbers
from tuner.adapters.classification import check_kept, check_labels
from tuner.adapters.described import symbols
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.nlp.reading import Document, read_documents, text_files
from tuner.adapters.nlp.repeats import CONTRADICTING, contradictions, told_of, unique
from tuner.adapters.nlp.steps import encoded, learn_steps, learn_vectors, steps_of
from tuner.adapters.nlp.text_options import UNITS, TextOptions
from tuner.adapters.nlp.vectors import vectors_digest
from tuner.adapters.nlp.vocabulary import PARTED, joined
from tuner.adapters.nlp.word_options import FEATURES
from tuner.adapters.notices import left_out
from tuner.adapters.ragged import write_ragged
from tuner.adapters.ragged_problem import lag_of
from tuner.adapters.splits import SPLITS, deal, straddling, unused_split
from tuner.errors import DataError

UNUSED = {"path", "test_path", "vectors", "embedding_size", *FEATURES, *LEARNED}
"""Options that preparation does not use, and those that name files."""


class DealtTexts(NamedTuple):
    """Clean texts by split, the number of dropped texts by reason, and notices."""

    splits: dict[str, list[Document]]
    dropped: Counter[str]
    notices: list[str]
    folds: NDArray[np.int64] | None = None
    """The fold of each training text, if there are folds."""


class Tokens(NamedTuple):
    """What became of the texts: longest dependency, facts for `facts.json` and for people, notices."""

    lag: int
    facts: dict[str, object]
    about: dict[str, object]
    notices: list[str]


def own_fingerprint(options: TextOptions) -> str:
    """See `Adapter.fingerprint`, for the user's own files."""
    used = options.used(UNUSED)
    path = existing(str(options.path), "path")
    digest = content_digest(text_files(path), path, used)
    if options.test_path:
        test_path = existing(options.test_path, "test_path")
        digest += content_digest(text_files(test_path), test_path, {})
    return digest + vectors_digest(options)


def dealt_texts(options: TextOptions, documents: list[Document]) -> DealtTexts:
    """Clean and split texts.

    Args:
        options: The adapter's.
        documents: All but those of `test_path`.

    Raises:
        DataError: There are too few texts or labels.
    """
    dropped = Counter[str]()
    test: list[Document] = []
    if options.test_path:
        test = read_documents(existing(options.test_path, "test_path"), options, held=True)
        test = [document._replace(split="test") for document in _clean(test, options, dropped)]
    read = documents if options.parts else [document for document in documents if not document.unlabelled]
    documents = _clean(documents, options, dropped)
    told: list[str] = []
    if options.numbers:
        spelled, told = _in_plain_numbers([*documents, *test], options.told[0])
        documents, test = spelled[: len(documents)], spelled[len(documents) :]
        consistent, torn = _averaged(documents)
        told += torn
    else:
        doubtful = contradictions(documents, test)
        consistent = [document for document in documents if document.text not in doubtful]
        told = told_of(doubtful)
    fresh = unique(consistent, test)
    also = len({document.text for document in consistent}) - len(fresh)
    dropped[CONTRADICTING] = 0 if options.numbers else len(documents) - len(consistent)
    dropped["text also in test_path"] = also
    dropped["duplicate text"] = len(consistent) - len(fresh) - also
    labels, places = [document.label for document in fresh], [document.where for document in fresh]
    given = [document.split for document in fresh if document.split is not None]
    if options.numbers or options.parts:
        labels = ["text"] * len(fresh)
        _check_enough(fresh, given)
    else:
        elsewhere = ", also in test_path" if test else ""
        check_kept(
            [document.label for document in read],
            labels,
            [document.where for document in read],
            f"empty, repeated{elsewhere} or contradicted by an equal text with another label",
            "Check labels and texts, or remove the class.",
        )
        check_labels(labels, places, num_splits=1 if given else 2 if test else 3)
    groups = [document.group for document in fresh if document.group is not None]
    dealt = deal(
        labels,
        places,
        val=options.val,
        test=options.test,
        seed=options.split_seed,
        groups=groups or None,
        given=given or None,
        held=bool(test),
        group=options.group or "",
        folds=options.folds,
    )
    splits: dict[str, list[Document]] = {
        split: [document for document, its in zip(fresh, dealt.splits, strict=True) if its == split] for split in SPLITS
    }
    told += dealt.notices
    if options.path is not None and options.split is None and not Path(options.path).is_dir():
        told += unused_split(existing(options.path, "path"), options.encoding)
    if test and groups:
        held = [str(document.group) for document in test]
        told += straddling([*groups, *held], [*dealt.splits.tolist(), *["test"] * len(held)], "data.group")
    splits["test"] = test or splits["test"]
    total = sum(map(len, splits.values())) + dropped.total()
    return DealtTexts(splits, dropped, [*left_out("texts", dropped, of=total), *told], dealt.trained)


def write_tokens(folder: Path, splits: dict[str, list[Document]], options: TextOptions) -> Tokens:
    """Learn steps from the training texts, and store the steps of all texts."""
    train = [part for document in splits["train"] for part in document.text.split(PARTED)]
    steps = learn_steps(folder, train, options)
    facts, told = learn_vectors(folder, steps, options)
    full = cut = 0
    lag = 1
    for split, documents in splits.items():
        items, too_long = encoded(steps, [document.text for document in documents], options)
        full += sum(len(item) >= options.max_length for item in items)
        cut += sum(too_long)
        write_ragged(folder, f"{split}.x", items)
        if split == "train":
            lag = lag_of(np.asarray([len(item) for item in items]))
    if cut:
        what = f"{options.max_length:,} {UNITS[options.unit]}"
        told.append(
            f"{cut:,} of {sum(map(len, splits.values())):,} texts are longer than data.max_length, {what}; only their "
            f"{options.keep} is read"
        )
    vocabulary = steps.sizes[0] - 1 + (options.text_pair is not None)
    return Tokens(
        lag,
        {"vocabulary": vocabulary, "lowercase": options.lowercase, **facts},
        {"vocabulary": vocabulary, "texts of max_length or longer": full},
        told,
    )


def shown_tokens(folder: Path, options: TextOptions) -> Callable[[NDArray[Any]], str]:
    """A function that turns an item of prepared data into text."""
    steps = steps_of(folder, options.unit)
    return lambda item: symbols(steps.shown(item), UNITS[options.unit])


def _clean(documents: Sequence[Document], options: TextOptions, dropped: Counter[str]) -> list[Document]:
    """Normalise texts, drop those that are empty or lack a label; a pair is joined in `text`, see `joined`."""
    cleaned = []
    labelled = documents if options.parts else [document for document in documents if not document.unlabelled]
    dropped["no number" if options.numbers else "no label"] += len(documents) - len(labelled)
    for document in labelled:
        texts = [document.text] if document.pair is None else [document.text, document.pair]
        cleaned.append(document._replace(text=joined(texts, lowercase=options.lowercase), pair=None))
    kept = [document for document in cleaned if document.text]
    if not kept:
        raise DataError(
            "at least one text must not be empty",
            fix="Check that data.text names the right column.",
            where=documents[0].where,
        )
    dropped["empty text"] += len(cleaned) - len(kept)
    return kept


def _in_plain_numbers(documents: Sequence[Document], name: str) -> tuple[list[Document], list[str]]:
    """The texts with their numbers written plainly, and an example of those that were not; others stay as they are."""
    words = list(dict.fromkeys(document.label for document in documents))
    if all(map(numbers.is_plain, words)):
        return list(documents), []
    cells = numbers.read(words)
    assert cells is not None
    values = cells.values(cells.written(cells.shown))
    plain = {word: repr(value) for word, value in zip(words, values.tolist(), strict=True) if np.isfinite(value)}
    longest = max((word for word in plain if not numbers.is_plain(word)), key=len, default="")
    if not longest:
        return list(documents), []
    told = f"{name} has numbers that are not plain, read so: {longest!r} as {float(plain[longest]):.15g}"
    return [each._replace(label=plain.get(each.label, each.label)) for each in documents], [told]


def _averaged(documents: Sequence[Document]) -> tuple[list[Document], list[str]]:
    """Equal texts with different numbers each get their mean; with a notice if there are any."""
    found_of: dict[str, list[float]] = {}
    for document in documents:
        found_of.setdefault(document.text, []).append(number_of(document))
    torn = [document for document in documents if len(set(found_of[document.text])) > 1]
    told = []
    if torn:
        first = torn[0]
        among = ", ".join(f"{number:g}" for number in dict.fromkeys(found_of[first.text]))
        told.append(
            f"equal texts have different numbers: {len({document.text for document in torn})} such texts, such as "
            f"{among} from {first.where} on; each is taken once, with the mean of its numbers"
        )
    found = [document._replace(label=repr(fmean(found_of[document.text]))) for document in documents]
    return found, told


def number_of(document: Document) -> float:
    """The number to predict from a text.

    Raises:
        DataError: It is not a finite number.
    """
    try:
        number = float(document.label)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise DataError(
            "the target of a text must be a finite number",
            value=document.label,
            fix="Correct the cell, or delete the row; for classes, use the adapter nlp/classification.",
            where=document.where,
        )
    return number


def _check_enough(documents: Sequence[Document], given: Sequence[object]) -> None:
    if not given and len(documents) < 3:
        raise DataError("there must be 3 texts or more, one per split", value=len(documents), where=documents[0].where)
