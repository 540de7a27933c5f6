"""Untrusted Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.adapters.columns import check_columns
from tuner.adapters.room import must_fit
from tuner.disk import regular
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_CELL_BYTES = 8
_BUFFER = 1 << 20
"""Bytes of a column that are read at once if a table is read in parts."""
_DAMAGED = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""Exceptions that pyarrow and pandas raise on damaged bytes and false metadata, besides their own."""


def read_parquet(path: Path) -> pd.DataFrame:
    """The table of a Parquet file; an index stored by pandas becomes a column like the others.

    Metadata of pandas that does not match the table is ignored. Decimal numbers are
    read as floats, dictionary-encoded columns as their values, bytes as UTF-8.

    Raises:
        DataError: The file is damaged, its columns share a name or are too many, or it does not fit into memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with regular.open_bytes(path) as file:
            opened = pq.ParquetFile(file)
            check_columns([str(name) for name in opened.schema_arrow.names], str(path))
            _check_size(opened.metadata, path)
            frame = _frame(_plain(opened.read()))
    except DataError:
        raise
    except (*_DAMAGED, pa.ArrowException) as error:
        raise DataError("the file must be readable Parquet", value=_in_a_line(error), where=str(path)) from error
    frame.columns = [str(name) for name in frame.columns]
    check_columns(frame.columns.tolist(), str(path))
    return frame


def first_rows(path: Path, rows: int) -> tuple[pd.DataFrame, bool]:
    """The first rows of a table, as from `read_parquet`, and whether they are all.

    Raises:
        DataError: As `read_parquet`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with regular.open_bytes(path) as file:
            opened = pq.ParquetFile(file)
            check_columns([str(name) for name in opened.schema_arrow.names], str(path))
            _check_size(opened.metadata, path)
            batch = next(opened.iter_batches(batch_size=rows), None)
            table = opened.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])
            frame = _frame(_plain(table))
            whole = len(frame) >= opened.metadata.num_rows
    except DataError:
        raise
    except (*_DAMAGED, pa.ArrowException) as error:
        raise DataError("the file must be readable Parquet", value=_in_a_line(error), where=str(path)) from error
    frame.columns = [str(name) for name in frame.columns]
    return frame, whole


def parts(path: Path, cells: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """A table in parts of some rows each, as from `read_parquet`; at least one part, which may be empty.

    Args:
        path: The file.
        cells: Approximate largest number of cells of a part.
        columns: Columns to read if all of them exist; empty for all.

    Raises:
        DataError: The file is damaged, or its columns share a name or are too many.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with regular.open_bytes(path) as file:
            opened = pq.ParquetFile(file, buffer_size=_BUFFER)
            names = [str(name) for name in opened.schema_arrow.names]
            check_columns(names, str(path))
            _check_rows(opened.metadata, path)
            chosen = [*dict.fromkeys(columns)] if columns and set(columns) <= set(names) else names
            rows = max(1, cells // max(1, len(chosen)))
            empty = opened.schema_arrow.empty_table().select(chosen)
            for batch in opened.iter_batches(batch_size=rows, columns=chosen) if opened.metadata.num_rows else (None,):
                frame = _frame(_plain(empty if batch is None else pa.Table.from_batches([batch])))
                frame.columns = [str(name) for name in frame.columns]
                yield frame
    except DataError:
        raise
    except (*_DAMAGED, pa.ArrowException) as error:
        raise DataError("the file must be readable Parquet", value=_in_a_line(error), where=str(path)) from error


def _check_size(metadata: Any, path: Path) -> None:
    _check_rows(metadata, path)
    rows = metadata.num_rows
    must_fit(_CELL_BYTES * rows * metadata.num_columns, path, what=f"{rows} rows of {metadata.num_columns} columns")


def _check_rows(metadata: Any, path: Path) -> None:
    rows = sum(metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
    if rows < 0 or rows != metadata.num_rows:
        raise DataError(
            f"the file must have the {metadata.num_rows} rows that its footer says",
            value=rows,
            fix="It is damaged: save it again.",
            where=str(path),
        )


def _plain(table: Any) -> Any:
    """The table with decimals, dictionaries and bytes turned into numbers and texts; names may repeat."""
    import pyarrow as pa

    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_decimal(kind):
            kind = pa.float64()
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            kind = pa.large_string()
        fields.append(field.with_type(kind))
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def _frame(table: Any) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        frame: pd.DataFrame = table.to_pandas()
        return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()  # often the time column
    except (*_DAMAGED, pa.ArrowException):
        plain: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
        return plain


def _in_a_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().partition("\n")[0] or type(error).__name__
