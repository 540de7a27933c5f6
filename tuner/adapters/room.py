"""Memory, before it is taken: compares the size that a file declares with the machine's free memory."""

from __future__ import annotations

from pathlib import Path

import psutil

from tuner.errors import DataError


def must_fit(size: int, where: Path | str, *, what: str = "the data") -> None:
    """Refuse data that do not fit into the memory that is free now.

    Args:
        size: Lower bound of the bytes needed for reading.
        where: The file.
        what: The part of the file that needs them.

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
