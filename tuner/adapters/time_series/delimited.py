"""Delimited text as columns, by pandas: a small file at once, a large one in parts.

Of a large file only a part is in memory as text. Its columns have the types and the values that they have when the
file is read at once: where parts differ in type, it is read again, with the type of the whole. A column whose cells
repeat, such as the names of series, is stored as codes.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from tuner.adapters import progress
from tuner.adapters.columns import check_columns
from tuner.adapters.dialect import Dialect, Writing, recognize, without_separator_line
from tuner.adapters.files import read_text
from tuner.adapters.lines import opened_text
from tuner.adapters.missing import WORDS
from tuner.adapters.table import Row, delimited_rows
from tuner.disk import regular
from tuner.errors import DataError, is_text

if TYPE_CHECKING:
    import pandas as pd

LARGE = 1 << 22
"""Bytes from which on a file is read in parts."""
_CELLS = 1 << 18
"""Cells of a part."""
_MOST_COLUMNS = 256
"""A table with more columns is read at once, as each column of each part takes time."""
_SAMPLE = 1 << 20
"""Characters by which separator and header are recognized."""
_BLOCK = 1 << 18
"""Characters that are read at once."""
_DISTINCT = 1 << 19
"""With more different cells than this, a column of text is no longer stored as codes."""


class Columns(NamedTuple):
    """The columns of a file.

    Args:
        frame: Numbers, text, or in large files text as categories.
        dialect: Its separator and decimal mark.
        plain: Whether each row below the header is one line, and none is blank.
    """

    frame: pd.DataFrame
    dialect: Dialect
    plain: bool


def read_delimited(path: Path, text: Sequence[str], wanted: Sequence[str], writing: Writing) -> Columns:
    """Read a table.

    Args:
        path: A .csv or .tsv file with a header line.
        text: The columns that stay text.
        wanted: Further required columns, by which the separator is recognized.
        writing: The options of its format.

    Raises:
        DataError: The file is missing, damaged or empty.
    """
    if (large := read_large(path, text, wanted, writing)) is not None:
        return large
    content, dialect = recognize(
        read_text(path, writing.encoding),
        path,
        separator=writing.separator,
        decimal=writing.decimal,
        wanted=(*text, *wanted),
    )
    frame = read_csv(path, content, dialect, text, lambda: deque(rows_of(path, content, dialect), maxlen=0))
    return Columns(frame, dialect, content.rstrip().count("\n") == len(frame))


def rows_of(path: Path, content: str, dialect: Dialect) -> Iterator[Row]:
    """The rows of a table one by one; the error names the first damaged one."""
    return delimited_rows(
        path, content, dialect, more="If the separator is another character, name it in data.separator."
    )


def read_csv(
    path: Path, content: str, dialect: Dialect, text: Sequence[str], refuse_rows: Callable[[], object]
) -> pd.DataFrame:
    """Read a table at once; the columns of `text` stay text."""
    import pandas as pd

    parsing = _parsing(path, content, dialect, text)
    try:
        with _strict():
            frame: pd.DataFrame = pd.read_csv(io.StringIO(content), **parsing)
            return frame
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        refuse_rows()
        raise DataError("the table must be well-formed CSV", value=str(error), where=str(path)) from error


def read_large(path: Path, text: Sequence[str], wanted: Sequence[str], writing: Writing) -> Columns | None:
    """Read a large table in parts; the columns of `text` stay text.

    None if the file must be read at once: it is small, has very many columns or columns of types that do not go
    together, or it has an error, of which the reading at once knows the place.
    """
    import pandas as pd

    try:
        if regular.status(path).st_size < LARGE:
            return None
        dialect = _dialect(path, text, wanted, writing)
        reading = _Reading(path, writing, dialect, text)
        columns = _columns(reading.parts({}))
        if types := {name: kind for name, column in columns.items() if (kind := column.whole_type()) is not None}:
            columns.clear()
            columns = _columns(reading.parts(types))
        frame = _frame(columns)
        give_back()
        return Columns(frame, dialect, reading.lines == reading.rows)
    except (DataError, ValueError, OSError, pd.errors.ParserError, pd.errors.ParserWarning):
        return None


def give_back() -> None:
    """Return the memory of texts that are no longer needed, which Arrow keeps for later ones."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _parsing(path: Path, content: str, dialect: Dialect, text: Sequence[str]) -> dict[str, Any]:
    """The arguments of `pandas.read_csv` for a table that begins so."""
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=dialect.separator, skipinitialspace=dialect.spaced)
    names = [name.strip() for name in next((row for row in lines if row), [])]
    if names.count("") > 1:  # separators at the ends of lines
        names = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    if not names:
        raise DataError(
            "the table must have a header line and rows",
            value="an empty file",
            fix="Add data.",
            where=str(path),
        )
    check_columns(names, f"{path}:1")
    return {
        "sep": dialect.separator,
        "decimal": dialect.decimal,
        "header": 0,
        "names": names,
        "index_col": False,
        "dtype": {name: str for name in text if name in names},
        "keep_default_na": False,
        "na_values": {name: WORDS for name in names if name not in text},
        "low_memory": False,
        "skipinitialspace": dialect.spaced,
    }


