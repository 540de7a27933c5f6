"""`tuner` as it is, but with the trial function that `FAULTS_TRIAL` names."""

from __future__ import annotations

import os

from tuner.cli import main
from tuner.sweep import driver

if __name__ == "__main__":
    original = driver.make_executor
    driver.make_executor = lambda task: original(task, os.environ["FAULTS_TRIAL"])  # type: ignore[assignment]
    main()
