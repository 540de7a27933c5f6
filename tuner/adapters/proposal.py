"""What an adapter proposes for a file that it is shown: the lines of a task file, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from tuner.adapters.glimpse import Glimpse
from tuner.errors import Key


class Line(NamedTuple):
    """One line of a task file.

    Args:
        key: Where it stands: ("data", "label").
        value: Plain data: a text, a number, a truth value, None, or a list of them.
        why: What was seen that says so, a part of a sentence.
        guessed: Whether what was seen does not settle it; `why` then tells how to say otherwise.
    """

    key: Key
    value: Any
    why: str
    guessed: bool = False


class Fit(IntEnum):
    """How well what was seen fits an adapter, next to what another one may say of it."""

    POSSIBLE = 1
    LIKELY = 2
    SURE = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """How an adapter would read what it was shown.

    Args:
        fit: How well it fits.
        taken_for: What it is taken for: "labelled texts, a row each".
        lines: Lines of the task file but `name`, `adapter`, and those that name the files.
        facts: What was counted: classes and their shares, lengths; a part of a sentence each.
        doubts: What would spoil the result, a whole sentence each.
    """

    fit: Fit
    taken_for: str
    lines: Sequence[Line] = ()
    facts: Sequence[str] = ()
    doubts: Sequence[str] = ()


Propose = Callable[[Glimpse], Proposal | None]
"""Looks at files, and proposes; None where they are none of this adapter's. It raises a `DataError` where they are of
its kind, but cannot be read as they are."""


def to_begin_with(*, trials: int, epochs: int) -> list[Line]:
    """Lines of a small search, for any kind of data."""
    return [
        Line(("search_space",), "quick", "for a start: the five parameters that matter most; gated_rnn has more"),
        Line(("budget", "trials"), trials, "for a start; more trials find better configurations but take longer"),
        Line(("budget", "epochs"), epochs, "passes over the training data in a full trial"),
    ]
