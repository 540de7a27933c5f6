"""What `run` shows: one live line on a terminal, a line per event elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tuner.cli.values import WIDTH, duration, finite, number
from tuner.objective import Objective
from tuner.redaction import redacted, redacted_values
from tuner.words import counted

TICK_SECONDS = 60.0
"""Away from a terminal, the time between two progress lines."""


class JsonLines:
    """One JSON object per event on standard output."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, event: str, **fields: Any) -> None:
        """Print the event."""
        record = {"event": event, "time": round(time.time(), 3), **fields}
        with suppress(OSError):  # nobody reads any more; the sweep goes on
            print(json.dumps(redacted_values(finite(record))), file=self._out, flush=True)

    def close(self) -> None:
        """Nothing to do."""


class Lines:
    """One line per event that matters, and a progress line a minute."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._last_tick = time.monotonic()

    def __call__(self, event: str, **fields: Any) -> None:
        """Print the event's line, if it has one."""
        if event in _PROGRESS:
            last = event == "training" and fields["epoch"] == fields["epochs"]
            if not last and time.monotonic() - self._last_tick < TICK_SECONDS:
                return
            self._last_tick = time.monotonic()
            self.print(_PROGRESS[event](fields))
            return
        if event == "summary":
            self.print_summary(fields)
            return
        if (line := event_line(event, fields)) is not None:
            self.print(line)

    def print(self, line: str) -> None:
        """Print one line; the sweep goes on when nobody reads any more."""
        with suppress(OSError):
            print(redacted(line), file=self._out, flush=True)

    def print_summary(self, summary: Mapping[str, Any]) -> None:
        """Print the end of a sweep as tables."""
        self._print_summary(summary, Console(file=self._out, width=WIDTH))

    def _print_summary(self, summary: Mapping[str, Any], console: Console) -> None:
        from tuner.cli.tables import print_summary

        with suppress(OSError):
            print_summary(summary, console)

    def close(self) -> None:
        """Nothing to do."""


class Terminal(Lines):
    """The same lines, above one that is always up to date."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live = Live(Text(""), console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def __call__(self, event: str, **fields: Any) -> None:
        """Print the event above the live line, or renew it."""
        if event in _PROGRESS:
            self._live.update(Text(_PROGRESS[event](fields), style="bold"))
        else:
            super().__call__(event, **fields)

    def print(self, line: str) -> None:
        """Print one line above the live one."""
        self._live.console.print(Text(redacted(line)))

    def print_summary(self, summary: Mapping[str, Any]) -> None:
        """Print it above the live line."""
        self._print_summary(summary, self._console)

    def close(self) -> None:
        """Take the live line away."""
        self._live.stop()


def listener(as_json: bool) -> JsonLines | Lines:
    """What fits standard output: JSON, lines, or lines above one that is always up to date."""
    if as_json:
        return JsonLines()
    return Terminal(Console()) if sys.stdout.isatty() else Lines()


def event_line(event: str, fields: Mapping[str, Any]) -> str | None:
    """An event in words; None for those that have no line."""
    match event:
        case "started":
            return _started(fields)
        case "trial":
            return _trial(fields)
        case "confirm":
            what = "baseline" if fields["number"] < 0 else f"trial {fields['number']}"
            return f"confirm {what}, seed {fields['run'].rpartition('-')[2]}: {_outcome(fields)}"
        case "lost":
            return f"{fields['run']}: {fields['reason']}; it goes on from its checkpoint"
        case "error":
            return f"{fields['run']}: attempt {fields['attempt']} failed: {fields['reason']}; it is retried"
        case "phase":
            nouns = ("trial", "training", "model")
            return _PHASES[fields["name"]].format(**{f"{noun}s": counted(fields["runs"], noun) for noun in nouns})
        case "space":
            head = f"the search space has changed; earlier trials that fit it and count: {fields['fitting']}"
            return "\n".join([head, *(f"  {line}" for line in fields["lines"])])
        case "resumed":
            return f"resumed: {counted(len(fields['runs']), 'trial')} that had begun"
        case "stopping":
            return f"stopping ({fields['reason']}): running trials are saving checkpoints"
        case "notice" | "nothing" | "repair":
            return str(fields["sentence"])
    return None


_PHASES = {
    "search": "search: {trials}",
    "confirm": "confirmation: {trainings} on fresh seeds",
    "test": "test: scoring {models} on the test data",
    "record": "writing the summary",
}


def _started(fields: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {split}" for split, count in fields["counts"].items())
    done = f" ({fields['done']} done)" if fields["done"] else ""
    length = counted(fields["epochs"], "epoch")
    if fields["seconds"] is not None:
        length = f"{fields['seconds']:g} seconds in {length}"
    objective = Objective(fields["metric"], fields["maximize"])
    trivial = "" if fields["trivial"] is None else f"; {fields['trivial_name']}: {number(fields['trivial'])}"
    return (
        f"study {fields['study']} in {fields['folder']}\n"
        f"  data: {fields['adapter']}, {counts}\n"
        f"  objective: {objective.metric}, {objective.words}{trivial}\n"
        f"  budget: {counted(fields['trials'], 'trial')} of {length}{done}"
    )


def _trial(fields: Mapping[str, Any]) -> str:
    best = "" if fields["best"] is None else f"   best {number(fields['best'])} (trial {fields['best_number']})"
    reason = f": {fields['reason']}" if fields["reason"] else ""
    if not reason and fields["findings"]:
        reason = f", {', '.join(name.replace('_', ' ') for name in fields['findings'][:2])}"
    value = "" if fields["value"] is None else f" {number(fields['value'])}"
    return (
        f"[{fields['done']}/{fields['trials']}] trial {fields['number']} {fields['state'].lower()}{value}"
        f" after {counted(fields['epochs'], 'epoch')}, {duration(fields['seconds'])}{reason}{best}"
    )


def _outcome(fields: Mapping[str, Any]) -> str:
    if fields["value"] is not None and fields["state"] == "COMPLETED":
        return number(fields["value"])
    return f"{fields['state'].lower()}: {fields['reason']}"


def progress_line(fields: Mapping[str, Any]) -> str:
    """Counts by state, the best so far, the time left."""
    states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(fields["states"].items()))
    parts = [f"{fields['done']}/{counted(fields['trials'], 'trial')}"]
    parts += [f"({states})"] if states else []
    parts += [f"{fields['running']} running"]
    if fields["left"] is not None:
        parts += [f"{counted(fields['left'], 'confirmation')} left"]
    if fields["best"] is not None:
        parts += [f"best {number(fields['best'])} (trial {fields['best_number']})"]
    if fields["seconds_left"] is not None:
        parts += [f"about {duration(fields['seconds_left'])} left"]
    return "  ".join(parts)


def training_line(fields: Mapping[str, Any]) -> str:
    """How far one training is."""
    return (
        f"epoch {fields['epoch']}/{fields['epochs']}  {fields['metric']} {number(fields['value'])}  "
        f"train/loss {number(fields['loss'])}  about {duration(fields['seconds_left'])} left"
    )


def recording_line(fields: Mapping[str, Any]) -> str:
    """How far MLflow is, when the sweep is over."""
    return f"MLflow: {counted(fields['left'], 'change')} left to write"


_PROGRESS = {"progress": progress_line, "training": training_line, "recording": recording_line}
