"""Text that fits the terminal: sentences break between words, commands only where a shell allows it.

Where there is no terminal nothing is broken: each sentence is one line that can be searched for.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from contextlib import suppress
from typing import TextIO

import click

_PIECE = re.compile(r"`[^`]*`\S*|\S+")
"""A word; text in backticks is one, so that it can be copied."""
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\\.|[^\s"'])+""")
"""A word of a command, with its quotes."""
_CLAUSES = re.compile(r"[;:](?= )|\.(?= [A-Z])| (?=\()")
"""Where a sentence may end early."""
_MORE = " \\"


def columns(stream: TextIO | None = None) -> int | None:
    """The width of a stream's terminal (default: standard output); None if it is no terminal."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return None
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns
    return shutil.get_terminal_size().columns


def cells(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def wrapped(text: str, width: int | None, *, indent: str = "", later: str | None = None) -> str:
    """The text in lines that fit.

    Args:
        text: A line, or several; leading blanks are repeated before each wrapped line.
        width: Columns; None: unwrapped.
        indent: Put before each line.
        later: Put before continuation lines; None for `indent`.
    """
    lines = [_broken(line, width, indent, indent if later is None else later) for line in text.split("\n")]
    return "\n".join(lines)


def pointed(what: str, path: str, width: int | None) -> str:
    """A path after its label: on one line where they fit, else on a line of its own."""
    line = f"{what} {path}"
    return line if width is None or cells(line) <= width else f"{what}\n  {path}"


def say(text: str, *, indent: str = "", later: str | None = None, err: bool = False) -> None:
    """Print a text, wrapped, on standard output or standard error."""
    click.echo(wrapped(text, columns(sys.stderr if err else sys.stdout), indent=indent, later=later), err=err)


def say_command(text: str, *, indent: str = "  ", err: bool = False) -> None:
    """Print a command on a line of its own, or on several that can be pasted."""
    click.echo(command(text, columns(sys.stderr if err else sys.stdout), indent=indent), err=err)


def _broken(line: str, width: int | None, indent: str, later: str) -> str:
    blanks = line[: len(line) - len(line.lstrip())]
    if width is None or cells(indent + line) <= width:
        return (indent + line).rstrip()
    done, now = [], indent + blanks
    fresh = True
    for piece in _PIECE.findall(line):
        if not fresh and cells(now) + 1 + cells(piece) > width:
            done.append(now)
            now, fresh = later + blanks, True
        now += piece if fresh else f" {piece}"
        fresh = False
    return "\n".join([*done, now])


def command(text: str, width: int | None, *, indent: str = "  ") -> str:
    r"""A command that can be pasted: broken by backslashes where it does not fit, options together with their values.

    >>> print(command("python -m tuner run task.yaml --set budget.trials=10", 40))
      python -m tuner run task.yaml \
          --set budget.trials=10
    """
    if width is None or cells(indent + text) <= width:
        return indent + text
    groups: list[str] = []
    for word in _WORD.findall(text):
        if groups and not word.startswith("-") and groups[-1].startswith("-") and " " not in groups[-1]:
            groups[-1] += f" {word}"
        else:
            groups.append(word)
    done, now = [], indent + groups[0]
    for group in groups[1:]:
        if cells(f"{now} {group}{_MORE}") > width:
            done.append(now + _MORE)
            now = f"{indent}    {group}"
        else:
            now += f" {group}"
    return "\n".join([*done, now])


def headline(text: str, room: int | None) -> str:
    """The beginning of a text that fits into the columns: its first clauses where possible, else its first words."""
    if room is None or cells(text) <= room:
        return text
    ends = [found.start() for found in _CLAUSES.finditer(text) if room // 2 <= found.start() <= room]
    if ends:
        return text[: ends[-1]]
    kept = text[: room - 1].rpartition(" ")[0] or text[: room - 1]
    return f"{kept}…"
