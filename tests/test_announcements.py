"""What a sweep tells: every event is told, shown, and printed as it always was."""

from __future__ import annotations

import ast
import json
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from tuner.announcements import Announcement, ModelsTested
from tuner.cli import console
from tuner.cli.console import JsonLines, Lines

ROOT = Path(__file__).resolve().parents[1]
RECORDED = {json.loads(line)["event"]: line for line in (ROOT / "tests/cli/events.jsonl").read_text().splitlines()}
"""Event -> a line that `--json` printed of it when the line was recorded."""
KINDS: dict[str, type[Announcement]] = {kind.event: kind for kind in get_args(Announcement)}
WITHOUT_LINE = {ModelsTested}
"""Events that people are not shown: what they say comes with the summary."""


def recorded(event: str) -> Announcement:
    """The event of the recorded line."""
    fields = {name: value for name, value in json.loads(RECORDED[event]).items() if name not in {"event", "time"}}
    return KINDS[event](**fields)


def test_every_event_has_its_name_and_a_recorded_line() -> None:
    """No name is given twice, and no line is left of an event that is gone."""
    assert len(KINDS) == len(get_args(Announcement))
    assert set(RECORDED) == set(KINDS)


@pytest.mark.parametrize("event", KINDS)
def test_json_is_printed_as_it_was_recorded(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same names of events and fields, in the same order, whatever the class is called."""
    monkeypatch.setattr("time.time", lambda: json.loads(RECORDED[event])["time"])
    out = StringIO()
    JsonLines(out)(recorded(event))
    assert out.getvalue() == RECORDED[event] + "\n"


@pytest.mark.parametrize("event", KINDS)
def test_fields_are_of_the_types_that_the_class_says(event: str) -> None:
    """Those of the recorded line, strictly."""
    TypeAdapter(KINDS[event]).validate_json(json.dumps(recorded(event).as_json()), strict=True)


@pytest.mark.parametrize("event", KINDS)
def test_every_event_has_a_line_or_none_on_purpose(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from a terminal; of those that tell the progress, as soon as it is time."""
    monkeypatch.setattr(console, "TICK_SECONDS", 0.0)
    out = StringIO()
    Lines(out)(recorded(event))
    assert bool(out.getvalue().strip()) is (KINDS[event] not in WITHOUT_LINE)


def test_every_event_is_told_somewhere() -> None:
    """A class that nothing in the package makes is dead."""
    files = {*(ROOT / "tuner").rglob("*.py")} - {ROOT / "tuner/announcements.py"}
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    made = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert {kind.__name__ for kind in KINDS.values()} <= made
