"""Writes answers to a file, batch by batch, in the format of its ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from tuner.adapters.base import Row
from tuner.errors import DataError

SUFFIXES = (".csv", ".jsonl", ".parquet")


class Output(Protocol):
    """Writes rows."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        ...


def check(path: Path) -> None:
    """Refuse an unknown format or a missing folder, before anything is predicted.

    Raises:
        DataError: The format is unknown or the folder missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            "the answers' file must end in " + ", ".join(SUFFIXES), value=path.name, fix="Give it another name."
        )
    if not path.parent.is_dir():
        raise DataError("the answers' folder must exist", value=str(path.parent), fix="Make it, or name another one.")


@contextmanager
def opened(path: Path, columns: Mapping[str, type]) -> Iterator[Output]:
    """A file to write rows to; if that ends early, an existing file stays.

    Args:
        path: Ends in one of `SUFFIXES`.
        columns: Their names, in their order, and their types.
    """
    making = path.with_name(path.name + ".tmp")
    try:
        if path.suffix.lower() == ".parquet":
            with _Parquet(making, columns) as parquet:
                yield parquet
        else:
            with making.open("w", encoding="utf-8", newline="") as file:
                yield Csv(file, columns) if path.suffix.lower() == ".csv" else JsonLines(file)
        making.replace(path)
    except BaseException:
        making.unlink(missing_ok=True)
        raise


class Csv:
    """A header line, then a line per row; what is not known is empty."""

    def __init__(self, file: IO[str], columns: Mapping[str, type]) -> None:
        self._writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        self._writer.writeheader()

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._writer.writerows(rows)


class JsonLines:
    """One object a line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class _Parquet:
    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._writer = pq.ParquetWriter(path, self._schema)

    def __enter__(self) -> _Parquet:
        return self

    def write(self, rows: Sequence[Row]) -> None:
        import pyarrow as pa

        columns = {name: [row.get(name) for row in rows] for name in self._schema.names}
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def __exit__(self, *_: object) -> None:
        self._writer.close()
