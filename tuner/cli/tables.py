"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuner.cli.values import WIDTH, number
from tuner.cli.wrapping import command, wrapped
from tuner.words import counted, spelt

if TYPE_CHECKING:
    from tuner.sweep.standing import Standing


def make_console() -> Console:
    """A console on the terminal, or a wide one where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def print_table(console: Console, table: Table) -> None:
    """Print a table; without trailing blanks where there is no terminal."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


def say(console: Console, text: str, style: str = "") -> None:
    """Print sentences: wrapped between words on a terminal, one per line elsewhere."""
    width = console.width if console.is_terminal else None
    console.print(Text(wrapped(text, width), style=style), soft_wrap=True)


def say_command(console: Console, what: str, text: str) -> None:
    """Print the purpose of a command or a path and, on the next line, the command itself, so that it can be copied."""
    say(console, f"{what}:")
    console.print(Text(command(text, console.width if console.is_terminal else None)), soft_wrap=True)


def make_table(*headings: str) -> Table:
    """An empty table whose cells wrap on narrow terminals."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def print_unfinished(standing: Standing, console: Console) -> None:
    """Print the progress of an unfinished study."""
    for line in unfinished(standing):
        say(console, line)


def state_of(standing: Standing) -> str:
    """What an unfinished study is at."""
    if standing.running:
        return "it is running"
    return f"it was stopped ({standing.stopped})" if standing.stopped else "its driver was killed"


def unfinished(standing: Standing) -> list[str]:
    """The progress of an unfinished study, in lines."""
    how = "" if standing.running else "; `run` resumes it"
    lines = [f"study {standing.study} is not finished: {state_of(standing)}{how}"]
    over = sum(standing.states.values())
    states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(standing.states.items()))
    begun = f", {standing.begun} begun" if standing.begun else ""
    lines.append(f"{over} of {counted(standing.trials, 'trial')} done{f' ({states})' if states else ''}{begun}")
    if standing.confirmed:
        lines.append(f"{counted(standing.confirmed, 'training')} of the confirmation over")
    if standing.best is not None:
        lines.append(f"best so far: {standing.metric} {number(standing.best)} (trial {standing.best_number})")
    return lines


def parameters(params: Mapping[str, Any]) -> str:
    """`cell lstm, hidden_size 96, learning_rate 0.003162`."""
    return ", ".join(f"{name} {spelt(value)}" for name, value in params.items())
