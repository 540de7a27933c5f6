"""Proposals of the time-series adapters for the user's files: items, times, channels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from tuner.adapters.arrays import array_shapes, read_arrays
from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import (
    Chosen,
    balance,
    group_column,
    label_column,
    last_word,
    listed,
    said_column,
    split_column,
)
from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.time_series.covariate_proposing import propose_covariates
from tuner.adapters.time_series.forecast_proposing import check_long, propose_horizon
from tuner.adapters.time_series.table_proposing import IDS, check_headed, table_in, values_in, written_as
from tuner.adapters.time_series.time_proposing import FoundTimes, find_times
from tuner.errors import DataError

_SERIES = frozenset((*IDS, "store", "station", "sensor", "region", "country", "product", "name", "site", "unique"))
_STEPS = re.compile(r"(?P<stem>.*?)[ _.-]?\d+")
_NUMBERS = frozenset(("target", "rul", "remaining_useful_life"))
"""Names of columns that hold a number to predict per item."""
_ITEMS = frozenset(("label", "labels", "class", "classes", "klasse", "etikett", "rul", "remaining_useful_life"))
"""Names of columns that tell that a table has labelled items; other names of classes are those of covariates, too."""
_BUDGET = to_begin_with(trials=20, epochs=25)
_LONG = 100
"""Steps of an item from which on the space for long series is proposed."""


def propose_classification(seen: Glimpse) -> Proposal | None:
    """Labelled sequences: .ts, .npz, a table with a row per item, or a long one with a row per step."""
    if seen.suffix == ".ts" and seen.text is not None:
        return None if _has_numbers(seen.text) else _ts_file(seen)
    if seen.suffix == ".npz":
        return _arrays(seen)
    table = table_in(seen)
    if table is None or not any(column.is_number for column in table.columns):
        return None
    check_headed(seen, table)
    times = find_times(seen, table)
    ids = _id_column(seen, table, times)
    if ids is not None and (found := _long(seen, table, ids, times)) is not None:
        return found
    return None if times is not None and not seen.said.get("label") else _wide(seen, table)


def propose_regression(seen: Glimpse) -> Proposal | None:
    """Sequences with a number each: .ts with @targetLabel, or a table with target columns."""
    if seen.suffix == ".ts":
        if seen.text is None or not _has_numbers(seen.text):
            return None
        return Proposal(Fit.SURE, "sequences with a number each, in the form .ts of the TSER archive", _BUDGET)
    table = table_in(seen)
    if table is None:
        return None
    said = [name.strip() for name in seen.said.get("targets", "").split(",") if name.strip()]
    found = [column.name for column in table.columns if column.name.lower() in _NUMBERS and column.is_number]
    targets = [said_column(table, "targets", name).column.name for name in said] or found[:1]
    if not targets:
        return None
    check_headed(seen, table)
    times = find_times(seen, table)
    ids = _id_column(seen, table, times)
    lines = written_as(seen, table)
    if ids is not None:
        lines.append(Line(("data", "id"), ids.column.name, ids.why, ids.guessed))
        if times is not None:
            lines += [Line(("data", "time"), times.column.name, times.why, times.guessed), *times.form]
    units = len(ids.column.counts) if ids else table.rows
    distinct = len(next(column.counts for column in table.columns if column.name == targets[0]))
    why = "as asked for" if said else f"by its name; {distinct} values; set data.targets to change that"
    lines.append(Line(("data", "targets"), targets, why, guessed=not said))
    named = [*targets, *(str(line.value) for line in lines if line.key[1] in ("id", "time"))]
    channels, line, doubts = values_in(seen, table, named, "channels")
    if not channels or (ids is None and len(channels) < 2):
        return None
    rows = "a row per step" if ids else "a row per item"
    fit = Fit.LIKELY if distinct > units // 2 and not (times and not ids) else Fit.POSSIBLE
    if fit is Fit.LIKELY and ids and {*targets} <= {column.name for column in _per_item(table, ids.column, ())[0]}:
        fit = Fit.SURE  # what is forecast is not the same in all rows of a series
    what = f"sequences with {listed(targets)} for each, in a table, {rows}"
    return Proposal(fit, what, [*lines, *line, *_BUDGET], [f"{units} items"], doubts)


def propose_labelling(seen: Glimpse) -> Proposal | None:
    """A long table with a class that changes within items."""
    table = table_in(seen)
    if table is None or not any(column.is_number for column in table.columns):
        return None
    check_headed(seen, table)
    times = find_times(seen, table)
    ids = _id_column(seen, table, times)
    if ids is None:
        return None
    known = [ids.column.name, *([times.column.name] if times else [])]
    words = [column for column in table.columns if column.name not in known and not column.is_number]
    name = seen.said.get("label")
    label = said_column(table, "label", name) if name else label_column(words, table.rows)
    if label is None or len(set(zip(ids.column.cells, label.column.cells, strict=True))) <= len(ids.column.counts):
        return None
    rest, first = _per_item(table, ids.column, known)
    taken = [line for line in (group_column(rest, len(first)), split_column(rest)) if line is not None]
    named = [*known, label.column.name, *(str(line.value) for line in taken)]
    channels, line, doubts = values_in(seen, table, named, "channels", fixed={column.name for column in rest})
    if not channels:
        return None
    lines = [
        *written_as(seen, table),
        Line(("data", "id"), ids.column.name, ids.why, ids.guessed),
        *([Line(("data", "time"), times.column.name, times.why, times.guessed), *times.form] if times else []),
        Line(("data", "label"), label.column.name, label.why, label.guessed),
        *taken,
        *line,
    ]
    facts, more = balance(label.column.counts, what="steps", whole=seen.whole and table.whole)
    what = f"a class per step of {len(ids.column.counts)} items, in a long table"
    fit = Fit.POSSIBLE if label.guessed else Fit.SURE
    return Proposal(fit, what, [*lines, *_BUDGET], facts, [*doubts, *more])


def _has_numbers(text: str) -> bool:
    """Whether the items of a .ts file have numbers instead of classes."""
    return re.search(r"(?im)^@targetlabel\s+true", text) is not None


def propose_forecasting(seen: Glimpse) -> Proposal | None:
    """One or several time series, a row per step."""
    table = table_in(seen)
    if table is None or not any(column.is_number for column in table.columns):
        return None
    check_headed(seen, table)
    times = find_times(seen, table)
    if times is None:
        check_long(seen, table)
    name = seen.said.get("series")
    series = said_column(table, "series", name) if name else _series_column(table, times)
    named = [each.column.name for each in (times, series) if each is not None]
    beside, covariates = propose_covariates(table, named, series, seen.said)
    targets, line, doubts = values_in(seen, table, [*named, *covariates], "targets")
    if not targets:
        return None
    lines = [*written_as(seen, table)]
    if times is not None:
        lines.append(Line(("data", "time"), times.column.name, times.why, times.guessed))
        lines += times.form
    if series is not None:
        lines.append(Line(("data", "series"), series.column.name, series.why, series.guessed))
    lines += [*line, *beside]
    rest, facts, more = propose_horizon(seen, table, times, series)
    lines += rest
    many = f"{len(series.column.counts)} series" if series else "a series"
    channels = f"{len(targets)} columns" if len(targets) > 1 else f"the column {targets[0]!r}"
    what = f"{many} in time, {channels} to forecast, a row per step"
    fit = Fit.LIKELY if times is not None else Fit.POSSIBLE
    return Proposal(fit, what, [*lines, *to_begin_with(trials=15, epochs=15)], facts, [*doubts, *more])


def _budget(steps: int) -> list[Line]:
    """Lines of a first search for items of that many steps."""
    if steps < _LONG:
        return _BUDGET
    why = f"for items of {steps} steps: rows joined to segments, differences, crops; many short epochs"
    return [Line(("search_space",), "series", why), *to_begin_with(trials=20, epochs=100)[1:]]


def _ts_file(seen: Glimpse) -> Proposal:
    assert seen.text is not None
    _, _, body = seen.text.lower().partition("@data")
    items = [line.split(":") for line in seen.text[-len(body) :].split("\n") if ":" in line] if body else []
    counts = Counter(item[-1].strip() for item in items)
    facts: list[str] = []
    doubts: list[str] = []
    lines = _BUDGET
    if counts:
        facts, doubts = balance(counts, what="items", whole=seen.whole)
        lengths = sorted(item[0].count(",") + 1 for item in items)
        facts.append(f"{len(items[0]) - 1} channels, {lengths[0]} to {lengths[-1]} steps")
        lines = _budget(lengths[len(lengths) // 2])
    what = "labelled sequences in the form .ts of the UCR and UEA archives"
    return Proposal(Fit.SURE, what, lines, facts, doubts)


def _arrays(seen: Glimpse) -> Proposal | None:
    shapes = array_shapes(seen.path)
    if not {"X", "y"} <= shapes.keys():
        raise DataError(
            "an .npz must have the arrays X and y",
            value=sorted(shapes),
            fix="Save them by these names: numpy.savez(path, X=..., y=...).",
            where=str(seen.path),
        )
    x, lines = shapes["X"], []
    turned = "lengths" not in shapes and len(x) == 3 and x[2] > x[1]
    if turned:
        why = f"X is {x}, read as {x[2]} steps of {x[1]} channels; set channels_last if it is the other way round"
        lines.append(Line(("data", "layout"), "channels_first", why, guessed=True))
    labels = read_arrays(seen.path, ("y",))[0]["y"].ravel().astype(str).tolist()
    facts, doubts = balance(Counter(labels), what="items", whole=True)
    for name, option in (("group", "group"), ("groups", "group"), ("speaker", "group"), ("split", "split")):
        if shapes.get(name) == shapes["y"]:
            lines.append(
                Line(("data", option), name, f"an array of that name, a value for each of {len(labels)} items")
            )
    axes = "one after the other, separated by lengths" if "lengths" in shapes else f"X {x}"
    steps = x[0] // max(1, len(labels)) if "lengths" in shapes else x[1 + turned] if len(x) > 1 else 1
    return Proposal(
        Fit.LIKELY,
        f"labelled sequences in arrays, {axes}",
        [*lines, *_budget(steps)],
        facts,
        doubts,
    )


def _long(seen: Glimpse, table: GlimpsedTable, ids: Chosen, times: FoundTimes | None) -> Proposal | None:
    """A table with a row per step: the label is the same in all rows of an item."""
    known = (ids.column.name, times.column.name if times else None)
    per_item, first = _per_item(table, ids.column, known)
    name = seen.said.get("label")
    label = said_column(table, "label", name) if name else label_column(per_item, len(first))
    fixed = {column.name for column in per_item}
    if label is None or len(first) < 2 or label.column.name not in fixed:
        return None
    counts = Counter(label.column.cells[row] for row in first) if name else label.column.counts
    rest = [column for column in per_item if column.name != label.column.name]
    taken = [line for line in (group_column(rest, len(first)), split_column(rest)) if line is not None]
    named = [*filter(None, known), label.column.name, *(str(line.value) for line in taken)]
    channels, line, doubts = values_in(seen, table, named, "channels", fixed=fixed)
    if not channels:
        return None
    why = f"{label.why.partition(';')[0]}; the same in all rows of an item" if not label.guessed else label.why
    lines = [
        *written_as(seen, table),
        Line(("data", "id"), ids.column.name, ids.why, ids.guessed),
        *([Line(("data", "time"), times.column.name, times.why, times.guessed), *times.form] if times else []),
        Line(("data", "label"), label.column.name, why, label.guessed),
        *taken,
        *line,
    ]
    facts, more = balance(counts, what="items", whole=seen.whole and table.whole)
    lengths = sorted(ids.column.counts.values())
    facts.append(f"items of {lengths[0]} to {lengths[-1]} steps, {len(channels)} channels: {listed(channels)}")
    what = f"labelled sequences in a long table, a row per step, {len(first)} items"
    return Proposal(Fit.SURE, what, [*lines, *_budget(lengths[len(lengths) // 2])], facts, [*doubts, *more])


def _per_item(
    table: GlimpsedTable, ids: GlimpsedColumn, known: Collection[str | None]
) -> tuple[list[GlimpsedColumn], list[int]]:
    """The columns that are the same in all rows of an item, with a cell per item, and the first row of each item."""
    first: dict[str, int] = {}
    for row, cell in enumerate(ids.cells):
        first.setdefault(cell, row)
    starts = [first[cell] for cell in ids.cells]
    rows = list(first.values())
    found = [
        replace(column, cells=tuple(column.cells[row] for row in rows))
        for column in table.columns
        if column.name not in known and all(map(str.__eq__, (column.cells[row] for row in starts), column.cells))
    ]
    return found, rows


def _wide(seen: Glimpse, table: GlimpsedTable) -> Proposal | None:
    """A table with a row per item: the columns are steps."""
    name = seen.said.get("label")
    label = said_column(table, "label", name) if name else label_column(table.columns, table.rows)
    if label is None:
        return None
    rest = [column for column in table.columns if column is not label.column]
    taken = [line for line in (group_column(rest, table.rows), split_column(rest)) if line is not None]
    named = [label.column.name, *(str(line.value) for line in taken)]
    steps, line, doubts = values_in(seen, table, named, "channels")
    seen_steps = [name for name in steps if not (last_word(name) in IDS and _differs(table, name))]
    if len(seen_steps) < 2:
        return None
    stems = Counter(match["stem"] for match in map(_STEPS.fullmatch, seen_steps) if match)
    numbered = bool(stems) and max(stems.values()) >= 0.8 * len(seen_steps)
    if not numbered:
        doubts = [
            f"the columns {listed(seen_steps)} are taken for the steps of one measurement, as each row is an item; "
            "if they are different measurements, there is no sequence for a recurrent network to learn",
            *doubts,
        ]
    lines = [*written_as(seen, table), Line(("data", "label"), label.column.name, label.why, label.guessed)]
    facts, more = balance(label.column.counts, what="items", whole=seen.whole and table.whole)
    facts.append(f"{len(seen_steps)} steps of one channel, the columns {seen_steps[0]!r} to {seen_steps[-1]!r}")
    fit = Fit.SURE if numbered and not label.guessed else Fit.LIKELY if numbered else Fit.POSSIBLE
    what = f"labelled sequences in a wide table, a row per item, {len(seen_steps)} steps"
    return Proposal(fit, what, [*lines, *taken, *line, *_budget(len(seen_steps))], facts, [*doubts, *more])


def _differs(table: GlimpsedTable, name: str) -> bool:
    """Whether a column has a different value in each row."""
    column = table.column(name)
    return column is not None and len(column.counts) == table.rows


def _id_column(seen: Glimpse, table: GlimpsedTable, times: FoundTimes | None) -> Chosen | None:
    """The id column of a long table: its values repeat, in consecutive rows.

    In a table that says that it has labelled items the rows may have any order, if times put them in theirs.
    """
    if name := seen.said.get("id"):
        return said_column(table, "id", name)
    scored = []
    for column in table.columns:
        if column.empty or column.timed or (times is not None and column is times.column):
            continue
        if column.is_number and not column.is_whole:
            continue
        runs = sum(one != other for one, other in zip(column.cells, column.cells[1:], strict=False)) + 1
        many = 2 <= len(column.counts) <= table.rows / 2
        if not many or runs > len(column.counts) or (min(column.counts.values()) < 2 and len(column.counts) < 3):
            continue
        by_name = last_word(column.name) in IDS
        if by_name or len(column.counts) >= 10:
            scored.append((by_name, len(column.counts), column))
    if not scored:
        labelled = seen.said.get("label") or any(column.name.lower() in _ITEMS for column in table.columns)
        return _series_column(table, times) if labelled else None
    by_name, items, column = max(scored, key=lambda each: each[:2])
    why = f"{'by its name; ' if by_name else ''}{items} values, each in consecutive rows"
    return Chosen(column, why if by_name else f"{why}; set data.id to change that", guessed=not by_name)


def _series_column(table: GlimpsedTable, times: FoundTimes | None) -> Chosen | None:
    """The series column: times repeat in the table, but not within any of its values."""
    if times is None or len(times.column.counts) == table.rows:
        return None
    found = []
    for column in table.columns:
        if column is times.column or column.empty or not 2 <= len(column.counts) <= table.rows / 2:
            continue
        if column.is_number and not column.is_whole:
            continue
        if len(set(zip(column.cells, times.column.cells, strict=True))) == table.rows:
            found.append((last_word(column.name) in _SERIES, not column.is_number, -len(column.counts), column))
    if not found:
        return None
    column = max(found, key=lambda each: each[:3])[3]
    why = f"{times.column.name} repeats, but not within any of its {len(column.counts)} values"
    return Chosen(column, why, guessed=len(found) > 1)
