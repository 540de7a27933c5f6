"""Guesses the roles of a table's columns by their names and values: label, group, split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.proposal import Line
from tuner.adapters.splits import WORDS
from tuner.errors import DataError, nearest
from tuner.words import first_few

LABELS = (
    "label", "labels", "class", "target", "y", "category", "classes", "sentiment", "intent", "topic", "outcome",
    "diagnosis", "species", "fault", "state", "activity", "gesture", "emotion", "polarity", "genre", "language", "lang",
    "tag", "type", "kind", "rating", "stars", "result", "status", "klasse", "etikett", "kategorie",
)  # fmt: skip
"""Names of columns that hold a class, the most likely first."""
_GROUPS = frozenset(
    ("patient", "subject", "speaker", "user", "participant", "person", "author", "machine", "device", "site", "writer")
)
FEW_ITEMS = 10
"""A class with fewer items has scores that are mostly noise."""
_MOST_SHARE = 0.9
"""From this share of the most frequent class on, accuracy says little."""


class Chosen(NamedTuple):
    """A column, and why it was chosen."""

    column: GlimpsedColumn
    why: str
    guessed: bool


def said_column(table: GlimpsedTable, option: str, name: str) -> Chosen:
    """The column that the user has named.

    Raises:
        DataError: There is none of that name.
    """
    column = table.column(name)
    if column is None:
        known = [each.name for each in table.columns]
        raise DataError(f"data.{option} must be a column", value=name, fix=nearest(name, known))
    return Chosen(column, "as asked for", guessed=False)


def label_column(columns: Sequence[GlimpsedColumn], units: int) -> Chosen | None:
    """The column that most likely holds the class.

    Args:
        columns: The candidates.
        units: Number of items.
    """
    scored = [(_label_score(column, place, len(columns), units), column) for place, column in enumerate(columns)]
    scored = [(score, column) for score, column in scored if score > 0]
    if not scored:
        return None
    score, column = max(scored, key=lambda each: each[0])
    values = f"{len(column.counts)} values in {len(column.cells)} rows"
    if score >= _BY_NAME:
        return Chosen(column, f"by its name; {values}", guessed=False)
    return Chosen(column, f"{values}; set data.label to change that", guessed=True)


_BY_NAME = 50.0


def _label_score(column: GlimpsedColumn, place: int, columns: int, units: int) -> float:
    """How likely a column is the label; 0 if it cannot be."""
    distinct = len(column.counts)
    if distinct < 2 or distinct > max(2, units // 2) or column.timed or max(map(len, column.counts)) > 80:
        return 0.0
    name = column.name.lower()
    if (name in WORDS or name == "split") or split_column([column]) or _last(name) in ("id", *_GROUPS):
        return 0.0
    last = _last(column.name)
    if name in LABELS:
        return 100.0 - LABELS.index(name)
    if last in LABELS:
        return _BY_NAME
    if column.is_number and not (column.is_whole and distinct <= 20 and place in (0, columns - 1)):
        return 0.0
    edge = 3.0 if place in (0, columns - 1) else 0.0
    return (10.0 if not column.is_number else 1.0) + edge + 2.0 / distinct


def group_column(columns: Sequence[GlimpsedColumn], units: int) -> Line | None:
    """The line that names a group, such as a person or machine, if a column's name and values suggest one."""
    for column in columns:
        if column.empty == 0 and _last(column.name) in _GROUPS and 10 <= len(column.counts) <= units // 2:
            why = f"by its name; {len(column.counts)} of them, none in two splits; leave the line out to ignore groups"
            return Line(("data", "group"), column.name, why, guessed=True)
    return None


def split_column(columns: Sequence[GlimpsedColumn]) -> Line | None:
    """The line that names a column whose cells are train, val or test."""
    for column in columns:
        words = {WORDS.get(cell.lower()) for cell in column.counts}
        if "train" in words and None not in words and len(words) > 1 and column.empty == 0:
            said = ", ".join(f"{count} {cell}" for cell, count in column.counts.most_common(5))
            return Line(("data", "split"), column.name, f"by its cells: {said}")
    return None


def balance(counts: Counter[str], *, what: str, whole: bool) -> tuple[list[str], list[str]]:
    """Facts and warnings about the frequencies of classes.

    Args:
        counts: Items per class.
        what: What an item is, in the plural.
        whole: Whether all items were counted.
    """
    total = counts.total()
    shown = ", ".join(f"{name[:30]!r} {count / total:.0%}" for name, count in counts.most_common(5))
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    of = f"{total} {what}" if whole else f"the first {total} {what}"
    facts = [f"{len(counts)} classes in {of}: {shown}{more}"]
    doubts = []
    rare = [name for name, count in counts.items() if count < FEW_ITEMS]
    if rare and whole:
        name = min(rare, key=counts.__getitem__)
        doubts.append(
            f"{len(rare)} of {len(counts)} classes have fewer than {FEW_ITEMS} {what}, such as {name!r} with "
            f"{counts[name]}: their scores are mostly noise"
        )
    name, most = counts.most_common(1)[0]
    if len(counts) > 1 and most / total > _MOST_SHARE:
        doubts.append(
            f"class {name!r} has {most / total:.0%} of the {what}: accuracy says little; set objective.metric to "
            "val/macro_f1, and search data.class_weights: [none, balanced]"
        )
    return facts, doubts


def listed(names: Collection[str], most: int = 5) -> str:
    """The first few names, and the number of further ones."""
    return first_few([repr(name) for name in names], most)


def last_word(name: str) -> str:
    """The last word of a name: "id" of item_id, itemId and ITEM-ID."""
    return _last(name)


def _last(name: str) -> str:
    return re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", name)[-1].lower()