@contextmanager
def _strict() -> Iterator[None]:
    """Turn pandas' warnings of rows that do not fit into errors."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        yield


def _dialect(path: Path, text: Sequence[str], wanted: Sequence[str], writing: Writing) -> Dialect:
    """As of the whole text; see `recognize`."""
    with opened_text(path, writing.encoding) as file:
        sample = file.read(_SAMPLE) + file.readline()
        _, dialect = recognize(
            sample,
            path,
            separator=writing.separator,
            decimal=writing.decimal,
            wanted=(*text, *wanted),
            rest=_in_lines(file),
        )
    return dialect


def _in_lines(file: TextIO) -> Iterator[str]:
    """The rest of a file in blocks of whole lines."""
    while block := file.read(_BLOCK):
        yield block + file.readline()


class _Reading:
    """One file, to be read in parts as often as needed.

    Args:
        path: The file.
        writing: The options of its format.
        dialect: Its separator and decimal mark.
        text: The columns that stay text.
    """

    def __init__(self, path: Path, writing: Writing, dialect: Dialect, text: Sequence[str]) -> None:
        self._path, self._writing, self._dialect, self._text = path, writing, dialect, text
        self.rows, self.lines = 0, 0
        """Rows of the parts so far, and the lines below the header that they and blank lines took."""

    def parts(self, types: Mapping[str, type]) -> Iterator[pd.DataFrame]:
        """The parts, with columns of these types; the types of others follow from each part."""
        import pandas as pd

        size = regular.status(self._path).st_size
        self.rows = 0
        with opened_text(self._path, self._writing.encoding) as file, _strict():
            sample = file.read(_SAMPLE) + file.readline()
            sample = without_separator_line(sample)
            text = _Text(sample, file, lambda: progress.at(f"reading {self._path.name}", file.buffer.tell() / size))
            parsing = _parsing(self._path, sample, self._dialect, self._text)
            names = parsing["names"]
            if len(names) > _MOST_COLUMNS:
                raise ValueError("too many columns")
            parsing["dtype"] |= types
            with pd.read_csv(text, chunksize=max(1, _CELLS // len(names)), **parsing) as parts:
                for part in parts:
                    self.rows += len(part)
                    yield part
            self.lines = text.lines


class _Text(io.TextIOBase):
    """The text of a file for pandas, whose lines are counted.

    Args:
        sample: Its beginning, read before.
        file: The rest of it.
        tell: Called at each block.
    """

    def __init__(self, sample: str, file: TextIO, tell: Callable[[], None]) -> None:
        self._blocks = chain([sample], iter(lambda: file.read(_BLOCK), ""))
        self._tell = tell
        self.lines, self._blank = 0, 0
        """Ends of lines before the last cell so far, and those behind it."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, _size: int | None = -1, /) -> str:
        """The next block, whatever its size."""
        block = next(self._blocks, "")
        if not block.isascii() and not is_text(block):
            raise ValueError("bytes that are no text in the file's encoding")
        self._tell()
        if cells := block.rstrip():
            self.lines += self._blank + cells.count("\n")
            self._blank = 0
        self._blank += block.count("\n", len(cells))
        return block


def _columns(parts: Iterator[pd.DataFrame]) -> dict[str, _Column]:
    """The columns by name."""
    found: dict[str, _Column] = {}
    for part in parts:
        for name, cells in part.items():
            found.setdefault(str(name), _Column()).add(cells)
    if not found:
        raise ValueError("no rows")
    return found


class _Column:
    """The cells of a column so far; none where its parts have several types."""

    def __init__(self) -> None:
        self.types: set[str] = set()
        self._parts: list[Any] = []
        """Numbers, or cells of text where most are different."""
        self._codes: list[NDArray[np.int32]] = []
        self._words: dict[str, int] = {}
        """Different cells of text -> their codes."""

    def add(self, cells: pd.Series[Any]) -> None:
        """Add the cells of a part."""
        self.types.add(str(cells.dtype))
        if len(self.types) > 1:
            self._parts, self._codes, self._words = [], [], {}
        elif cells.dtype.kind in "iufb":
            self._parts.append(cells.to_numpy().copy())  # without the rest of the part
        else:
            self._add_text(cells)

    def _add_text(self, cells: pd.Series[Any]) -> None:
        import pandas as pd

        if not self._parts:
            cells = cells.fillna("")
            codes, words = pd.factorize(cells)
            if self._codes or 2 * len(words) <= len(cells):
                known = self._words
                of = np.array([known.setdefault(word, len(known)) for word in words.tolist()], dtype=np.int32)
                self._codes.append(of[codes])
                if len(known) <= _DISTINCT:
                    return
                self._parts.append(self._coded().astype(cells.dtype))
                self._codes, self._words = [], {}
                return
        self._parts.append(cells.array)

    def whole_type(self) -> type | None:
        """The type of the whole column, where its parts have several.

        Raises:
            ValueError: It follows from more than these types.
        """
        if len(self.types) == 1:
            return None
        if self.types == {"int64", "float64"}:
            return float
        if self.types & {"str", "object"}:
            return str
        raise ValueError(self.types)

    def values(self) -> Any:
        """All cells; those of the parts are given up."""
        import pandas as pd

        if self._codes:
            return self._coded()
        parts, self._parts = self._parts, []
        return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else pd.concat(map(pd.Series, parts)).array

    def _coded(self) -> pd.Categorical:
        import pandas as pd

        codes, self._codes = np.concatenate(self._codes), []
        return pd.Categorical.from_codes(codes, categories=pd.Index(list(self._words), dtype=object))


def _frame(columns: Mapping[str, _Column]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: column.values() for name, column in columns.items()}, copy=False)
