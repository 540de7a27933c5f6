"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tuner.announcements import Summary
from tuner.cli.values import WIDTH, duration, here, number
from tuner.words import counted

if TYPE_CHECKING:
    from tuner.sweep.standing import Standing

_NARROW = 110  # columns below which a table of trials would be one of syllables


def make_console() -> Console:
    """The terminal, or a wide page where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def make_table(*headings: str) -> Table:
    """An empty table whose cells fold on narrow terminals."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Trials and confirmations of a study; on a narrow terminal each in lines of its own."""
    console = make_console()
    console.print(f"study {title}", highlight=False)
    if console.width < _NARROW:
        for row in rows:
            _print_row(console, row)
        return
    table = make_table("run", "state", "value", "epochs", "time", "findings", "parameters", "reason")
    for row in rows:
        table.add_row(
            _name(row),
            row["state"].lower(),
            number(row["value"]),
            str(row["epochs"]),
            duration(row["seconds"]),
            _found(row),
            parameters(row["params"]),
            _why(row),
        )
    console.print(table)


def _print_row(console: Console, row: Mapping[str, Any]) -> None:
    head = f"{_name(row)}  {row['state'].lower()}  {number(row['value'])}  {counted(row['epochs'], 'epoch')}"
    console.print(f"\n{head}  {duration(row['seconds'])}", highlight=False, markup=False)
    for text in filter(None, (_found(row), parameters(row["params"]), _why(row))):
        console.print(Padding(Text(text), (0, 0, 0, 3)))


def _name(row: Mapping[str, Any]) -> str:
    name = "baseline" if row["number"] < 0 else str(row["number"])
    return name if row["kind"] == "trial" else f"{name} {row['kind']}"


def _found(row: Mapping[str, Any]) -> str:
    return ", ".join(name.replace("_", " ") for name in row["findings"])


def _why(row: Mapping[str, Any]) -> str:
    """Why it ended so; of a repair, what of first."""
    repaired = f"repairs {row['repairs']['number']}" if row["repairs"] else ""
    return "; ".join(filter(None, (repaired, row["reason"])))


def print_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    """Entries of a catalog."""
    table = make_table("name", "summary", "parameters", "source")
    for entry in entries:
        table.add_row(entry["name"], entry["summary"], ", ".join(entry["parameters"]), entry["source"])
    make_console().print(table)


def print_summary(summary: Summary, console: Console) -> None:
    """The end of a sweep: the confirmed configurations beside baseline and trivial predictor.

    Args:
        summary: What the sweep tells last.
        console: Where to.
    """
    console.print()
    console.print(summary.headline, highlight=False)
    if summary.rows:
        tests = [summary.test_metric] if summary.has_test else []
        table = make_table("configuration", summary.metric, *tests, "seeds")
        for row in summary.rows:
            cells = [row["name"], row["score"]]
            cells += [row["test"]] if tests else []
            table.add_row(*cells, row["seeds"])
        console.print(table)
        if any("±" in cell for row in summary.rows for cell in (row["score"], row["test"])):
            console.print("mean ± standard deviation over the seeds", highlight=False)
    for sentence in summary.sentences:
        console.print(sentence, highlight=False)
    if summary.winner_params:
        console.print(f"{summary.winner}: {parameters(summary.winner_params)}", highlight=False)
    if summary.model:
        console.print(f"model: {here(summary.model)}", highlight=False)
        command = f"python -m tuner predict {here(summary.model)} FILE -o answers.csv"
        console.print(f"to use it: {command}", highlight=False, soft_wrap=True)


def print_unfinished(standing: Standing, console: Console) -> None:
    """How far a study is that is not finished."""
    for line in unfinished(standing):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def unfinished(standing: Standing) -> list[str]:
    """How far a study is that is not finished, in lines."""
    if standing.running:
        state = "a driver is at work on it"
    else:
        state = f"it was stopped ({standing.stopped})" if standing.stopped else "its driver was ended without a word"
        state += "; `run` goes on where it was"
    lines = [f"study {standing.study} is not finished: {state}"]
    over = sum(standing.states.values())
    states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(standing.states.items()))
    begun = f", {standing.begun} begun" if standing.begun else ""
    lines.append(f"{over} of {counted(standing.trials, 'trial')} over{f' ({states})' if states else ''}{begun}")
    if standing.confirmed:
        lines.append(f"{counted(standing.confirmed, 'training')} of the confirmation over")
    if standing.best is not None:
        lines.append(f"best so far: {standing.metric} {number(standing.best)} (trial {standing.best_number})")
    return lines


def parameters(params: Mapping[str, Any]) -> str:
    """`cell lstm, hidden_size 96, learning_rate 0.003162`."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items()
    )
