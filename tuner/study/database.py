"""The Optuna study in PostgreSQL: Optuna's own tables, written by one driver that survives restarts of the server.

There is one connection at a time, and it holds the lock on the study: a driver that loses the connection loses the
lock, and cannot write until it has both again. It waits for a server that is down. A write whose confirmation was lost
with the connection is repeated; it is idempotent.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from tuner.errors import StudyError
from tuner.redaction import redacted
from tuner.study.storage import SearchStorage

if TYPE_CHECKING:
    import psycopg

RETRY_SECONDS = 1.0
"""Time between two attempts to reach a server that is down."""
CONNECT_SECONDS = 10
"""Timeout of one attempt."""
_KEEPALIVE = {"idle": 30, "interval": 10, "count": 3}  # the lock of a machine that went down is free within a minute
_KEY = ("storage", "study")
_DIALECT = "postgresql+psycopg://"  # without host and password: the connector makes the connections

P = ParamSpec("P")
R = TypeVar("R")


def _patient(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Decorator of a method: repeat it if the connection broke during the call."""

    @functools.wraps(method)
    def repeated(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        while True:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                if not _went_away(error):
                    raise
                self.pause(error)

    return repeated


class DatabaseStudies(SearchStorage, _CachedStorage):
    """Studies in PostgreSQL, read once and then cached in memory.

    Args:
        url: postgresql://user@host:port/database, or any other URL that libpq accepts.
        study: The study to lock.
        waiting: Called about once a second with the problem while the server is down; may raise.
        translate: See `SearchStorage`.

    Raises:
        StudyError: No server, no driver for it, tables of another version of Optuna, or the study is in use.
    """

    def __init__(
        self,
        url: str,
        study: str,
        *,
        waiting: Callable[[str], None],
        translate: Callable[[FrozenTrial], FrozenTrial | None],
    ) -> None:
        self._database = _open(url, study, waiting)
        super().__init__(self._database, translate=translate)

    def group(self) -> AbstractContextManager[None]:
        """No grouping: a trial's last write finishes it, and the writes before it may be repeated."""
        return nullcontext()

    def close(self) -> None:
        """Disconnect, which also releases the lock."""
        self._database.engine.dispose()


def rename_study(url: str, study: str, name: str) -> None:
    """Rename a study, so that a new one can use its name; does nothing if the study does not exist.

    Raises:
        StudyError: As `DatabaseStudies`.
    """
    from sqlalchemy import text

    database = _open(url, study, _give_up)
    try:
        with database.engine.begin() as connection:
            connection.execute(
                text("UPDATE studies SET study_name = :name WHERE study_name = :study"), {"name": name, "study": study}
            )
    finally:
        database.engine.dispose()


class _Database(RDBStorage):
    """Optuna's tables, reached by `_Connector`."""

    def __init__(self, connector: _Connector) -> None:
        self._connector = connector
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # else a broken connection logs its traceback
        super().__init__(
            _DIALECT,
            engine_kwargs={"creator": connector, "pool_size": 1, "max_overflow": 0, "pool_pre_ping": True},
            skip_compatibility_check=True,  # `_prepare_tables` has checked
            skip_table_creation=True,
        )

    def pause(self, error: Exception) -> None:
        """Report a broken connection and wait a moment; the next connection waits for the server itself."""
        self._connector.waiting(_sentence(error.__cause__ or error))
        time.sleep(RETRY_SECONDS)

    create_new_study = _patient(RDBStorage.create_new_study)
    get_study_id_from_name = _patient(RDBStorage.get_study_id_from_name)
    get_study_name_from_id = _patient(RDBStorage.get_study_name_from_id)
    get_study_directions = _patient(RDBStorage.get_study_directions)
    get_study_user_attrs = _patient(RDBStorage.get_study_user_attrs)
    get_study_system_attrs = _patient(RDBStorage.get_study_system_attrs)
    set_study_user_attr = _patient(RDBStorage.set_study_user_attr)
    set_study_system_attr = _patient(RDBStorage.set_study_system_attr)
    get_trial = _patient(RDBStorage.get_trial)
    _get_trials = _patient(RDBStorage._get_trials)
    _create_new_trial = _patient(RDBStorage._create_new_trial)
    set_trial_user_attr = _patient(RDBStorage.set_trial_user_attr)
    set_trial_system_attr = _patient(RDBStorage.set_trial_system_attr)
    set_trial_intermediate_value = _patient(RDBStorage.set_trial_intermediate_value)

    @_patient
    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        """Finish a trial; no error if an earlier write, whose confirmation was lost, has finished it."""
        try:
            return super().set_trial_state_values(trial_id, state, values)
        except UpdateFinishedTrialError:
            return True

    def _get_prepared_new_trial(self, study_id: int, template_trial: FrozenTrial | None, session: Any) -> Any:
        """The row of a new trial, or the existing row if an earlier write arrived but its confirmation was lost."""
        assert template_trial is not None, "trials are stored whole"
        stored = (
            session.query(models.TrialModel).filter_by(study_id=study_id, number=template_trial.number).one_or_none()
        )
        return stored or super()._get_prepared_new_trial(study_id, template_trial, session)


class _Connector:
    """Opens the single connection, with the lock on the study; once one has succeeded, retries without limit."""

    def __init__(self, url: str, study: str, waiting: Callable[[str], None]) -> None:
        _, _, rest = url.partition("://")
        self._url = f"postgresql://{rest}"  # libpq knows no other scheme
        self._study = study
        self.waiting = waiting
        self._lock = int.from_bytes(hashlib.sha256(f"tuner\n{study}".encode()).digest()[:8], signed=True)
        self._me = f"tuner {os.getpid()} {os.uname().nodename}"[:63]  # PostgreSQL cuts it there
        self._worked = False

    def __call__(self, *, lock: bool = True) -> psycopg.Connection[Any]:
        import psycopg

        while True:
            try:
                connection = self._connect(lock)
            except psycopg.OperationalError as error:
                if not self._worked:
                    raise StudyError(
                        "the database of storage.study must answer",
                        value=_sentence(error),
                        fix="Start it or mend the URL; a password may stand in ~/.pgpass or PGPASSWORD.",
                        key=_KEY,
                    ) from None
                self.waiting(_sentence(error))
                time.sleep(RETRY_SECONDS)
            else:
                self._worked = True
                return connection

    def _connect(self, lock: bool) -> psycopg.Connection[Any]:
        import psycopg

        try:
            connection = psycopg.connect(
                self._url,
                application_name=self._me,
                connect_timeout=CONNECT_SECONDS,
                client_encoding="utf8",
                **{f"keepalives_{name}": value for name, value in _KEEPALIVE.items()},  # type: ignore[arg-type]
            )
        except psycopg.ProgrammingError as error:  # a URL that libpq cannot read
            raise StudyError(
                "storage.study must be a URL of PostgreSQL",
                value=_sentence(error),
                fix="Write it as postgresql://user@host:port/database.",
                key=_KEY,
            ) from None
        try:
            for name, value in _KEEPALIVE.items():
                connection.execute(f"SET tcp_keepalives_{name} = {value}".encode())
            while lock and not self._locked(connection):
                self._check_holder(connection)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _locked(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock,)).fetchone()
        return row is not None and bool(row[0])

    def _check_holder(self, connection: psycopg.Connection[Any]) -> None:
        """Terminate our own old session if the server still keeps it; raise if another driver holds the lock."""
        high, low = (self._lock >> 32) & 0xFFFFFFFF, self._lock & 0xFFFFFFFF
        row = connection.execute(
            "SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted AND"
            " l.locktype = 'advisory' AND l.classid::bigint = %s AND l.objid::bigint = %s AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (high, low),
        ).fetchone()
        if row is None:  # the lock has just been released
            return
        if row[1] != self._me:
            _, process, host = [*row[1].split(" ", 2), "?", "?"][:3]
            raise StudyError(
                f"study {self._study} must not be in use by another run",
                value=f"process {process} on {host}",
                fix="Wait for it, or stop it with Ctrl+C or `kill`.",
            )
        connection.execute("SELECT pg_terminate_backend(%s)", (row[0],))
        connection.commit()
        time.sleep(0.1)


