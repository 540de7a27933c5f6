"""The output of `run`: lines with a live one on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, TypeAlias

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tuner.announcements import (
    Announcement,
    ModelsTested,
    NothingToDo,
    Notice,
    PhaseBegan,
    PreparingProgress,
    RecordingLeft,
    RepairBegan,
    ReportWritten,
    Resumed,
    RunConfirmed,
    RunLost,
    RunRetried,
    SpaceChanged,
    Started,
    Stopping,
    Summary,
    SweepProgress,
    TrainingProgress,
    TrialEnded,
)
from tuner.cli.values import WIDTH, duration, finite, number
from tuner.cli.wrapping import cells, wrapped
from tuner.redaction import redacted, redacted_values
from tuner.reporting.commands import here
from tuner.words import called, counted

Progress: TypeAlias = SweepProgress | TrainingProgress | RecordingLeft | PreparingProgress
"""Frequent events: the live line on a terminal, an occasional line elsewhere."""
TICK_SECONDS = 60.0
"""Seconds between two progress lines where there is no terminal."""


class JsonLines:
    """One JSON object per event on standard output."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, event: Announcement) -> None:
        """Print the event."""
        record = {"event": event.event, "time": round(time.time(), 3), **event.as_json()}
        with suppress(OSError):  # the reader has gone; the sweep continues
            print(json.dumps(redacted_values(finite(record))), file=self._out, flush=True)

    def close(self) -> None:
        """Nothing to do."""


class Lines:
    """One line per event that matters, and a progress line a minute."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._last_tick = time.monotonic()
        self._recording = False  # whether `RecordingLeft` has been printed

    def __call__(self, event: Announcement) -> None:
        """Print the event's line, if it has one."""
        match event:
            case Summary():
                self.print_summary(event)
            case SweepProgress() | TrainingProgress() | RecordingLeft() | PreparingProgress():
                self.progress(event)
            case _:
                if (line := event_line(event)) is not None:
                    self.print(line)

    def progress(self, event: Progress) -> None:
        """Print the progress once a minute; always at the end of a training and when recording begins."""
        last = isinstance(event, TrainingProgress) and event.epoch == event.epochs
        if isinstance(event, RecordingLeft) and event.left:
            last, self._recording = not self._recording, True
        if last or time.monotonic() - self._last_tick >= TICK_SECONDS:
            self._last_tick = time.monotonic()
            self.print(progress_line(event))

    def print(self, line: str) -> None:
        """Print one line; the sweep continues if the reader has gone."""
        with suppress(OSError):
            print(redacted(line), file=self._out, flush=True)

    def print_summary(self, summary: Summary) -> None:
        """Print the end of a sweep as tables."""
        self._print_summary(summary, Console(file=self._out, width=WIDTH))

    def _print_summary(self, summary: Summary, console: Console) -> None:
        from tuner.cli.ending import print_summary

        with suppress(OSError):
            print_summary(summary, console)

    def close(self) -> None:
        """Nothing to do."""


