"""`init`: write a task file for the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import examples
from tuner.cli.wrapping import say, say_command
from tuner.errors import Key, TaskFileError

if TYPE_CHECKING:
    from tuner.init import Checked, Draft


_FILES = "Name the files after init, in this order: training, test, validation."
_ELSEWHERE: dict[Key, str] = {
    ("adapter",): "It is --adapter NAME.",
    **{("data", option): _FILES for option in ("path", "test_path", "val_path")},
}


@click.command(short_help="Write a task file for your data.")
@click.argument("files", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Task file to write. Default: it is printed.")
@click.option("--adapter", help="The kind of data (see: list adapters). Default: it is guessed.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a key of the task file, such as data.label=COLUMN or budget.trials=10. May be repeated.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--check/--no-check", default=True, show_default=True, help="Read all data, as validate does.")
@click.option("--timing/--no-timing", default=True, show_default=True, help="Measure how long a sweep would take.")
@examples(
    "python -m tuner init reviews.csv",
    "python -m tuner init reviews.csv -o task.yaml",
    "python -m tuner init train.ts test.ts -o task.yaml",
    "python -m tuner init recordings/ -o task.yaml --no-timing",
    "python -m tuner init power.csv --adapter time_series/forecasting",
    "python -m tuner init power.csv --set data.horizon=48",
)
def init(
    files: tuple[Path, ...],
    output: Path | None,
    adapter: str | None,
    sets: tuple[str, ...],
    force: bool,
    check: bool,
    timing: bool,
) -> None:
    """Look at a file or a folder, recognize its kind, and write a task file with the reason for each line.

    A second file holds the test items. Warnings name problems that would spoil the result; guesses are marked as such.
    The task file goes to standard output or to the file of -o, all messages to standard error.
    """
    from tuner.cli.console import preparing
    from tuner.init import check as checked_by
    from tuner.init import draft, written
    from tuner.reporting.commands import of_task

    if output is not None:
        _check_free(output, force=force)
    drafted = draft(files, adapter=adapter, said=_said(sets))
    notes = [f"warning: {doubt}" for doubt in drafted.proposal.doubts]
    _tell_draft(drafted)
    if check:
        with preparing():
            result = checked_by(drafted, timing=timing)
        drafted = result.draft
        notes += [f"note: {notice}" for notice in result.notices]
        _tell_checked(result)
    else:
        _say("not checked: `validate` reads all data")
    for note in notes:
        _say(note)
    text = written(drafted, beside=output.parent if output else None, notes=notes)
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text, force=force)
    _say(f"written to {output}; next:")
    say_command(of_task("run", output, ()), err=True)


def _tell_draft(drafted: Draft) -> None:
    proposal = drafted.proposal
    _say(f"{drafted.path}: {proposal.taken_for} ({drafted.adapter}); looked at: {drafted.seen}")
    for fact in proposal.facts:
        _say(f"  {fact}")
    for line in drafted.lines[2:]:
        guess = "a guess: " if line.guessed else ""
        _say(f"  {'.'.join(map(str, line.key))}: {line.value} ({guess}{line.why})")
    for name, taken_for in drafted.others.items():
        _say(f"  it could also be {taken_for}: --adapter {name}")


def _tell_checked(result: Checked) -> None:
    _say(f"items: {result.counts}")
    _say(f"trivial score: {result.trivial}")
    if result.time:
        _say(f"expected time: {result.time}")


def _said(sets: tuple[str, ...]) -> dict[Key, Any]:
    """The values of `--set`, as plain data."""
    from tuner.config import parse_value
    from tuner.config.changes import split_change

    said: dict[Key, Any] = {}
    for change in sets:
        key, text = split_change(change)
        if key in _ELSEWHERE:
            raise TaskFileError("--set must not name what init has arguments for", value=change, fix=_ELSEWHERE[key])
        said[key] = text.strip() if key[0] == "data" and not _is_plain(text) else parse_value(text, change)
    return said


def _is_plain(text: str) -> bool:
    """Whether a text is a number, a truth value, null or a list; else it is the name of a column or the like."""
    text = text.strip()
    return text in ("null", "true", "false") or text.startswith(("[", '"', "'")) or _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_free(output: Path, *, force: bool) -> None:
    if output.is_dir() or (output.exists() and not force) or (output.is_symlink() and not force):
        raise TaskFileError(
            "the task file must not exist yet",
            value=str(output),
            fix="Name another one, or overwrite it with --force." if not output.is_dir() else "It is a folder.",
        )


def _write(output: Path, text: str, *, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise TaskFileError("the task file must be writable", value=error.strerror, where=str(output)) from error


def _say(text: str) -> None:
    from tuner.errors import printable

    say(printable(text), later="  ", err=True)
