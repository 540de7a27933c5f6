"""The cells of a column of times, and how to refuse one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


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
        cell = str(self.cells.iloc[row])
        raise DataError(f"{self.name} must {rule}", value=cell, fix=fix, where=self.place(row))

    def check(self, sound: NDArray[np.bool_], rule: str, fix: str) -> None:
        """Refuse the first cell that is not sound."""
        if not sound.all():
            self.refuse(int(np.argmin(sound)), rule, fix)


def either(forms: Sequence[str]) -> str:
    """Patterns as alternatives in a sentence."""
    return " or ".join(f"'{form}'" for form in forms)
