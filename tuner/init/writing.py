"""A draft as the text of a task file: YAML with the reason for each line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.adapters.proposal import Line
from tuner.errors import printable
from tuner.init.draft import Draft

_WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
"""Words that some YAML readers do not read as text."""
_FIRST = ("name", "adapter", "data", "search_space", "space", "baseline", "objective", "budget")


def written(draft: Draft, *, beside: Path | None, notes: Sequence[str] = ()) -> str:
    """The text of a task file.

    Args:
        draft: The draft to write.
        beside: The folder of the task file; None: paths stay as they were given.
        notes: Comments at its end, a line each.
    """
    paths = [
        Line(("data", option), _relative(path, beside), "what was looked at" if option == "path" else _held(option))
        for option, path in draft.paths.items()
    ]
    sections: dict[str, list[Line]] = {}
    for line in [*draft.lines[:2], *paths, *draft.lines[2:]]:
        sections.setdefault(str(line.key[0]), []).append(line)
    order = sorted(sections, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    head = [f"# {printable(draft.proposal.taken_for)}; looked at: {draft.seen}"]
    head += [f"# {line}" for fact in draft.proposal.facts for line in _wrapped(printable(fact), _WIDTH - 2)]
    body = [line for name in order for line in _section(name, sections[name])]
    tail = [f"# {line}" for note in notes for line in _wrapped(printable(note), _WIDTH - 2)]
    return "\n".join([*head, *body, *([""] if tail else []), *tail]) + "\n"


def _section(name: str, lines: Sequence[Line]) -> Iterator[str]:
    if lines[0].key == (name,):
        yield from _written(name, lines[-1], 0)
        return
    yield f"{name}:"
    for line in lines:
        yield from _written(".".join(map(str, line.key[1:])), line, 2)


def _written(name: str, line: Line, indent: int) -> list[str]:
    """The line and its reason: after it where there is room, else above it."""
    said = f"{' ' * indent}{value_text(name)}: {value_text(line.value)}"
    why = printable(f"{'a guess: ' if line.guessed else ''}{line.why}")
    if len(said) + len(why) + 4 <= _WIDTH:
        return [f"{said}  # {why}"]
    return [*(f"{' ' * indent}# {part}" for part in _wrapped(why, _WIDTH - indent - 2)), said]


def value_text(value: Any) -> str:
    """A value as YAML on one line.

    >>> value_text(["a", "no", 1.5, None])
    '[a, "no", 1.5, null]'
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{value_text(name)}: {value_text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    return json.dumps(value)


def _escaped(letter: str) -> str:
    """A character as written within double quotes in YAML."""
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"


def _relative(path: Path, beside: Path | None) -> str:
    """A path as the task file has it: relative where its folder holds the file, else as it was given, or absolute."""
    if beside is None:
        return str(path)
    whole, folder = Path(os.path.abspath(path)), Path(os.path.abspath(beside))
    if whole.is_relative_to(folder):
        return str(whole.relative_to(folder))
    return str(whole)


def _held(option: str) -> str:
    return "test items of their own" if option == "test_path" else "a validation part of its own"


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
