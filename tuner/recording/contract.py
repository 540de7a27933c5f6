"""The contracts of this package: a place of records (`Recorder`), and a record being written (`Recording`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tuner.disk.folder import StudyFolder
from tuner.errors import UserError
from tuner.redaction import redacted

SWEEP = "sweep"
"""The name of the sweep itself among the runs."""
SILENCE_SECONDS = 60.0
"""Seconds without progress after which the end of a sweep waits no longer."""


class Recording(Protocol):
    """The record of one study, written while it runs. Used only by the driver's thread.

    The event files are the truth: the recording reads them itself and is only notified of changes. Repeated
    notifications, also of runs already recorded, must not change the record. It decides nothing, delays nothing and
    raises nothing: if it cannot write, it keeps the rest for later, and `problem` tells why.
    """

    def changed(self, run: str) -> None:
        """Note that a run (with `SWEEP`: the sweep) has new events or artifacts. Returns at once."""
        ...

    def problem(self, *, lasting: bool = False) -> str:  # noqa: ARG002 - for those who know
        """Why the record is behind; empty if it is not, or is making progress.

        Args:
            lasting: Report only problems that have lasted for a while.
        """
        return ""

    def away(self) -> bool:
        """Whether the problem blocks all runs, not only some."""
        return False

    def close(
        self,
        patience: float = SILENCE_SECONDS,  # noqa: ARG002
        tell: Callable[[int], None] | None = None,  # noqa: ARG002
        enough: Callable[[], bool] = lambda: False,  # noqa: ARG002
    ) -> bool:
        """After the sweep, wait until the record is complete, as long as there is progress.

        Args:
            patience: Seconds without progress after which to stop waiting.
            tell: Called repeatedly with the number of changes left.
            enough: Called as often; whether to stop waiting.

        Returns:
            Whether the record is complete. If not, `Recorder.sync` completes it from the event files.
        """
        return True


class Recorder(Protocol):
    """A place where studies are recorded. Importing its module imports nothing heavy.

    A recorder outside the package has its options model as the class attribute `Options`; one that subclasses this
    class inherits the methods that are not abstract.
    """

    name: str
    """Its name in sentences: "MLflow"."""
    uri: str
    """Where it records; may contain a password. Empty if it records nothing."""
    notices: Sequence[str] = ()
    """Notices for the user at the beginning of a sweep, a whole sentence each."""

    def __init__(self, options: Any) -> None:
        """Take validated options; touch no file and no server.

        Raises:
            TaskFileError: They name no place to record in; with its key.
        """
        ...

    def begin(self, folder: StudyFolder) -> Recording:
        """Begin to record a study, including earlier events that the record lacks. `sweep.jsonl` exists."""
        ...

    def sync(self, folder: StudyFolder, waiting: Callable[[str], None]) -> int | None:  # noqa: ARG002 - for those who wait
        """Complete the record of a study without a running driver; safe to repeat.

        Args:
            folder: The study.
            waiting: Called once with the reason if it must wait for another process.

        Returns:
            Number of events that were missing; None if unknown.

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
        """The command or the address that shows a study's record, as a user types it; empty without one."""
        return ""

    def serve(
        self,
        host: str,  # noqa: ARG002 - for those who have pages
        port: int,  # noqa: ARG002
        studies: Sequence[str],  # noqa: ARG002
        tell: Callable[[str], None],  # noqa: ARG002
    ) -> None:
        """Become the web server of the record's pages; never returns.

        Args:
            host: A name of this machine's loopback.
            port: TCP port.
            studies: Names of the studies that the user may want to see.
            tell: Called before the server begins with a line per study: the address of its pages.

        Raises:
            UserError: There is nothing to show here.
        """
        fix = f"The record is at {redacted(self.uri)}."
        raise UserError(f"{self.name} must have pages of its own to be served", fix=fix)
