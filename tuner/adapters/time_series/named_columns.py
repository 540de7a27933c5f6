"""Columns of a table that options name or leave out: by name, or by a shell pattern such as sensor_*."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tuner.errors import DataError, nearest

if TYPE_CHECKING:
    from tuner.adapters.time_series.table import Table


def is_pattern(name: str) -> bool:
    """Whether a name may be a pattern: it has one of * ? [."""
    return not set("*?[").isdisjoint(name)


def plain(names: Sequence[str]) -> list[str]:
    """Those that are no patterns."""
    return [name for name in names if not is_pattern(name)]


def matches(name: str, given: Sequence[str]) -> bool:
    """Whether a name is among the given ones, or one of them is a pattern that it matches."""
    return name in given or any(fnmatchcase(name, each) for each in given)


def best(name: str, given: Collection[str]) -> str:
    """Which of the names and patterns counts for a name: itself, else the longest pattern; "" without one."""
    if name in given:
        return name
    return max((each for each in given if fnmatchcase(name, each)), key=lambda each: (len(each), each), default="")


def check_matched(given: Collection[str], names: Sequence[str], option: str, where: str) -> None:
    """Check that each of the given names and patterns matches a column.

    Raises:
        DataError: One matches none.
    """
    for each in given:
        if not any(matches(name, [each]) for name in names):
            raise DataError(
                f"data.{option} must match a column of values",
                value=each,
                fix=nearest(each, names),
                where=where,
                key=("data", option),
            )


def named(given: Sequence[str], table: Table, free: Sequence[str], option: str) -> tuple[str, ...]:
    """The columns that an option means, in its order, those of a pattern in the table's order.

    A name that a column has is that column, whatever it looks like.

    Args:
        given: Names and patterns.
        table: The table.
        free: Columns that patterns may match: those without another role.
        option: The option: "channels".

    Raises:
        DataError: A pattern matches none of the free columns.
    """
    found: list[str] = []
    for each in given:
        if each in table.columns or not is_pattern(each):
            found.append(each)
            continue
        matched = [name for name in free if fnmatchcase(name, each)]
        if not matched:
            raise DataError(
                f"data.{option} must match a column without another role",
                value=each,
                fix=nearest(each, free),
                where=str(table.path),
                key=("data", option),
            )
        found += matched
    return tuple(dict.fromkeys(found))


def without_dropped(drop: Sequence[str], table: Table, roles: Collection[str | None]) -> list[str]:
    """The columns of a table that have no role and are not left out.

    Args:
        drop: Names and patterns of `data.drop`.
        table: The table.
        roles: Columns that other options name.

    Raises:
        DataError: One of `drop` is no column, matches none, or has a role.
    """
    others = [name for name in table.columns if name not in roles]
    dropped = named(drop, table, others, "drop")
    for name in dropped:
        if name in others:
            continue
        there = name in table.columns
        raise DataError(
            "data.drop must name columns" + (" that no other option names" if there else " of the table"),
            value=name,
            fix="Take it out of one of them." if there else nearest(name, table.columns),
            where=str(table.path),
            key=("data", "drop"),
        )
    return [name for name in others if name not in dropped]
