"""Opening the storage of a study: a file in its folder, or a database."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.study.storage import JournalFile, JournalStudies, SearchStorage

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError, RuntimeError)
"""Exceptions that Optuna raises for a journal that is damaged or from another version."""


def open_storage(
    folder: StudyFolder,
    database: str | None,
    waiting: Callable[[str], None],
    translate: Callable[[FrozenTrial], FrozenTrial | None],
) -> SearchStorage:
    """Open the storage of a study; for the arguments see `Search`.

    Raises:
        StudyError: It is damaged, or its database is unreachable, or the study is in use.
    """
    if database is None:
        journal = JournalFile(folder.journal)
        try:
            return JournalStudies(journal, translate=translate)
        except UNREADABLE as error:
            journal.close()
            raise unreadable(folder, None, error) from error
    from tuner.study.database import DatabaseStudies  # SQLAlchemy, only where it is needed

    return DatabaseStudies(database, folder.name, waiting=waiting, translate=translate)


def unreadable(folder: StudyFolder, database: str | None, error: Exception) -> Exception:
    """The error to raise instead of one of `UNREADABLE`."""
    if isinstance(error, StudyError):
        return error
    return StudyError(
        f"study {folder.name} must be one that Optuna {optuna.__version__} reads",
        value=f"{type(error).__name__}: {error}",
        fix="`versions.json` in its folder names the version that wrote it: install that, or restore a copy. "
        "Nothing was changed.",
        where="" if database else str(folder.journal),
    )
