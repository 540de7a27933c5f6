"""Wordings shared by all that is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def called(number: int) -> str:
    """The name of a configuration: `baseline` for a number below 0, else `trial 7`."""
    return "baseline" if number < 0 else f"trial {number}"


def spoken(number: int) -> str:
    """The name of a configuration within a sentence: `the baseline`, or `trial 7`."""
    return f"the {called(number)}" if number < 0 else called(number)


def lasting(seconds: float) -> str:
    """An expected time, rounded to its precision.

    >>> lasting(0.2), lasting(300), lasting(9000)
    ('1 second', '5 minutes', '2.5 hours')
    """
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def spelt(value: Any) -> str:
    """A parameter's value as people read and task files have it; of a number four digits, of null `off`.

    >>> spelt(None), spelt(True), spelt(0.0012345), spelt("gru")
    ('off', 'true', '0.001234', 'gru')
    """
    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_WRITTEN = {
    **{name: name.upper() for name in ("auc", "bpc", "cer", "crps", "f1", "mae", "mase", "mse", "rmse", "rmsse")},
    **{name: name.upper() for name in ("wape", "wer", "wql")},
    "r2": "R²",
    "smape": "sMAPE",
}


DYNAMIC = "dynamic_"
"""What names of scores by dynamic evaluation begin with; without it they are those of the network as it is."""


def spoken_score(name: str) -> str:
    """A score as people write it, that a task file calls so, without its split.

    >>> [spoken_score(name) for name in ("mase", "macro_f1", "balanced_accuracy", "r2")]
    ['MASE', 'macro F1', 'balanced accuracy', 'R²']
    """
    return " ".join(_WRITTEN.get(part, part) for part in name.split("_"))


def capital(text: str) -> str:
    """A sentence as it begins a line: with a capital, but where it begins with a name of the program.

    >>> capital("trial 3 leads"), capital("val/loss 0.3 in the search"), capital("learning_rate 0.01")
    ('Trial 3 leads', 'val/loss 0.3 in the search', 'learning_rate 0.01')
    """
    first = text.partition(" ")[0]
    return text if "/" in first or "_" in first else text[:1].upper() + text[1:]


def on_fresh(seeds: int) -> str:
    """On how many fresh seeds, one or several.

    >>> on_fresh(1), on_fresh(3)
    ('on a fresh seed', 'on fresh seeds')
    """
    return "on a fresh seed" if seeds == 1 else "on fresh seeds"


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "trial"), counted(2, "trial")
    ('1 trial', '2 trials')
    """
    return f"{count} {noun}{'s' * (count != 1)}"


def first_few(texts: Sequence[str], most: int, what: str = "") -> str:
    """The first ones, and how many more there are.

    >>> first_few(["a", "b"], 2), first_few(["a", "b", "c"], 2), first_few(["a", "b"], 1, "columns")
    ('a, b', 'a, b and 1 more', 'a and 1 more columns')
    """
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more{f' {what}' if what else ''}" if more > 0 else "")
