"""Optuna's journal on disk, written by one driver, and the storage as samplers see it.

Optuna's own file backend supports many writers: it locks, rereads and syncs the file at every call. Here a study has
one writer, which holds the folder's lock; it need not reread what it has appended, and can group appends into one
write with one fsync. The lines have Optuna's format: any tool that opens journal files can read them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from tuner.disk import regular
from tuner.disk.events import cut_torn_tail, write_whole
from tuner.errors import StudyError


class JournalFile(BaseJournalBackend):
    """A journal with a single writer: the caller holds a lock on the study.

    An incomplete last line, left by a crash or a full disk, is ignored, and removed before the first append. Until then
    the file is not changed, so that a file that Optuna cannot read is preserved.

    Raises:
        StudyError: A line in the middle is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logs = _read_lines(path)
        self._first = 0  # number of the first log in memory; those before it have been read
        self._file: FileIO | None = None
        self._unwritten: list[bytes] = []
        self._grouping = False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append in memory, and to the file immediately or at the end of the group."""
        self._logs += logs
        self._unwritten += [json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs]
        if not self._grouping:
            self._flush()

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Logs from a number on; earlier ones are dropped, as the only reader does not need them again."""
        self._logs = self._logs[log_number_from - self._first :]
        self._first = log_number_from
        return self._logs

    @contextmanager
    def group(self) -> Iterator[None]:
        """Context in which appends are collected; one write puts them on disk at its end."""
        self._grouping = True
        try:
            yield
        finally:
            self._grouping = False
            self._flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _flush(self) -> None:
        if self._unwritten:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.fdopen(regular.open_to_append(self._path), "rb+", buffering=0)
                cut_torn_tail(self._path)
            write_whole(self._file, b"".join(self._unwritten), self._path)
            os.fsync(self._file.fileno())
            self._unwritten = []


DRAFT_ID = -1
"""Trial id of the draft: the trial that is being suggested and is not yet in the storage."""


class SearchStorage(BaseStorage):
    """The storage as samplers see it: a mixin placed before one of Optuna's storages.

    Samplers see three differences from the stored data. The draft appears as a running trial, and keeps the attributes
    that a sampler sets on it. A trial of an earlier search space appears with the parameter names of the current one,
    or is hidden if it is outside. While a sampler drafts that cannot use the trials as stored, `shown` replaces
    them.
    """

    def __init__(self, *storage: Any, translate: Callable[[FrozenTrial], FrozenTrial | None]) -> None:
        """`storage`: arguments of Optuna's storage; `translate`: a trial's form in the current space, or None."""
        super().__init__(*storage)
        self.draft: FrozenTrial | None = None
        self.shown: list[FrozenTrial] | None = None
        self._translate = translate
        self._translated: dict[int, FrozenTrial | None] = {}

    def group(self) -> AbstractContextManager[None]:
        """Context whose writes are all stored when it ends."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file, or disconnect from the server."""
        raise NotImplementedError

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Trials inside the current space, and the draft."""
        if self.shown is not None:
            shown = [trial for trial in self.shown if states is None or trial.state in states]
        else:
            stored = super().get_all_trials(study_id, deepcopy, states)  # type: ignore[safe-super]
            shown = [seen for trial in stored if (seen := self._shown(trial)) is not None]
        if self.draft is not None and (states is None or TrialState.RUNNING in states):
            shown.append(self.draft)
        return shown

    def stored_trials(self, study_id: int) -> list[FrozenTrial]:
        """All trials as stored; do not modify them."""
        return super().get_all_trials(study_id, deepcopy=False)  # type: ignore[safe-super]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial by id, or the draft."""
        if trial_id == DRAFT_ID:
            assert self.draft is not None, "no draft"
            return self.draft
        return super().get_trial(trial_id)  # type: ignore[safe-super]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute; the draft keeps it until it is stored."""
        if trial_id == DRAFT_ID:
            assert self.draft is not None, "no draft"
            self.draft.system_attrs[key] = value
        else:
            super().set_trial_system_attr(trial_id, key, value)  # type: ignore[safe-super]

    def _shown(self, trial: FrozenTrial) -> FrozenTrial | None:
        if trial._trial_id in self._translated:
            return self._translated[trial._trial_id]
        shown = self._translate(trial)
        if trial.state.is_finished() and shown is not trial:
            self._translated[trial._trial_id] = shown
        return shown


class JournalStudies(SearchStorage, JournalStorage):
    """Studies in a journal file.

    Args:
        journal: The file.
        translate: See `SearchStorage`.
    """

    def __init__(self, journal: JournalFile, *, translate: Callable[[FrozenTrial], FrozenTrial | None]) -> None:
        super().__init__(journal, translate=translate)
        self._journal = journal

    def group(self) -> AbstractContextManager[None]:
        """Context whose writes become one write with one fsync."""
        return self._journal.group()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def _read_lines(path: Path) -> list[dict[str, Any]]:
    logs: list[dict[str, Any]] = []
    try:
        file = regular.open_bytes(path)
    except FileNotFoundError:
        return logs
    except OSError as error:
        raise StudyError("a study journal must be readable", value=error.strerror, where=str(path)) from error
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                logs.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise StudyError(
                    "every line of a study journal must be JSON",
                    value=line[:40],
                    fix="Restore the file from a copy, or start over with --fresh.",
                    where=f"{path}:{number}",
                ) from error
    return logs
