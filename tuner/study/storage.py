"""Optuna's journal on disk, written by one driver, and the view of a storage that samplers get.

Optuna's own file backend locks, reads back and syncs the file at every call, for many writers. A study here has one
writer, which holds the folder's lock, so that what it appends need not be read again, and appends can be grouped
into one write with one fsync. The lines are Optuna's: any tool that opens a journal file can read them.
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

    A torn last line, left by a crash or a full disk, is not read, and is cut off before the first append. Until then
    the file is not touched, so that one that Optuna cannot read stays as it was.

    Raises:
        StudyError: A line in the middle is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logs = _read_lines(path)
        self._first = 0  # number of the first log kept in memory; those before have been read
        self._file: FileIO | None = None
        self._unwritten: list[bytes] = []
        self._grouping = False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append to memory, and to the file at once or at the end of the group."""
        self._logs += logs
        self._unwritten += [json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs]
        if not self._grouping:
            self._flush()

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Logs from a number on; those before are forgotten, as the one reader never asks for them again."""
        self._logs = self._logs[log_number_from - self._first :]
        self._first = log_number_from
        return self._logs

    @contextmanager
    def group(self) -> Iterator[None]:
        """Everything appended within is on disk, by one write, when the block ends."""
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
"""Trial id of a trial that is being suggested and is not in the storage yet."""


class SearchStorage(BaseStorage):
    """The storage as samplers see it: a layer over one of Optuna's storages, mixed in before it.

    Three things differ from what is stored. A trial that is being drafted shows as the running trial it will be, and
    takes the attributes that a sampler sets on it. A trial of an earlier search space shows its parameters under
    the names of today's, or does not show when it lies outside. While a trial is drafted by a sampler that cannot take
    the others as they are stored, they show as `shown` has them.
    """

    def __init__(self, *storage: Any, translate: Callable[[FrozenTrial], FrozenTrial | None]) -> None:
        """`storage` is what the storage below takes; `translate` gives a trial as today's space has it, or None."""
        super().__init__(*storage)
        self.draft: FrozenTrial | None = None
        self.shown: list[FrozenTrial] | None = None
        self._translate = translate
        self._translated: dict[int, FrozenTrial | None] = {}

    def group(self) -> AbstractContextManager[None]:
        """Everything written within is stored when the block ends."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file or the server."""
        raise NotImplementedError

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Trials inside today's space, and the draft."""
        if self.shown is not None:
            shown = [trial for trial in self.shown if states is None or trial.state in states]
        else:
            stored = super().get_all_trials(study_id, deepcopy, states)  # type: ignore[safe-super]
            shown = [seen for trial in stored if (seen := self._shown(trial)) is not None]
        if self.draft is not None and (states is None or TrialState.RUNNING in states):
            shown.append(self.draft)
        return shown

    def stored_trials(self, study_id: int) -> list[FrozenTrial]:
        """Every trial as it is stored; not to be changed."""
        return super().get_all_trials(study_id, deepcopy=False)  # type: ignore[safe-super]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial by id, the draft among them."""
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
        """One write with one fsync."""
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
