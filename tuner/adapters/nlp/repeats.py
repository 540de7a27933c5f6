"""Texts that occur more than once: kept once, or left out if their labels contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.adapters.base import Split
from tuner.adapters.nlp.reading import Document
from tuner.adapters.splits import SPLITS

CONTRADICTING = "equal texts with different labels"
"""Why a text is left out."""


def contradictions(documents: Sequence[Document], held: Sequence[Document]) -> dict[str, tuple[Document, Document]]:
    """Equal texts with different labels: text -> two such places.

    Args:
        documents: Texts to be split.
        held: Test texts of a separate file.
    """
    first: dict[str, Document] = {}
    found: dict[str, tuple[Document, Document]] = {}
    for document in (*documents, *held):
        other = first.setdefault(document.text, document)
        if other.label != document.label:
            found.setdefault(document.text, (other, document))
    return found


def told_of(doubtful: Mapping[str, tuple[Document, Document]]) -> list[str]:
    """A notice with an example of equal texts whose labels contradict; empty if there are none."""
    if not doubtful:
        return []
    one, other = next(iter(doubtful.values()))
    return [
        f"equal texts have different labels: {len(doubtful)} such texts, for example {one.label!r} at {one.where} and "
        f"{other.label!r} at {other.where}; none of them is trained on"
    ]


def unique(documents: Sequence[Document], held: Sequence[Document]) -> list[Document]:
    """Each text once, without the held ones: that of the split test, else of val, else the first.

    Args:
        documents: Texts whose labels agree.
        held: Test texts of a separate file, all of which are kept.
    """
    kept: dict[str, Document] = {}
    away = {document.text for document in held}
    for document in documents:
        other = kept.get(document.text)
        if document.text not in away and (other is None or _rank(document.split) > _rank(other.split)):
            kept[document.text] = document
    return [document for document in documents if kept.get(document.text) is document]


def _rank(split: Split | None) -> int:
    return SPLITS.index(split) if split is not None else 0
