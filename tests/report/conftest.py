"""A large study's page, made once."""

from __future__ import annotations

import time

import pytest

from tests.support.reported import MadeUp, Timed
from tuner.report import write_report


@pytest.fixture(scope="session")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Timed:
    """The page of a study of 1,000 trials: read from its events, and written."""
    folder = MadeUp(trials=1000, epochs=8, workers=8).write(tmp_path_factory.mktemp("large") / "thousand")
    began = time.process_time()
    page = write_report(folder)
    return Timed(page, time.process_time() - began)
