"""Scores of each class, or of each type of entity, of what a test run has recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HEAD = ("class", "precision", "recall", "F1", "items")


class ClassScores(NamedTuple):
    """Of a class, or a type.

    Args:
        name: Its name.
        precision: Share of the answers of it that are right, 0 to 1; None where there is none.
        recall: Share of its items that are found, 0 to 1; None where there is none.
        f1: Twice the right ones by answers and items together, 0 to 1; None where there are neither.
        support: Its items.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int

    @property
    def cells(self) -> tuple[str, ...]:
        """As they are shown, in the order of `HEAD`."""
        shares = ("-" if share is None else f"{share:.3f}" for share in self[1:4])
        return (self.name, *shares, f"{self.support:,}")


def per_class(told: Mapping[str, Any]) -> list[ClassScores]:
    """The scores of each class, see `Confused` and `PerType` of the adapters; none where neither was recorded."""
    if told.get("types"):
        columns = zip(told["types"], told["right"], told["predicted"], told["true"], strict=True)
        return [_scores(*column) for column in columns]
    counts: Sequence[Sequence[int]] = told.get("counts") or ()
    answered = [sum(column) for column in zip(*counts, strict=True)]
    return (
        [
            _scores(name, line[at], answered[at], sum(line))
            for at, (name, line) in enumerate(zip(told["classes"], counts, strict=True))
        ]
        if counts
        else []
    )


def as_csv(scores: Sequence[ClassScores]) -> str:
    """A row per class; empty where a share is not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(scores)
    return text.getvalue()


def _scores(name: str, right: int, answered: int, items: int) -> ClassScores:
    return ClassScores(
        name,
        right / answered if answered else None,
        right / items if items else None,
        2 * right / (answered + items) if answered + items else None,
        items,
    )
