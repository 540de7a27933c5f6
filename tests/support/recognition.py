"""Recordings with transcripts for tests of speech recognition, and what a path says."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.adapter_data import said
from tuner.adapters.base import Prepared
from tuner.adapters.speech.recognition.adapter import Recognition
from tuner.adapters.speech.recognition.options import RecognitionOptions


def record(path: Path, text: str = "one", rate: int = 8000) -> Path:
    """A short recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, said(text, np.random.default_rng(len(path.name))), rate)
    return path


def write(path: Path, *lines: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepared(folder: Path, **options: Any) -> Prepared:
    """What comes of preparing data into a new folder."""
    folder.mkdir()
    return Recognition(RecognitionOptions(**options)).prepare(folder)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    """What a path says: equal neighbours once, without blanks."""
    return tuple(unit for unit, _ in itertools.groupby(path) if unit)