def _open(url: str, study: str, waiting: Callable[[str], None]) -> _Database:
    connector = _Connector(url, study, waiting)
    _prepare_tables(connector)
    return _Database(connector)


def _prepare_tables(connector: _Connector) -> None:
    """Create Optuna's tables in an empty database.

    A database with other tables, or with those of another version of Optuna, is refused and left unchanged.
    """
    from alembic.script import ScriptDirectory

    with connector(lock=False) as connection:
        found = [
            connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)
            for table in ("alembic_version", "studies")
        ]
        if found[0] and not found[1]:
            raise StudyError(
                "storage.study must be a database of its own",
                value="one with tables of MLflow or another program",
                fix="Make another with `createdb`, and name it in the URL.",
                key=_KEY,
            )
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found[0] else None
    if not found[0]:
        creator = functools.partial(connector, lock=False)  # creating tables needs two connections at once
        RDBStorage(_DIALECT, engine_kwargs={"creator": creator}).engine.dispose()
    head = ScriptDirectory(str(Path(models.__file__).with_name("alembic"))).get_current_head()
    if row is not None and row[0] != head:
        raise StudyError(
            f"the database of storage.study must have the tables of Optuna {optuna.__version__} ({head})",
            value=row[0],
            fix="Copy it, then `optuna storage upgrade --storage URL`; if they are newer, upgrade Optuna.",
            key=_KEY,
        )


def _went_away(error: BaseException | None) -> bool:
    """Whether the server disconnected or lacks a resource (disk, memory), so that a retry may help."""
    from psycopg import InterfaceError, OperationalError

    while error is not None:
        if isinstance(error, OperationalError | InterfaceError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _sentence(error: BaseException) -> str:
    """The error in one line, without a password: "FATAL: the database system is shutting down"."""
    original = getattr(error, "orig", None) or error
    line = next(iter(str(original).strip().splitlines()), type(original).__name__)
    return redacted(line.rpartition(" failed: ")[2])


def _give_up(problem: str) -> None:
    raise StudyError("the database of storage.study must answer", value=problem, fix="Start it.", key=_KEY)
