"""The cells of a column of times, and how to refuse one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class CellError(DataError):
    """Cells of a column are no times; it speaks of the first of them."""

    cells: NDArray[np.bool_]
    """Which."""


class Column(NamedTuple):
    """The cells of a time column, and how to speak of them.

    Args:
        name: Of the column.
        cells: Texts without blanks around them, none empty.
        place: Tells where a row stands.
    """

    name: str
    cells: pd.Series[str]
    place: Callable[[int], str]

    def refuse(self, row: int, rule: str, fix: str) -> NoReturn:
        """Refuse the cell of a row."""
        sound = np.ones(len(self.cells), dtype=bool)
        sound[row] = False
        self.check(sound, rule, fix)
        raise AssertionError("a cell was refused")

    def check(self, sound: NDArray[np.bool_], rule: str, fix: str) -> None:
        """Refuse the first cell that is not sound."""
        if not sound.all():
            row = int(np.argmin(sound))
            error = CellError(
                f"{self.name} must {rule}", value=str(self.cells.iloc[row]), fix=fix, where=self.place(row)
            )
            error.cells = ~np.asarray(sound, dtype=bool)
            raise error


def either(forms: Sequence[str]) -> str:
    """Patterns as alternatives in a sentence."""
    return " or ".join(f"'{form}'" for form in forms)
