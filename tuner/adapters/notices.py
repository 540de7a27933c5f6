"""Sentences from preparation for the user."""

from __future__ import annotations

from collections.abc import Mapping


def left_out(what: str, dropped: Mapping[str, int], *, of: int) -> list[str]:
    """What was left out and why, a sentence per reason; empty if nothing was.

    Args:
        what: The kind of item, in the plural: "texts".
        dropped: Reason -> number of items left out.
        of: Number of items before.
    """
    return [f"{count} of {of} {what} left out: {reason}" for reason, count in dropped.items() if count]
