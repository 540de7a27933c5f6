"""Sentences from preparation for the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def such_as(reason: str, places: Sequence[str]) -> dict[str, int]:
    """For `left_out`: the reason, with the first place, and how many there are; empty without any."""
    return {f"{reason}, such as {places[0]}": len(places)} if places else {}


def left_out(what: str, dropped: Mapping[str, int], *, of: int) -> list[str]:
    """What was left out and why, a sentence per reason; empty if nothing was.

    Args:
        what: The kind of item, in the plural: "texts".
        dropped: Reason -> number of items left out.
        of: Number of items before.
    """
    return [f"{count} of {of} {what} left out: {reason}" for reason, count in dropped.items() if count]
