"""Processes below a test, which may end while they are looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

Answer = TypeVar("Answer")


def below(parent: int | None = None) -> list[psutil.Process]:
    """All processes below this one, or below the one of that number."""
    return psutil.Process(parent).children(recursive=True)


def answers(
    processes: Iterable[psutil.Process], ask: Callable[[psutil.Process], Answer]
) -> list[tuple[psutil.Process, Answer]]:
    """Each with its answer, without those that end before they answer."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append((process, ask(process)))
    return found


def is_over(number: int) -> bool:
    """Whether the process of that number has ended, though its parent may not have asked yet."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
