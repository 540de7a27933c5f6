"""The contracts of this room: what keeps records of studies (`Recorder`), and one that is written (`Recording`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tuner.disk.folder import StudyFolder
from tuner.errors import UserError
from tuner.redaction import redacted

SWEEP = "sweep"
"""What the sweep itself is called among the runs."""
SILENCE_SECONDS = 60.0
"""Longest time without a sign of progress that the end of a sweep waits for."""


class Recording(Protocol):
    """The record of one study, written while it runs. Used by the driver's thread alone.

    The event files are the truth, and the recording reads them itself; it is told only that they grew. It may be told
    of the same run any number of times, and of runs that are in its record already: the record is then as after the
    first time. It decides nothing, holds nothing up and raises nothing: where it cannot write, it keeps what is left
    for later, and `problem` says why.
    """

    def changed(self, run: str) -> None:
        """Hear that the events or artifacts of a run grew, or with `SWEEP` those of the sweep. Takes no time."""
        ...

    def problem(self, *, lasting: bool = False) -> str:  # noqa: ARG002 - for those who know
        """Why the record is behind; empty when it is not, or is known to get on.

        Args:
            lasting: Only what has not gone by within a moment.
        """
        return ""

    def away(self) -> bool:
        """Whether the problem keeps everything back, rather than some runs."""
        return False

    def close(
        self,
        patience: float = SILENCE_SECONDS,  # noqa: ARG002
        tell: Callable[[int], None] | None = None,  # noqa: ARG002
        enough: Callable[[], bool] = lambda: False,  # noqa: ARG002
    ) -> bool:
        """End, when the sweep is over, and wait until the record is complete, as long as it gets on.

        Args:
            patience: Seconds without progress after which it is waited for no longer.
            tell: Called now and then with the number of changes left.
            enough: Asked as often whether to wait no longer.

        Returns:
            Whether everything is in the record. If not, the events stay, and `Recorder.sync` completes it.
        """
        return True


class Recorder(Protocol):
    """A place where studies are recorded. Importing its module imports nothing heavy.

    One outside the package carries its options model as the class attribute `Options`. Whoever names this class as a
    base has what is not written here as abstract.
    """

    name: str
    """What it is called in sentences: "MLflow"."""
    uri: str
    """Where it records; may hold a password. Empty where it records nothing."""
    notices: Sequence[str] = ()
    """What the user should hear when a sweep begins, a whole sentence each."""

    def __init__(self, options: Any) -> None:
        """Take validated options; touch no file and no server.

        Raises:
            TaskFileError: They name no place to record in; with its key.
        """
        ...

    def begin(self, folder: StudyFolder) -> Recording:
        """Record a study from now on; of what is there already, all that the record lacks. `sweep.jsonl` is there."""
        ...

    def sync(self, folder: StudyFolder, waiting: Callable[[str], None]) -> int | None:  # noqa: ARG002 - for those who wait
        """Complete the record of a study that no driver owns; safe to repeat.

        Args:
            folder: The study.
            waiting: Told why, once, where it has to wait for another process.

        Returns:
            Number of events that were missing; None where that is not known.

        Raises:
            StudyError: It cannot be completed now.
        """
        recording = self.begin(folder)
        for run in (SWEEP, *folder.runs()):
            recording.changed(run)
        if not recording.close():
            raise UserError(f"the record of study {folder.name} must be complete", value=recording.problem())
        return None

    def pages(self, study: str) -> str:  # noqa: ARG002 - for those who have pages
        """The command or the address that shows a study's record, as a user types it; empty where there is none."""
        return ""

    def serve(
        self,
        host: str,  # noqa: ARG002 - for those who have pages
        port: int,  # noqa: ARG002
        studies: Sequence[str],  # noqa: ARG002
        tell: Callable[[str], None],  # noqa: ARG002
    ) -> None:
        """Become the web server of the record's pages; returns never.

        Args:
            host: A name of this machine's loopback.
            port: TCP port.
            studies: Names of those that the user may want to see.
            tell: Told, before the server begins, a line per study: where its pages will be.

        Raises:
            UserError: There is nothing to show here.
        """
        fix = f"The record is at {redacted(self.uri)}."
        raise UserError(f"{self.name} must have pages of its own to be served", fix=fix)
