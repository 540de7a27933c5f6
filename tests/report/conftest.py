"""A large study's page, made once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.reported import MadeUp
from tuner.report import write_report


@dataclass(frozen=True)
class Thousand:
    """The page of a study of 1,000 trials.

    Args:
        page: Its file.
        seconds: Of a processor that it took.
    """

    page: Path
    seconds: float


@pytest.fixture(scope="session")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Thousand:
    """Read from its events, and written."""
    folder = MadeUp(trials=1000, epochs=8, workers=8).write(tmp_path_factory.mktemp("large") / "thousand")
    began = time.process_time()
    page = write_report(folder)
    return Thousand(page, time.process_time() - began)
