"""The end of a sweep on the terminal: the verdict, the confirmed configurations, the details, what to do next."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from tuner.announcements import Summary
from tuner.cli.tables import make_table, parameters, print_table, say, say_command
from tuner.reporting.commands import here, to_use
from tuner.verdict import Verdict


def print_summary(summary: Summary, console: Console) -> None:
    """Print the end of a sweep. Paths and commands have lines of their own that are never wrapped, to be copied.

    Args:
        summary: The sweep's last event but one.
        console: Where it is printed.
    """
    verdict = Verdict(**summary.verdict)
    console.print()
    say(console, summary.headline)
    if verdict.lines:
        console.print()
        for place, line in enumerate(verdict.lines):
            say(console, line, style="" if place else "bold")
    if summary.rows:
        print_table(console, _table(summary, console))
        if any("±" in row["score"] for row in summary.rows):
            say(console, "mean ± standard deviation over the seeds")
    for sentence in verdict.details(summary.sentences):
        say(console, sentence)
    if summary.winner_params:
        say(console, f"{summary.winner}: {parameters(summary.winner_params)}")
    console.print()
    if summary.model:
        _copied(console, "model", here(Path(summary.model)))
        _copied(console, "to use it", to_use(Path(summary.model), summary.own_code, "FILE", "-o", "answers.csv"))
    if summary.models:
        folder = Path(next(iter(summary.models.values()))).parent
        _copied(console, f"models of the others ({', '.join(summary.models)})", here(folder))
    for what, command in verdict.next:
        _copied(console, what, command)


def _table(summary: Summary, console: Console) -> Table:
    """The configurations; on a narrow console without their scores in the search."""
    tests = {"test": summary.test_metric, "readable": summary.readable_metric} if summary.has_test else {}
    headings = {"name": "configuration", "score": summary.metric, **tests, "searched": "search"}
    whole = {row["seeds"] for row in summary.rows if row["seeds"]}
    if len(whole) > 1:
        headings["seeds"] = "seeds"
    columns = [key for key, heading in headings.items() if heading and any(row.get(key) for row in summary.rows)]
    while True:
        table = make_table(*(headings[key] for key in columns))
        table.collapse_padding = True
        for row in summary.rows:
            table.add_row(*(row.get(key, "") for key in columns), style="bold" if row["name"] == summary.winner else "")
        if "searched" not in columns or console.measure(table).maximum <= console.width:
            return table
        columns.remove("searched")


def _copied(console: Console, what: str, text: str) -> None:
    say_command(console, what, text)
