"""The errors that a user can cause, reported in one line: place, rule, value, fix.

TunerError
|-- UserError (ValueError)      a mistake in a file, an option or the data; exit status 2
|   |-- TaskFileError           the task file, a search space or --set
|   |-- DataError               the data named by the task file
|   |-- StudyError              the study folder: not found, in use, made for something else
|   `-- ClusterError            the Ray cluster: not reached, too small
`-- TrialError (RuntimeError)   raised inside a trial; becomes that trial's reason, never ends a sweep
    `-- Diverged                a loss, gradient, weight or prediction that is not finite
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from tuner.redaction import redacted

Key = tuple[str | int, ...]
"""A path into the task file, such as ("budget", "trials")."""
_IN_TASK_FILE = re.compile(r"\bdata\.[a-z]")
_MOST_NAMES = 12
"""Names that a message lists at most; of more, only the nearest and the command that lists them."""
_NEAREST = 3
_MOST_COMPARED = 10_000


class TunerError(Exception):
    """Root of all errors raised on purpose."""


class UserError(TunerError, ValueError):
    """A mistake that the user can correct, reported in one line.

    Args:
        rule: What must hold, without a final stop: "budget.trials must be >= 1".
        value: The value found instead, if any; shown by `repr`, cut at 80 characters.
        fix: What to do, as a whole sentence.
        where: "file:line", or "file". Left out when `key` says it.
        key: Path of the option at fault; whoever knows the task file turns it into "file:line".
    """

    _MISSING = object()

    def __init__(self, rule: str, *, value: object = _MISSING, fix: str = "", where: str = "", key: Key = ()) -> None:
        super().__init__(rule)
        self.rule, self.value, self.fix, self.where, self.key = rule, value, fix, where, key

    def at(self, where: str) -> UserError:
        """The same error, with the place filled in if it has none."""
        self.where = self.where or where
        return self

    def of_model(self) -> Self:
        """The same error without a fix in the task file, which a finished model no longer reads."""
        if _IN_TASK_FILE.search(self.fix):
            self.fix = ""
        return self

    @property
    def problem(self) -> str:
        """The message without the place."""
        return self._told("")

    def __str__(self) -> str:
        return self._told(f"{self.where}: " if self.where else "")

    def _told(self, place: str) -> str:
        got = "" if self.value is self._MISSING else f", but got {_shown(self.value)}"
        fix = f" {self.fix}" if self.fix else ""
        sentence = f"{place}{self.rule}{got}"
        end = "" if sentence.endswith("...") else "."  # a long value is cut
        return printable(" ".join(redacted(f"{sentence}{end}{fix}").split()))


class TaskFileError(UserError):
    """The task file, a search space or a `--set` is not what it must be."""


class DataError(UserError):
    """The data named by the task file is missing, damaged or unfit."""


class StudyError(UserError):
    """The study's folder cannot be used as asked."""


class ClusterError(UserError):
    """The Ray cluster cannot be used as asked."""


class TrialError(TunerError, RuntimeError):
    """A trial cannot continue; the text becomes its reason."""


class Diverged(TrialError):  # noqa: N818 - the outcome's name in the literature and in the state table
    """A loss, metric, gradient, weight or prediction is not finite."""


def missing_package(error: ImportError) -> UserError | None:
    """The error for a missing package that this one depends on; None for any other import error."""
    from importlib.metadata import (
        PackageNotFoundError,
        requires,
    )  # here, as nearly no command needs it

    try:
        known = {re.split(r"[^\w-]", line, maxsplit=1)[0].lower() for line in requires("tuner") or ()}
    except PackageNotFoundError:  # a checkout on the path
        return None
    package = (error.name or "").partition(".")[0].replace("_", "-").lower()
    if package not in known:
        return None
    fix = f"Install it (pip install {package}), or tuner with all its dependencies."
    return UserError(f"the package {package} must be installed", fix=fix)


def nearest(name: str, known: Iterable[str], listed: str = "") -> str:
    """The fix for an unknown name: all known names if they are few, else the nearest and the command that lists all.

    Args:
        name: The unknown one.
        known: All that are known.
        listed: The command's arguments that list them: "list cells"; "" without such a command.

    >>> nearest("lstn", ["gru", "lstm"])
    "Did you mean 'lstm'? Known: gru, lstm."
    """
    names = sorted(known)
    if not names:
        return "There are none."
    few = len(names) <= _MOST_NAMES
    close = get_close_matches(name, names[:_MOST_COMPARED], n=1 if few else _NEAREST)  # which takes time for each
    quoted = [repr(each) for each in close]
    meant = " or ".join([*filter(None, [", ".join(quoted[:-1])]), *quoted[-1:]])
    hint = f"Did you mean {meant}? " if close else ""
    if listed and not few:
        return f"{hint}`python -m tuner {listed}` lists all {len(names)}."
    more = "" if few else f" and {len(names) - _MOST_NAMES} more"
    return f"{hint}Known: {', '.join(names[:_MOST_NAMES])}{more}."


def is_text(text: str) -> bool:
    """Whether a text has no lone surrogate, which a file name that is not UTF-8 or an escape in JSON can bring in."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    r"""A text that any terminal can show and any file can store: unprintable characters become escapes.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _shown(value: object) -> str:
    text = repr(redacted(value)) if isinstance(value, str) else redacted(repr(value))  # redacted before the text is cut
    return text if len(text) <= 80 else text[:77] + "..."
