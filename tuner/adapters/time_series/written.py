"""The columns of a table whose numbers pandas does not read: as text, with thousands apart, signs, other marks.

What one column leaves open, 1,003 for 1003 or 1.003, the rest of the file may tell, or how the column was written in
training. N rows of a table, W different cells of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.dialect import Decimal
from tuner.adapters.numbers import Cells, Refused, Written, is_plain, read, why_not

if TYPE_CHECKING:
    import pandas as pd

Coded = Callable[[str], tuple[NDArray[np.int32], list[str]]]
_SHOWN = 3


class Known(NamedTuple):
    """What is known of a table's numbers beforehand.

    Args:
        asked: The decimal mark that the options set: other cells are refused.
        columns: Column -> how it was written in training.
        decimal: The decimal mark of other columns, if one is known.
        trained: Whether that is of a training table: its other columns are plain.
        shown: Column -> the decimal mark that parts of the table before this one have shown; more are added.
    """

    asked: Decimal | None = None
    columns: Mapping[str, Written] = MappingProxyType({})
    decimal: Decimal | None = None
    trained: bool = False
    shown: MutableMapping[str, Decimal] | None = None

    def facts(self) -> dict[str, Any]:
        """For `facts.json`; empty where all numbers are plain."""
        columns = {name: written._asdict() for name, written in self.columns.items()}
        return {"numbers": {"columns": columns, "decimal": self.decimal}} if columns or self.decimal else {}

    @classmethod
    def of(cls, facts: Mapping[str, Any], asked: Decimal | None) -> Known:
        """Of a model's facts, and the decimal mark that its options set."""
        told = facts.get("numbers", {"columns": {}, "decimal": None})
        columns = {name: Written(**written) for name, written in told["columns"].items()}
        return cls(columns=columns, decimal=asked or told["decimal"], trained=True, shown={})


