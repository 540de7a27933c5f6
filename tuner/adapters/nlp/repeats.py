"""Texts that occur more than once: kept once, or left out where their labels contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.adapters.base import Split
from tuner.adapters.nlp.reading import Document
from tuner.adapters.splits import SPLITS

CONTRADICTING = "equal texts with different labels"
"""Why a text is left out."""


def contradictions(documents: Sequence[Document], held: Sequence[Document]) -> dict[str, tuple[Document, Document]]:
    """Texts that have one label in one place and another elsewhere: text -> the two places.

    Args:
        documents: Texts that are dealt.
        held: Test texts that stand elsewhere.
    """
    first: dict[str, Document] = {}
    found: dict[str, tuple[Document, Document]] = {}
    for document in (*documents, *held):
        other = first.setdefault(document.text, document)
        if other.label != document.label:
            found.setdefault(document.text, (other, document))
    return found


def told_of(doubtful: Mapping[str, tuple[Document, Document]]) -> list[str]:
    """A sentence with an example of equal texts whose labels contradict; none where there are none."""
    if not doubtful:
        return []
    one, other = next(iter(doubtful.values()))
    return [
        f"equal texts have different labels: {len(doubtful)} such texts, for example {one.label!r} at {one.where} and "
        f"{other.label!r} at {other.where}; none of them is trained on"
    ]


def unique(documents: Sequence[Document], held: Sequence[Document]) -> list[Document]:
    """Each text once: none that is held; of a text in two splits that of test, then of val; else the first.

    Args:
        documents: Texts whose labels agree.
        held: Test texts that stand elsewhere, of which each stays.
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
