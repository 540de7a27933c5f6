"""The output of `top` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from tuner.cli.tables import make_console, make_table, parameters, print_table, say
from tuner.cli.values import duration, number
from tuner.words import counted

_NARROW = 110  # columns; a narrower table of trials could not be read
_MARK = "* "


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print confirmations and trials of a study; on a narrow terminal as lines instead of a table."""
    console = make_console()
    console.print(f"study {title}", highlight=False)
    same = _same(rows)
    if console.width < _NARROW:
        for row in rows:
            _print_row(console, row, same)
    else:
        table = make_table("run", "state", "value", "epochs", "time", "findings", "parameters", "reason")
        for row in rows:
            table.add_row(
                _name(row),
                row["state"].lower(),
                number(row["value"]),
                str(row["epochs"]),
                duration(row["seconds"]),
                _found(row),
                parameters(_own(row, same)),
                _why(row),
            )
        print_table(console, table)
    if same:
        say(console, f"all: {parameters(same)}")
    if any(row["winner"] for row in rows):
        say(console, f"{_MARK}the winner and its trainings on fresh seeds")


def _print_row(console: Console, row: Mapping[str, Any], same: Mapping[str, Any]) -> None:
    head = f"{_name(row)}  {row['state'].lower()}  {number(row['value'])}  {counted(row['epochs'], 'epoch')}"
    found = "" if row["reason"] else _found(row)
    say(console, "  ".join(filter(None, (head, duration(row["seconds"]), found))))
    if row["kind"] == "trial":
        for text in filter(None, (parameters(_own(row, same)), _why(row))):
            say(console, f"    {text}")


def _same(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters that are equal in all rows, if there are several trials."""
    if sum(row["kind"] == "trial" for row in rows) < 2:
        return {}
    first, *others = [row["params"] for row in rows]
    return {name: value for name, value in first.items() if all(each.get(name, ...) == value for each in others)}


def _own(row: Mapping[str, Any], same: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["params"].items() if name not in same}


def _name(row: Mapping[str, Any]) -> str:
    name = "baseline" if row["number"] < 0 else str(row["number"])
    name = name if row["kind"] == "trial" else f"{name} {row['kind']}"
    return f"{_MARK}{name}" if row["winner"] else name


def _found(row: Mapping[str, Any]) -> str:
    return ", ".join(name.replace("_", " ") for name in row["findings"])


def _why(row: Mapping[str, Any]) -> str:
    """Why it ended so; before that, where it comes from, if not from the sampler."""
    known = next((f"{name.replace('_', ' ')} {row[name]}" for name in ("portfolio", "warm_start") if row.get(name)), "")
    repaired = f"repairs {row['repairs']['number']}" if row["repairs"] else ""
    return "; ".join(filter(None, (known, repaired, row["reason"])))