class WrittenColumns:
    """The columns of text that may hold numbers.

    Args:
        names: These columns.
        coded: Gives a code per row of a column, and the cells that the codes stand for.
        known: What is known beforehand.
        decimal: The decimal mark of its plain numbers; a comma only where cells show it.
        plain: Tells whether plain numbers show it.
    """

    def __init__(
        self,
        names: Iterable[str],
        coded: Coded,
        known: Known,
        decimal: Decimal,
        plain: Callable[[], bool],
    ) -> None:
        self._names, self._coded, self._known, self._mark, self._plain = list(names), coded, known, decimal, plain
        self._shown = {} if known.shown is None else known.shown
        self._wordy: set[str] = set()
        self.used: dict[str, None] = {}
        """The columns whose numbers were asked for."""
        self._found: dict[str, Written] = {}
        self._examples: dict[str, str] = {}
        self._latest: dict[str, Written] = {}

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """The numbers of a column, (N,), NaN where they are missing; None if one of its cells is no number."""
        if name not in self._names or name in self._wordy:
            return None
        codes, words = self._coded(name)
        cells = read(words, whole=True)
        if cells is not None:
            written, values_W = self._values(name, cells)
            if not np.isinf(values_W).any() and not np.isnan(values_W).all():
                self._tell(name, cells, values_W, written)
                return np.asarray(values_W[codes])
        self._wordy.add(name)
        return None

    def numbers_there(self, name: str) -> NDArray[np.float64]:
        """The same, (N,), infinite where a cell is no number."""
        codes, words = self._coded(name)
        cells = read(words)
        assert cells is not None
        return np.asarray(self._values(name, cells)[1][codes])

    def refused(self, name: str) -> tuple[int, str, Refused] | None:
        """The first row of a column whose cell is no number, the cell, and why; None if there is none."""
        codes, words = self._coded(name)
        cells = read(words)
        assert cells is not None
        written, values_W = self._values(name, cells)
        rows = np.flatnonzero(np.isinf(values_W)[codes])
        if not len(rows):
            return None
        word = words[codes[rows[0]]]
        return int(rows[0]), word, why_not(word, written, self._known.asked)

    def rule_of(self, name: str, word: str) -> str:
        """The rule that a cell breaks, after `numbers_there`."""
        return why_not(word, self._latest.get(name, Written()), self._known.asked).rule

    def word(self, name: str) -> tuple[int, str] | None:
        """The first row of a column whose cell is no number, however its column is written, and the cell."""
        codes, words = self._coded(name)
        cells = read(words)
        assert cells is not None
        rows = np.flatnonzero((np.isnan(cells.point) & np.isnan(cells.comma) & ~cells.missing)[codes])
        return (int(rows[0]), words[codes[rows[0]]]) if len(rows) else None

    def _values(self, name: str, cells: Cells) -> tuple[Written, NDArray[np.float64]]:
        known = self._known.columns.get(name, Written() if self._known.trained else None)
        written = self._latest[name] = cells.written(self._decimal(name, cells), known)
        return written, cells.values(written, known)

    def _decimal(self, name: str, cells: Cells) -> Decimal | None:
        """The decimal mark of a column: as its own cells show it, else the rest of the file, else the training."""
        if self._known.asked is not None:
            return self._known.asked
        if (shown := cells.shown) is not None:
            self._shown.setdefault(name, shown)
        if name in self._shown:
            return self._shown[name]
        if not cells.doubtful.any():
            return None
        before = self._known.columns.get(name, Written()).decimal or self._known.decimal
        return self._beside(name) or before or (self._mark if self._plain() else None)

    def _beside(self, name: str) -> Decimal | None:
        """The decimal mark that the rest of the file shows, if it shows one only."""
        for other in self._names:
            if other != name and other not in self._shown:
                cells = read(self._coded(other)[1], whole=True)
                if cells is not None and cells.shown is not None:
                    self._shown[other] = cells.shown
        marks: set[Decimal] = {*self._shown.values()} | ({self._mark} if self._mark == "," else set())
        return marks.pop() if len(marks) == 1 else None

    def _tell(self, name: str, cells: Cells, values_W: NDArray[np.float64], written: Written) -> None:
        """Keep an example: of cells that alone would be in doubt the first one, else the longest that is not plain."""
        self._found[name] = written
        by_others = written.decimal is not None and cells.shown is None and self._known.asked is None
        doubtful = np.flatnonzero(cells.doubtful)
        odd = [at for at, word in enumerate(cells.words) if not cells.missing[at] and not is_plain(word)]
        if not len(doubtful) and not odd:
            return
        at = int(doubtful[0]) if len(doubtful) else max(odd, key=lambda at: len(cells.words[at]))
        how = f"{name} {cells.words[at]!r} as {values_W[at]:.15g}"
        if len(doubtful) and by_others:
            how += " by the decimal mark of other columns; set data.decimal to change that"
        self._examples[name] = how

    def notices(self, name: str) -> list[str]:
        """A sentence on how used numbers that are not plain are read; empty if all of them are plain.

        Args:
            name: The file's name.
        """
        told = [self._examples[each] for each in self.used if each in self._examples]
        more = f" and {len(told) - _SHOWN} more columns" if len(told) > _SHOWN else ""
        return [f"{name} has numbers that are not plain, read so: {'; '.join(told[:_SHOWN])}{more}"] if told else []

    def known(self) -> Known:
        """How the used numbers are written, for further tables."""
        columns = {name: self._found[name] for name in self.used if name in self._found}
        marks = {written.decimal for written in columns.values() if written.decimal is not None}
        marks |= {self._mark} if self._mark == "," else set()
        return Known(columns=columns, decimal=marks.pop() if len(marks) == 1 else None, trained=True)


def written_in(frame: pd.DataFrame, text: Sequence[str], known: Known, decimal: Decimal) -> WrittenColumns:
    """The columns of text of a table that may hold numbers.

    Args:
        frame: The table.
        text: Its columns that stay text.
        known: What is known beforehand.
        decimal: The decimal mark of its plain numbers.
    """
    names = [str(name) for name, dtype in frame.dtypes.items() if dtype.kind == "O" and name not in text]
    return WrittenColumns(names, lambda name: coded(frame[name]), known, decimal, lambda: _has_fractions(frame))


def _has_fractions(frame: pd.DataFrame) -> bool:
    """Whether a column of plain numbers has a fraction, which shows the decimal mark."""
    for name, kind in frame.dtypes.items():
        if kind.kind == "f":
            values: Any = frame[name].to_numpy()
            if (values[np.isfinite(values)] % 1 != 0).any():
                return True
    return False


def stripped(column: pd.Series[Any]) -> pd.Series[str]:
    """The cells of a column of text without blanks around them; "" for missing ones."""
    cells = column.astype(str).str.strip()
    if column.isna().any():
        return cells.where(column.notna(), "")
    return column if cells.equals(column) else cells  # mostly they are the same: no second copy of a long column


def coded(column: pd.Series[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """A code per row, and the words that the codes stand for, by first appearance; "" for missing cells."""
    import pandas as pd

    if not isinstance(column.dtype, pd.CategoricalDtype):
        codes, words = pd.factorize(stripped(column))
        return codes.astype(np.int32), list(words)
    of_row, seen = pd.factorize(column.cat.codes.to_numpy())
    codes, words = pd.factorize(stripped(pd.Series(column.cat.categories.take(seen).where(seen >= 0, ""))))
    return codes.astype(np.int32)[of_row], list(words)
