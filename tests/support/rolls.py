"""Piano rolls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

from benchmarks.piano_rolls import PITCHES

FRAMES = {"traindata": (9, 5, 7, 6, 8), "validdata": (4, 6, 5), "testdata": (5, 3)}


def write_rolls(path: Path) -> Path:
    """Pieces in which few notes sound, as MATLAB stores cells."""
    rng = np.random.default_rng(0)
    content = {}
    for cell, lengths in FRAMES.items():
        content[cell] = np.empty((1, len(lengths)), dtype=object)
        for number, length in enumerate(lengths):
            content[cell][0, number] = (rng.random((length, PITCHES)) < 0.05).astype(np.uint8)
    savemat(path, content)
    return path
