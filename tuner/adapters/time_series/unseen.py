"""Categories of new data that training data did not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.adapters.time_series.table import Table
from tuner.words import counted


class Unseen:
    """Counts rows with such categories. A model takes them all for one category, the unknown one.

    Args:
        categories: Column -> the categories of training.
    """

    def __init__(self, categories: Mapping[str, Sequence[str]]) -> None:
        self._categories = categories
        self._rows: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def see(self, table: Table) -> None:
        """Count the rows of a table or of a part of one; missing values are not unseen ones."""
        for name, known in self._categories.items():
            cells = table.text_there(name)
            new = cells[~cells.isin([*known, ""])]
            if len(new):
                self._rows[name] = self._rows.get(name, 0) + len(new)
                self._first.setdefault(name, str(new.iloc[0]))

    @property
    def sentences(self) -> list[str]:
        """One per column that had any."""
        return [
            f"{name}: {counted(rows, 'row')} with a category that no training row has, such as "
            f"{self._first[name]!r:.80}; it is taken as unknown"
            for name, rows in self._rows.items()
        ]
