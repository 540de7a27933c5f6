"""Texts with several labels each: how their labels are stored and described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Prepared
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, lengths
from tuner.adapters.labels import TRIVIAL, trivial_of
from tuner.adapters.nlp.reading import Document
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.nlp.texts import DealtTexts, Tokens, shown_tokens
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError, printable
from tuner.words import counted

_NAMED = 6
"""Largest number of labels that are listed."""


def prepare_labels(folder: Path, dealt: DealtTexts, tokens: Tokens, options: TextClassificationOptions) -> Prepared:
    """Store the labels of each split, (N, K), and the facts.

    Raises:
        DataError: No training text has a label.
    """
    splits, parts = dealt.splits, options.parts
    counts = {split: _counts(documents, parts) for split, documents in splits.items()}
    classes = sorted(counts["train"])
    if not classes:
        raise DataError(
            "a training text must have a label",
            value="none",
            fix="Check data.label, data.label_separator or data.label_columns.",
            where=splits["train"][0].where,
        )
    truth = {split: _truth(documents, classes, parts) for split, documents in splits.items()}
    for split, truth_NK in truth.items():
        np.save(folder / f"{split}.y.npy", truth_NK.astype(np.float32))
    write_facts(folder, {"classes": classes, **tokens.facts})
    each = {name: int(count) for name, count in zip(classes, truth["train"].sum(axis=0), strict=True)}
    return Prepared(
        counts={split: len(documents) for split, documents in splits.items()},
        trivial=trivial_of(truth, options, dealt.folds),
        lag=tokens.lag,
        about={
            "name": TRIVIAL,
            "classes": classes,
            "training texts with each": each,
            "labels per training text": f"{truth['train'].sum(axis=1).mean():.3g}",
            **tokens.about,
            "dropped": dict(+dealt.dropped),
        },
        notices=[*dealt.notices, *tokens.notices, *_unseen(counts)],
    )


def described_labels(folder: Path, options: TextClassificationOptions) -> Described:
    """See `Adapter.described`."""
    classes, truth_NK = facts_of(folder)["classes"], np.load(folder / "train.y.npy") > 0
    items, shown = Ragged(folder, "train.x"), shown_tokens(folder, options)
    order = np.argsort(-truth_NK.sum(axis=0), kind="stable")[:_NAMED].tolist()
    each = ", ".join(f'"{printable(classes[label])}" {truth_NK[:, label].mean():.0%}' for label in order)
    more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
    examples = []
    for at in range(min(EXAMPLES, len(items))):
        names = [name for name, there in zip(classes, truth_NK[at], strict=True) if there]
        examples.append(f"{printable(', '.join(names)) or 'no label'}: {shown(items[at])}")
    facts = [f"{len(classes)} labels in the training split: {each}{more}", lengths(items.lengths)]
    return Described(facts, examples)


def _counts(documents: Sequence[Document], parts: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for document in documents:
        for label in filter(None, document.label.split(parts)):
            counts[label] = counts.get(label, 0) + 1
    return counts


def _unseen(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A notice about labels that no training text has, with the number of texts that have them."""
    unseen = sorted({label for its in counts.values() for label in its} - set(counts["train"]))
    if not unseen:
        return []
    each = [f"{printable(label)} ({_times(counts, label)})" for label in unseen[:_NAMED]]
    more = f" and {len(unseen) - _NAMED} more" if len(unseen) > _NAMED else ""
    return [
        f"{counted(len(unseen), 'label')} that no training text has cannot be learned, and "
        f"{'is' if len(unseen) == 1 else 'are'} left out of the scores: {', '.join(each)}{more}"
    ]


def _times(counts: Mapping[str, Mapping[str, int]], label: str) -> str:
    found = {"validation": counts["val"].get(label, 0), "test": counts["test"].get(label, 0)}
    return " and ".join(counted(count, f"{split} text") for split, count in found.items() if count)


def _truth(documents: Sequence[Document], classes: Sequence[str], parts: str) -> NDArray[np.bool_]:
    number = {name: index for index, name in enumerate(classes)}
    truth_NK = np.zeros((len(documents), len(classes)), dtype=bool)
    for row, document in enumerate(documents):
        for label in document.label.split(parts):
            if label in number:
                truth_NK[row, number[label]] = True
    return truth_NK
