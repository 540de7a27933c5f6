"""An adapter's proposal for a file: the lines of a task file, each with its reason."""

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
        key: Its key in the task file: ("data", "label").
        value: Plain data: a text, a number, a boolean, None, or a list of these.
        why: The evidence for it in the file, a part of a sentence.
        guessed: Whether the evidence leaves it open; `why` then says how to change it.
    """

    key: Key
    value: Any
    why: str
    guessed: bool = False


class Fit(IntEnum):
    """How well a file fits an adapter, for comparison between adapters."""

    POSSIBLE = 1
    LIKELY = 2
    SURE = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """How an adapter would read a file.

    Args:
        fit: How well it fits.
        taken_for: The supposed kind of data: "labelled texts, a row each".
        lines: Lines of the task file, without `name`, `adapter` and those that name the files.
        facts: Counts, such as classes and their shares, or lengths; a part of a sentence each.
        doubts: Warnings of what would spoil the result, a sentence each.
    """

    fit: Fit
    taken_for: str
    lines: Sequence[Line] = ()
    facts: Sequence[str] = ()
    doubts: Sequence[str] = ()


Propose = Callable[[Glimpse], Proposal | None]
"""Inspects files and makes a proposal; None if they are not of this adapter's kind. Raises a `DataError` if they are of
its kind, but cannot be read."""


def to_begin_with(*, trials: int, epochs: int) -> list[Line]:
    """Lines of a first, small search, for any kind of data."""
    return [
        Line(("search_space",), "quick", "for a start: the five parameters that matter most; gated_rnn has more"),
        Line(("budget", "trials"), trials, "for a start; more trials find better configurations but take longer"),
        Line(("budget", "epochs"), epochs, "passes over the training data in a full trial"),
    ]