class Terminal(Lines):
    """The same lines, above a live line."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live = Live(Text(""), console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def progress(self, event: Progress) -> None:
        """Renew the live line."""
        line = progress_line(event, self._console.width)
        self._live.update(Text(line, style="bold", no_wrap=True, overflow="ellipsis"))

    def print(self, line: str) -> None:
        """Print one line above the live one."""
        self._live.console.print(Text(wrapped(redacted(line), self._console.width, later="  ")), soft_wrap=True)

    def print_summary(self, summary: Summary) -> None:
        """Print it above the live line."""
        self._print_summary(summary, self._console)

    def close(self) -> None:
        """Take the live line away."""
        self._live.stop()


def listener(as_json: bool) -> JsonLines | Lines:
    """The listener that suits standard output: JSON, lines, or lines above a live one."""
    if as_json:
        return JsonLines()
    return Terminal(Console()) if sys.stdout.isatty() else Lines()


@contextmanager
def preparing() -> Iterator[None]:
    """Show on standard error how far preparations inside the context are, if they take long."""
    from tuner.task.preparing import preparation_told

    shown: list[Lines] = []

    def tell(event: Announcement) -> None:
        if not shown:
            shown.append(Terminal(Console(stderr=True)) if sys.stderr.isatty() else Lines(sys.stderr))
        shown[0](event)

    try:
        with preparation_told(tell):
            yield
    finally:
        for each in shown:
            each.close()


def event_line(event: Announcement) -> str | None:
    """An event in words; None for those that have no line of their own."""
    match event:
        case Started():
            return _started(event)
        case SpaceChanged():
            head = f"the search space has changed; earlier trials that fit it and count: {event.fitting}"
            return "\n".join([head, *(f"  {line}" for line in event.lines)])
        case Resumed():
            return f"resumed: {counted(len(event.runs), 'trial')} that had begun"
        case PhaseBegan():
            nouns = ("trial", "training", "model")
            return _PHASES[event.name].format(**{f"{noun}s": counted(event.runs, noun) for noun in nouns})
        case TrialEnded():
            return _trial_ended(event)
        case RunLost():
            return f"{event.run}: {event.reason}; resuming from its checkpoint"
        case RunRetried():
            return f"{event.run}: attempt {event.attempt} failed: {event.reason}; it is retried"
        case RunConfirmed():
            return _confirmed(event)
        case Stopping():
            return f"stopping ({event.reason}): running trials are saving checkpoints"
        case Notice() | NothingToDo() | RepairBegan():
            return event.sentence
        case SweepProgress() | TrainingProgress() | RecordingLeft() | PreparingProgress():
            return progress_line(event)
        case ReportWritten():
            return f"report: {here(Path(event.path))}"
        case ModelsTested() | Summary():  # the scores come with the summary, which is printed as tables
            return None


def progress_line(event: Progress, width: int | None = None) -> str:
    """The progress in one line; where a sweep's is too wide, its most important parts."""
    match event:
        case SweepProgress():
            return _sweep_progress(event, width)
        case TrainingProgress():
            return (
                f"epoch {event.epoch}/{event.epochs}  {event.metric} {number(event.value)}  "
                f"train/loss {number(event.loss)}  about {duration(event.seconds_left)} left"
            )
        case PreparingProgress():
            return f"preparing the data: {event.doing}, {event.share:.0%}"
        case RecordingLeft():
            left = counted(event.left, "run") if event.left else "the last"
            return f"the result is complete; still to be recorded in MLflow: {left} of it"


_PHASES = {
    "search": "search: {trials}",
    "confirm": "confirmation: {trainings} on fresh seeds",
    "refit": "refit: {trainings} on training and validation data",
    "test": "test: scoring {models} on the test data",
    "record": "drawing figures of {trainings}; Ctrl+C skips the rest and loses no result",
}


def _started(event: Started) -> str:
    counts = ", ".join(f"{count} {split}" for split, count in event.counts.items())
    done = f" ({event.done} done)" if event.done else ""
    length = counted(event.epochs, "epoch")
    if event.seconds is not None:
        length = f"{event.seconds:g} seconds in {length}"
    trivial = "" if event.trivial is None else f"; {event.trivial_name}: {number(event.trivial)}"
    return (
        f"study {event.study} in {event.folder}\n"
        f"  data: {event.adapter}, {counts}\n"
        f"  objective: {event.metric}, {event.objective.words}{trivial}\n"
        f"  budget: {counted(event.trials, 'trial')} of {length}{done}"
    )


def _trial_ended(event: TrialEnded) -> str:
    best = "" if event.best is None else f"   best {number(event.best)} (trial {event.best_number})"
    reason = f": {event.reason}" if event.reason else ""
    if not reason and event.findings:
        reason = f", {', '.join(name.replace('_', ' ') for name in event.findings[:2])}"
    value = "" if event.value is None else f" {number(event.value)}"
    return (
        f"[{event.done}/{event.trials}] trial {event.number} {event.state.lower()}{value}"
        f" after {counted(event.epochs, 'epoch')}, {duration(event.seconds)}{reason}{best}"
    )


def _confirmed(event: RunConfirmed) -> str:
    what = called(event.number)
    completed = event.value is not None and event.state == "COMPLETED"
    outcome = number(event.value) if completed else f"{event.state.lower()}: {event.reason}"
    return f"confirm {what}, seed {event.run.rpartition('-')[2]}: {outcome}"


def _sweep_progress(event: SweepProgress, width: int | None) -> str:
    """Counts by state, best so far, time left; where too long, without the running ones, then without the states."""
    states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(event.states.items()))
    parts = {
        "done": f"{event.done}/{counted(event.trials, 'trial')}",
        "states": f"({states})" if states else "",
        "running": f"{event.running} running",
        "left": "" if event.left is None else f"{counted(event.left, 'confirmation')} left",
        "best": "" if event.best is None else f"best {number(event.best)} (trial {event.best_number})",
        "time": "" if event.seconds_left is None else f"about {duration(event.seconds_left)} left",
    }
    for least in ("", "running", "states", "best"):
        parts.pop(least, None)
        line = "  ".join(filter(None, parts.values()))
        if width is None or cells(line) <= width:
            break
    return line
