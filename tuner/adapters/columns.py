"""Checks of a table's columns: not too many, and with different names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tuner.errors import DataError

MAX_COLUMNS = 100_000
"""Largest number of columns; each costs some 200 microseconds, whatever is in it."""


def check_columns(names: Sequence[str], where: str) -> None:
    """Refuse too many columns, and two columns of the same name.

    Raises:
        DataError: There are.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"a table must have at most {MAX_COLUMNS} columns",
            value=len(names),
            fix="Write a row per step (data.id, data.time), or save arrays as .npz.",
            where=where,
        )
    name, count = max(Counter(names).items(), key=lambda pair: pair[1], default=("", 0))
    if count > 1:
        raise DataError("column names must differ", value=name, fix="Rename one.", where=where)
