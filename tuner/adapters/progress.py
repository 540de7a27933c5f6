"""How far the preparation of data is, for whoever listens: a user waits for large files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Tell = Callable[[str, float], None]
"""Takes what is done now, such as "reading series.csv", and the share of it that is done, 0 to 1."""
_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def told_to(tell: Tell) -> Iterator[None]:
    """Tell the progress of preparations inside the context."""
    before = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(before)


def at(doing: str, share: float) -> None:
    """Say how far a preparation is; nobody need listen."""
    if (tell := _TELL.get()) is not None:
        tell(doing, share)
