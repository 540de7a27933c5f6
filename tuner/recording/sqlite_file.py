"""Prepares MLflow's SQLite file for a writer beside readers."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url


@contextmanager
def sqlite_prepared(uri: str) -> Iterator[None]:
    """Prepare a SQLite file for a writer beside readers; other databases are not changed.

    With a write-ahead log readers and the writer do not wait for each other, and a commit need not wait for the disk:
    after a power failure the file is consistent but may lack the last runs, which `sync` restores. The lock on the
    folder prevents two processes from making the same tables.
    """
    if not uri.startswith("sqlite:"):
        yield
        return
    path = Path(str(make_url(uri).database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not event.contains(Engine, "connect", _commit_without_waiting):
        event.listen(Engine, "connect", _commit_without_waiting)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _write_ahead(path)
        yield
    finally:
        os.close(folder)


def _write_ahead(path: Path) -> None:
    """Switch to a write-ahead log; the file remembers it."""
    connection = sqlite3.connect(path, timeout=20.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _commit_without_waiting(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")
