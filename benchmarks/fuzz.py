"""Damaged and hostile files for as long as wanted: `python -m benchmarks.fuzz --minutes 10`.

Task files, search spaces, --set, checkpoints, event files, study folders, arrays, tables, folders and manifests,
damaged at random by Hypothesis in their bytes or their structure, are read by the code that reads them in earnest.
Nothing may come of it but a line for the user: no traceback, no hang, no code executed. Prints a table, and every
failure with the file that causes it; the exit status is 1 when there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support import fuzzing, structured

ROUND = settings(
    max_examples=200,  # of one kind before the next has its turn
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SLOW_SECONDS = 20.0
"""A file that takes longer is taken for a hang."""


@dataclass
class Target:
    """One kind of file, and what came of it."""

    name: str
    files: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    count: int = 0
    slowest: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)

    def round(self, number: int, deadline: float) -> None:
        """Read some files."""

        def one(value: Any) -> None:
            if time.monotonic() < deadline:
                self._read(value)

        seed(number)(ROUND(given(self.files)(one)))()

    def _read(self, value: Any) -> None:
        began = time.monotonic()
        self.count += 1
        signal.signal(signal.SIGALRM, _hangs)
        signal.alarm(int(SLOW_SECONDS) + 1)
        try:
            self.check(value)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno}"
            self.failures.setdefault(where, f"{error!s:.200} <- {value!r:.2000}")
        finally:
            signal.alarm(0)
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > SLOW_SECONDS:
            self.failures.setdefault(f"took {seconds:.0f} s", f"{value!r:.2000}")


class Hang(BaseException):
    """A file took too long; nothing that reads files may take it for an error of theirs."""


def _hangs(*_: object) -> None:
    raise Hang(f"longer than {SLOW_SECONDS:g} s")


def _targets(folder: Path) -> list[Target]:
    study = fuzzing.make_study(folder / "whole")
    bombs = st.sampled_from(fuzzing.bombs())
    return [
        Target("task file, damaged", fuzzing.damaged_text(), fuzzing.check_task),
        Target("task file, any values", fuzzing.strange_task(), fuzzing.check_task),
        Target("search space, damaged", fuzzing.damaged_text(), fuzzing.check_space),
        Target("--set", fuzzing.any_change(), fuzzing.check_set),
        Target("checkpoint, damaged", fuzzing.damaged_bytes(fuzzing.make_checkpoint()), fuzzing.check_checkpoint),
        Target("checkpoint, hostile", bombs | bombs.flatmap(fuzzing.damaged_bytes), fuzzing.check_checkpoint),
        Target("event file, damaged", fuzzing.damaged_bytes(fuzzing.make_events()), fuzzing.check_events),
        Target("study journal, damaged", fuzzing.damaged_bytes(study), fuzzing.check_study),
        Target("study, structure", structured.damaged_study(), structured.check_commands),
        Target(".npz, structure", structured.damaged_npz(), structured.check_npz),
        Target("Parquet, structure", structured.damaged_parquet(), structured.check_parquet),
        Target("folder of data", structured.damaged_folder(), structured.check_folder),
        Target("manifest, structure", structured.damaged_manifest(), structured.check_manifest),
    ]


def main() -> int:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="Part of a target's name.")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        targets = [target for target in _targets(Path(folder)) if arguments.only in target.name]
        number = arguments.seed
        while time.monotonic() < deadline:
            number += 1
            for target in targets:
                target.round(number, deadline)
    print(f"{'target':<26}{'files':>9}{'slowest':>10}  failures")
    for target in targets:
        print(f"{target.name:<26}{target.count:>9}{target.slowest:>9.2f}s  {len(target.failures)}")
    for target in targets:
        for where, what in target.failures.items():
            print(f"\n{target.name}: {where}\n  {what}")
    return int(any(target.failures for target in targets))


if __name__ == "__main__":
    sys.exit(main())
