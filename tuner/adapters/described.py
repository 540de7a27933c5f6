"""Prepared data in sentences, with three items as a network gets them. Does not import torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.ragged import Ragged
from tuner.errors import printable
from tuner.words import counted

EXAMPLES = 3
_VALUES = 6
"""How many numbers of an item are shown."""
_SYMBOLS = 12
_NAMED = 6
"""Up to this many classes are named one by one; of more, the largest and the smallest."""
_UNBALANCED = 3.0
"""Classes are called unbalanced from this ratio of the largest to the smallest on."""


@dataclass(frozen=True, slots=True)
class Described:
    """Description of prepared data.

    Args:
        facts: Sentences: classes and their shares, lengths, gaps.
        examples: Items of the training split as a network gets them, a line each.
    """

    facts: Sequence[str] = ()
    examples: Sequence[str] = ()


def of_classes(folder: Path, shown: Callable[[NDArray[Any]], str]) -> Described:
    """The description of data whose items have one class each.

    Args:
        folder: Prepared data with `facts.json`, `train.x` and `train.y`.
        shown: Turns an item into words, without its class.
    """
    classes, numbers = facts_of(folder)["classes"], np.load(folder / "train.y.npy")
    items = Ragged(folder, "train.x")
    _, first = np.unique(numbers, return_index=True)  # one item of each class before a second of any class
    others = np.setdiff1d(np.arange(len(items)), first)
    chosen = [*first.tolist(), *others.tolist()][:EXAMPLES]
    examples = [f"{_quoted(classes[numbers[item]])}: {shown(items[item])}" for item in chosen]
    return Described([balance(classes, numbers), lengths(items.lengths)], examples)


def facts_of(folder: Path) -> dict[str, Any]:
    """Read the facts that `write_facts` wrote."""
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return facts


def balance(classes: Sequence[str], numbers: NDArray[np.int64]) -> str:
    """Number of training items of each class, and whether classes are balanced."""
    counts = np.bincount(numbers, minlength=len(classes))
    order = np.argsort(-counts, kind="stable").tolist()
    named = order if len(order) <= _NAMED else [order[0], order[-1]]
    told = [f"{_quoted(classes[each])} {counts[each]:,} ({counts[each] / counts.sum():.0%})" for each in named]
    shares = ", ".join(told) if len(order) <= _NAMED else f"from {told[0]} to {told[1]}"
    least = max(1, int(counts.min()))
    even = (
        "unbalanced: val/macro_f1 gives each class equal weight" if counts.max() > _UNBALANCED * least else "balanced"
    )
    return f"{len(classes)} classes in the training split: {shares}; {even}"


def lengths(steps: NDArray[np.int64]) -> str:
    """The lengths of items."""
    low, high = int(steps.min()), int(steps.max())
    return (
        f"{counted(low, 'step')} each"
        if low == high
        else f"{low:,} to {high:,} steps, {int(np.median(steps)):,} in the median"
    )


def numbers(item_TC: NDArray[Any], channels: Sequence[str] = ()) -> str:
    """The first values of an item's first channel."""
    x_TC = item_TC.reshape(len(item_TC), -1)
    first = " ".join(f"{value:.3g}" for value in x_TC[:_VALUES, 0].tolist())
    more = " …" if len(x_TC) > _VALUES else ""
    name = f"{channels[0]} " if len(channels) else ""
    others = f", and {counted(x_TC.shape[1] - 1, 'more channel')}" if x_TC.shape[1] > 1 else ""
    return printable(f"{name}{first}{more} ({counted(len(x_TC), 'step')}{others})")


def symbols(item: Sequence[str], what: str) -> str:
    """The first symbols of an item, separated."""
    first = "·".join(each.replace(" ", "_").replace("\n", "⏎") for each in item[:_SYMBOLS])
    return printable(f"{first}{'·…' if len(item) > _SYMBOLS else ''} ({len(item):,} {what})")


def dropped(about: Mapping[str, Any]) -> list[str]:
    """The items that were left out, with reasons; empty without any."""
    return (
        [f"left out: {', '.join(f'{count} ({why})' for why, count in about['dropped'].items())}"]
        if about.get("dropped")
        else []
    )


def _quoted(name: str) -> str:
    return f'"{printable(name)}"'
