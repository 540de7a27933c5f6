"""Figures that were drawn."""

from __future__ import annotations

from pathlib import Path


def is_png(path: Path) -> bool:
    """Whether it is a PNG of some size, with no half file beside it."""
    data = path.read_bytes()
    return data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 5000 and len(list(path.parent.iterdir())) == 1
