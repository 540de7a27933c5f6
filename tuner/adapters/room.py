"""Memory, before it is taken: what a file says of its size is held against what the machine has."""

from __future__ import annotations

from pathlib import Path

import psutil

from tuner.errors import DataError


def must_fit(size: int, where: Path | str, *, what: str = "the data") -> None:
    """Refuse what does not fit into the memory that is free now.

    Args:
        size: Bytes that reading will take, a lower bound.
        where: The file.
        what: What of it will take them.

    Raises:
        DataError: It does not fit.
    """
    free = psutil.virtual_memory().available
    if size > free:
        raise DataError(
            f"{what} must fit into the free memory, {free / 1e9:.3g} GB",
            value=f"{size / 1e9:.3g} GB",
            fix="Use a part of it, or a machine with more memory.",
            where=str(where),
        )
