"""Event files: append-only JSON lines, one file per run, the truth beside the study.

Each line is one object with `event`, `time` (Unix seconds) and what belongs to it:

    created   run, kind, number, seed, params (all), searched (names of searched parameters); of a repair also repairs:
              number (of the trial that it repairs), finding, change (parameter -> old and new value); of one of the
              portfolio its place there, portfolio; of another study's, that trial, warm_start (study/number)
    attempt   attempt, worker
    epoch     attempt, epoch, metrics, tensors, profiles   one line per epoch, first one wins
    rung      attempt, epoch, value, verdict, reason
    hopeless  attempt, epoch, value, finding, verdict, reason   a rule would end it; whether it may, and why
    error     attempt, reason, trace                       its own code failed; it is tried again
    ended     attempt, state, reason, value, epochs, seconds, step, trace, results

`sweep.jsonl` of a study has, in the same form:

    sweep     what was asked for (study, adapter, metric, direction, trials, epochs, seconds, sampler, pruner, seed,
              space, constants, baseline, thresholds), the data (counts, trivial, about), and version, versions
    summary   the fields of `announcements.Summary`, seconds (of this driver)
    stopped   reason, seconds
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from tuner.disk import regular
from tuner.disk.event_forms import FIRST, misfit
from tuner.disk.folder import trial_run
from tuner.errors import StudyError
from tuner.messages import Ended, State, Verdict
from tuner.redaction import redacted_values

FULL = {errno.ENOSPC, errno.EDQUOT}
"""Error numbers of a full disk."""
FULL_DISK_SECONDS = 1.0
"""Time between two attempts to write to a full disk."""
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r"}
T = TypeVar("T")
_log = logging.getLogger("tuner")


def append(path: Path, event: str, *, durable: bool = False, patient: bool = True, **fields: Any) -> None:
    """Append one event; a torn last line left by a crash is cut off first.

    Args:
        path: The event file; its folder is made when missing.
        event: The event's name.
        durable: Wait until it is on the disk (fsync).
        patient: Wait while the disk is full instead of raising OSError.
        fields: What belongs to the event; JSON-able.
    """
    append_many(path, [{"event": event, "time": time.time(), **fields}], durable=durable, patient=patient)


def append_ended(path: Path, ended: Ended) -> None:
    """Append the end of an attempt, durably."""
    fields = asdict(ended)
    del fields["run"]
    append(path, "ended", durable=True, **fields)


def append_many(path: Path, records: list[dict[str, Any]], *, durable: bool = False, patient: bool = True) -> None:
    """Append several events in one write, without secrets; each record has `event` and `time`. See `append`."""
    data = b"".join(json.dumps(redacted_values(record)).encode() + b"\n" for record in records)
    handle = once_there_is_space(path, lambda: _open(path)) if patient else _open(path)
    with os.fdopen(handle, "rb+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                cut_torn_tail(path)
        write_whole(file, data, path, patient=patient)
        if durable:
            os.fsync(file.fileno())


def write_whole(file: FileIO, data: bytes, path: Path, *, patient: bool = True) -> None:
    """Append `data` to an unbuffered file completely or not at all; waits for a full disk if `patient`."""
    size = os.fstat(file.fileno()).st_size

    def write() -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            os.ftruncate(file.fileno(), size)
            raise

    if patient:
        once_there_is_space(path, write)
    else:
        write()


def once_there_is_space(path: Path, write: Callable[[], T]) -> T:
    """Call `write` repeatedly while the disk is full; the only place where a driver waits for space.

    Args:
        path: The written file, for the message.
        write: Must leave nothing half-written when it raises OSError.
    """
    told = False
    while True:
        try:
            return write()
        except OSError as error:
            if error.errno not in FULL:
                raise
        if not told:
            told = True
            _log.warning("the disk is full: waiting for space to write %s (Ctrl+C twice ends the run)", path)
        time.sleep(FULL_DISK_SECONDS)


def _open(path: Path) -> int:
    try:
        return regular.open_to_append(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return regular.open_to_append(path)


def cut_torn_tail(path: Path) -> None:
    """Truncate a file of lines after its last newline."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end, block = size, 65536
        while end > 0:
            start = max(0, end - block)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def read(path: Path, *, skip: int = 0) -> list[dict[str, Any]]:
    """The events of a file, from number `skip` on; none for a missing file. A torn last line is left out.

    Raises:
        StudyError: It is no regular file, or a line is no event (`event_forms`), or the first one begins nothing.
    """
    try:
        data = regular.read_bytes(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _damaged("an event file must be readable", error.strerror, str(path)) from error
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    return [_event(path, number, line) for number, line in enumerate(lines, 1) if number > skip]


def begins(path: Path) -> bool:
    """Whether a file has a first event; a crash can leave it empty, or with a part of one.

    Raises:
        StudyError: It is no regular file.
    """
    try:
        with regular.open_bytes(path) as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _damaged("an event file must be readable", error.strerror, str(path)) from error


def _event(path: Path, number: int, line: bytes) -> dict[str, Any]:
    where = f"{path}:{number}"
    try:
        event: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged("every line of an event file must be an event", line[:40], where) from error
    if not line.isascii() or b"\\u" in line:
        event = _shown(event)
    if found := misfit(event):
        raise _damaged("every line of an event file must be an event, unchanged", found, where)
    if number == 1 and event["event"] not in FIRST:
        raise _damaged(f"the first event must be one of {', '.join(FIRST)}", event["event"], where)
    return event


def _shown(value: Any) -> Any:
    """The value with lone surrogates and control characters (except tabs and line ends) escaped.

    File names that are not UTF-8 bring lone surrogates into error messages, which neither terminals nor MLflow accept;
    terminals would obey control characters.
    """
    if isinstance(value, str):
        return value.translate(_CONTROL).encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {_shown(key): _shown(item) for key, item in value.items()}
    return value


def _damaged(rule: str, value: object, where: str) -> StudyError:
    return StudyError(rule, value=value, fix="Restore the file from a copy, or start over with --fresh.", where=where)


@dataclass
class Stint:
    """One attempt of a run on a worker."""

    worker: str
    began: float
    last: float
    """Time of the last event that is known of it."""
    trained: float
    """Time when the worker began to train, after its own start; until it has ended, the time when it was sent out."""


@dataclass
class RunRecord:
    """The events of one run, folded into one record."""

    run: str = ""
    kind: str = "trial"
    number: int = -1
    seed: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    searched: list[str] = field(default_factory=list)
    repairs: dict[str, Any] = field(default_factory=dict)
    """The repaired trial and finding: `number` of that trial, `finding`, `change` {parameter: [old, new]}; empty for
    most trials."""
    portfolio: int = 0
    """Its place in the portfolio, from 1; 0 where it is none of it."""
    warm_start: str = ""
    """The trial of another study whose parameters it has, `study/number`; empty for most trials."""
    state: State = State.LOST
    """A file cannot tell RUNNING: an attempt without an end reads as LOST."""
    reason: str = ""
    value: float | None = None
    attempts: int = 0
    errors: int = 0
    """Attempts that ended with an error of the run's own code and were followed by another."""
    epochs: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Epoch number -> its event."""
    rungs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    created: float = 0.0
    ended: float | None = None
    step: int = 0
    trace: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    """Names of the findings in `results`, each once, most important first."""
    stints: list[Stint] = field(default_factory=list)
    """One per attempt, in order."""

    def add(self, event: Mapping[str, Any]) -> None:
        """Fold one event in; unknown events are ignored."""
        name = event["event"]
        if name == "created":
            self.run, self.kind, self.number = event["run"], event["kind"], event["number"]
            self.seed, self.params, self.searched = event["seed"], event["params"], event["searched"]
            self.repairs, self.portfolio = event.get("repairs") or {}, event.get("portfolio") or 0
            self.warm_start = event.get("warm_start") or ""
            self.created = event["time"]
        elif name == "attempt":
            self.attempts = event["attempt"]
            self.stints.append(Stint(str(event.get("worker", "")), *[event["time"]] * 3))
            self.state, self.reason, self.ended = State.LOST, "", None
        elif name == "epoch":
            self.epochs.setdefault(event["epoch"], dict(event))
        elif name == "error":
            self.errors += 1
        elif name == "rung":
            self.rungs.append(dict(event))
        elif name == "ended":
            self.state, self.reason, self.value = State(event["state"]), event["reason"], event["value"]
            self.seconds += event["seconds"]
            self.step, self.trace, self.results = event["step"], event["trace"], event["results"]
            if self.state is State.DIVERGED and _rule_ended(self.results.get("findings") or ()):
                self.state = State.HOPELESS
            self.found = list(dict.fromkeys(finding["name"] for finding in self.results.get("findings") or ()))
            self.ended = event["time"]
            if self.stints:
                self.stints[-1].trained = max(self.stints[-1].began, event["time"] - event["seconds"])
        if self.stints:
            self.stints[-1].last = max(self.stints[-1].last, event["time"])

    @property
    def known(self) -> bool:
        """Whether its parameters were known before the study began."""
        return bool(self.portfolio or self.warm_start)

    @property
    def cut_short(self) -> bool:
        """Whether it ended as pruned though it was not judged so: the time was over, or it left the search space."""
        return self.state is State.PRUNED and not (self.rungs and self.rungs[-1]["verdict"] == Verdict.PRUNE)

    @property
    def active(self) -> dict[str, Any]:
        """Its searched parameters, without inactive ones."""
        return {name: self.params[name] for name in self.searched if name in self.params}

    def series(self, metric: str) -> dict[int, float]:
        """Epoch -> value of a metric, by epoch; NaN where there is no number."""
        values = {epoch: self.epochs[epoch]["metrics"].get(metric) for epoch in sorted(self.epochs)}
        return {epoch: value if isinstance(value, int | float) else math.nan for epoch, value in values.items()}


def _rule_ended(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a run that is called diverged was ended by a rule: versions before the state HOPELESS said so."""
    fatal = {finding["name"] for finding in findings if finding.get("fatal")}
    return bool(fatal) and "non_finite" not in fatal


def read_run(path: Path) -> RunRecord:
    """Fold the events of one run's file; a run without an event is a record without a name.

    Raises:
        StudyError: A line is damaged, or the events are those of another run.
    """
    record = RunRecord()
    for event in read(path):
        record.add(event)
    if record.run and Path(record.run) != Path(*path.parts[-1 - len(Path(record.run).parts) : -1]):
        raise _damaged("an event file must lie in its run's folder", record.run, str(path))
    if record.kind == "trial" and record.run and record.run != trial_run(record.number):
        raise _damaged(f"the number of {record.run} must be that of its folder", record.number, str(path))
    return record


def read_runs(paths: Iterable[Path]) -> Iterator[RunRecord]:
    """The records of event files; one without an event, as a crash can leave it, is passed over.

    Raises:
        StudyError: As `read_run`.
    """
    yield from (record for path in paths if (record := read_run(path)).run)
