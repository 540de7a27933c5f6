"""The cells of a column of times, and errors about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError

_SLICE = 1 << 17
"""Cells that are parsed at once, as an object is made of each."""

if TYPE_CHECKING:
    import pandas as pd


class CellError(DataError):
    """Some cells of a column are no times; the message is about the first one."""

    cells: NDArray[np.bool_]
    """Mask of these cells."""


class Column(NamedTuple):
    """The cells of a time column, with what error messages need.

    Args:
        name: Name of the column.
        cells: Texts without blanks around them, none empty.
        place: Gives the place of a row.
    """

    name: str
    cells: pd.Series[str]
    place: Callable[[int], str]

    def refuse(self, row: int, rule: str, fix: str) -> NoReturn:
        """Raise an error about the cell of a row."""
        sound = np.ones(len(self.cells), dtype=bool)
        sound[row] = False
        self.check(sound, rule, fix)
        raise AssertionError("a cell was refused")

    def check(self, sound: NDArray[np.bool_], rule: str, fix: str) -> None:
        """Raise an error about the first cell that is not sound, if any."""
        if not sound.all():
            row = int(np.argmin(sound))
            error = CellError(
                f"{self.name} must {rule}", value=str(self.cells.iloc[row]), fix=fix, where=self.place(row)
            )
            error.cells = ~np.asarray(sound, dtype=bool)
            raise error


def slices_of(cells: pd.Series[str]) -> Iterator[NDArray[np.object_]]:
    """The cells as objects, some at a time."""
    for start in range(0, len(cells), _SLICE):
        yield cells.iloc[start : start + _SLICE].to_numpy(dtype=object)


def by_slices(cells: pd.Series[str], parsed: Callable[[pd.Series[str]], pd.Series[Any]]) -> pd.Series[Any]:
    """A column parsed a slice at a time."""
    import pandas as pd

    starts = range(0, len(cells), _SLICE)
    return pd.concat([parsed(cells.iloc[start : start + _SLICE]) for start in starts], ignore_index=True)


def either(forms: Sequence[str]) -> str:
    """Patterns as alternatives in a sentence."""
    return " or ".join(f"'{form}'" for form in forms)
