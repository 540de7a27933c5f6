"""A section of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from tuner.report.study import ReportedStudy


@dataclass(frozen=True)
class Section:
    """A question, and what answers it.

    Args:
        key: Its name in links.
        title: The question it answers.
        short: Its name in the table of contents.
        body: Markup.
    """

    key: str
    title: str
    short: str
    body: Markup


Make: TypeAlias = Callable[[ReportedStudy], Section | None]
"""Makes a section; None if the study has nothing to show in it."""
