"""What `init` proposes for tables whose texts have several labels each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import FEW_ITEMS, LABELS, label_column, said_column
from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.nlp.reading import SAID, plain, several
from tuner.adapters.proposal import Line
from tuner.adapters.splits import WORDS
from tuner.words import counted

_NO_LABELS = frozenset((*WORDS, "split", "fold", "is_train", "is_val", "is_valid", "is_test"))
"""Names of columns that part the texts into splits."""
_SEPARATORS = ("|", ";", ",")
_PARTED = 0.05
"""From this share of the cells on, a separator in them says that they name several labels."""
_TICKED = 3
"""Number of columns of 1 and 0 from which these are taken for labels, where none is named as one."""


class ManyLabels(NamedTuple):
    """Several labels per text.

    Args:
        lines: The lines that say so.
        columns: The columns that hold them.
        facts: How frequent they are.
        doubts: Warnings about them.
    """

    lines: list[Line]
    columns: list[GlimpsedColumn]
    facts: list[str]
    doubts: list[str]


def many_labels(seen: Glimpse, table: GlimpsedTable, others: Sequence[GlimpsedColumn]) -> ManyLabels | None:
    """Several labels per text, where the user or the cells say so; else None.

    Args:
        seen: The file, with what the user has said.
        table: Its table.
        others: The columns besides the text's.
    """
    said = seen.said
    if said.get("labels") == "one":
        return None
    asked, whole = said.get("labels") == "many", seen.whole and table.whole
    others = [column for column in others if column.name not in (said.get("split"), said.get("group"))]
    if names := said.get("label_columns"):
        return _ticked([said_column(table, "label_columns", name).column for name in names.split(",")], table, whole)
    column = said_column(table, "label", said["label"]).column if "label" in said else _named(others, table)
    if column is not None and column.lists:
        return _listed(column, whole)
    if column is not None:
        separator = said.get("label_separator") or _separator(column)
        return _parted(column, separator or "|", whole) if asked or separator else None
    ticked = [column for column in others if _is_ticked(column) and column.name.lower() not in _NO_LABELS]
    return _ticked(ticked, table, whole) if len(ticked) >= _TICKED or (asked and ticked) else None


def _named(others: Sequence[GlimpsedColumn], table: GlimpsedTable) -> GlimpsedColumn | None:
    """The column that is named as one of labels; else, unless several have 1 and 0 alone, the most likely one."""
    named = [column for column in others if column.name.lower() in LABELS and (column.counts or column.lists)]
    if named:
        return min(named, key=lambda column: LABELS.index(column.name.lower()))
    found = label_column(others, table.rows)
    listed = [column for column in others if column.lists]
    if found is None and len(listed) == 1:
        return listed[0]
    return None if found is None or _is_ticked(found.column) else found.column


def _is_ticked(column: GlimpsedColumn) -> bool:
    """Whether the cells say 1 and 0, or yes and no, as a label's column does."""
    return {SAID.get(plain(cell)) for cell in column.counts} == {True, False}


def _separator(column: GlimpsedColumn) -> str | None:
    """The separator of labels in the cells: its parts are fewer than the different cells, as they are shared.

    A comma may be part of a name, so that the parts must be half as many.
    """
    for separator in _SEPARATORS:
        cells = sum(count for cell, count in column.counts.items() if separator in cell)
        parts = _frequent(column, separator)
        most = len(column.counts) // 2 if separator == "," else len(column.counts) - 1
        if cells >= _PARTED * column.counts.total() and 1 < len(parts) <= most:
            return separator
    return None


def _frequent(column: GlimpsedColumn, separator: str) -> Counter[str]:
    """Label -> number of texts that have it."""
    found: Counter[str] = Counter()
    for cell, count in column.counts.items():
        for label in filter(None, several(cell, separator).split(separator)):
            found[label] += count
    return found


def _parted(column: GlimpsedColumn, separator: str, whole: bool) -> ManyLabels:
    """Labels in one column, with a separator."""
    parted = sum(count for cell, count in column.counts.items() if separator in cell)
    why = f"{parted} of {len(column.cells)} cells name several; with `one`, each combination would be a class"
    lines = [
        Line(("data", "label"), column.name, f"{len(column.counts)} combinations in {len(column.cells)} rows"),
        Line(("data", "labels"), "many", why, guessed=True),
        *([] if separator == "|" else [Line(("data", "label_separator"), separator, "between the labels of a cell")]),
    ]
    return ManyLabels(lines, [column], *_balance(_frequent(column, separator), column.empty, len(column.cells), whole))


def _listed(column: GlimpsedColumn, whole: bool) -> ManyLabels:
    """Labels in lists, of JSON lines."""
    by_name = column.name.lower() in LABELS
    found = Counter(label for each in column.lists for label in set(each))
    lines = [
        Line(("data", "label"), column.name, f"lists of texts in {len(column.lists)} rows", guessed=not by_name),
        Line(("data", "labels"), "many", "its cells are lists"),
    ]
    none = len(column.lists) - sum(map(bool, column.lists))
    return ManyLabels(lines, [column], *_balance(found, none, len(column.lists), whole))


def _ticked(columns: list[GlimpsedColumn], table: GlimpsedTable, whole: bool) -> ManyLabels:
    """Labels as columns of 1 and 0."""
    ticks = [[SAID.get(plain(cell), False) for cell in column.cells] for column in columns]
    counts = Counter({column.name: sum(each) for column, each in zip(columns, ticks, strict=True)})
    numbers = Counter(map(sum, zip(*ticks, strict=True)))
    why = f"{counted(len(columns), 'column')} of 1 and 0, a label each"
    lines = [
        Line(("data", "labels"), "many", why, guessed=True),
        Line(("data", "label_columns"), [column.name for column in columns], "their cells are 1 or 0", guessed=True),
    ]
    facts, doubts = _balance(counts, numbers[0], table.rows, whole)
    if numbers.keys() == {1} and len(columns) > 1:
        doubts.append("each text has exactly one of these labels; nothing keeps answers to one")
    return ManyLabels(lines, columns, facts, doubts)


def _balance(counts: Counter[str], none: int, texts: int, whole: bool) -> tuple[list[str], list[str]]:
    """Facts and warnings about the frequencies of labels.

    Args:
        counts: Texts per label.
        none: Texts without a label.
        texts: All texts.
        whole: Whether all texts were counted.
    """
    if not counts:
        return [], []
    shown = ", ".join(f"{name[:30]!r} {count / texts:.0%}" for name, count in counts.most_common(5))
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    of = f"{texts} texts" if whole else f"the first {texts} texts"
    without = f"; {none} have none" if none else ""
    facts = [f"{counted(len(counts), 'label')}, any number of them per text, in {of}: {shown}{more}{without}"]
    rare = [name for name, count in counts.items() if count < FEW_ITEMS] if whole else []
    if not rare:
        return facts, []
    name = min(rare, key=counts.__getitem__)
    few = f"{len(rare)} of {len(counts)} labels have fewer than {FEW_ITEMS} texts, such as {name!r} with {counts[name]}"
    return facts, [f"{few}: their scores are mostly noise"]
