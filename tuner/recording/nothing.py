"""The recorder `none`: a study then has only its event files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError, UserError
from tuner.recording.contract import Recorder, Recording


class _Silence(Recording):
    """An empty record, always complete."""

    def changed(self, run: str) -> None:
        """See `Recording`."""


class NoRecorder(Recorder):
    """Records nothing; see `Recorder`."""

    name = "none"
    uri = ""
    notices = ("tracking is none: nothing is recorded in MLflow",)

    def __init__(self, options: Any = None) -> None:
        pass

    def begin(self, folder: StudyFolder) -> Recording:  # noqa: ARG002 - the contract's
        """An empty record."""
        return _Silence()

    def sync(self, folder: StudyFolder, waiting: Callable[[str], None]) -> int:  # noqa: ARG002 - the contract's
        """Nothing to complete.

        Raises:
            StudyError: Always.
        """
        raise StudyError(
            f"study {folder.name} must have a place to be recorded in",
            value="tracking none",
            fix="Name one: --uri sqlite:///mlflow.db, or that of an MLflow server.",
        )

    def serve(
        self,
        host: str,  # noqa: ARG002 - the contract's
        port: int,  # noqa: ARG002
        studies: Sequence[str],  # noqa: ARG002
        tell: Callable[[str], None],  # noqa: ARG002
    ) -> None:
        """Nothing to show.

        Raises:
            UserError: Always.
        """
        raise UserError(
            "there must be a record to be shown",
            value="tracking none",
            fix="Show the trials with `python -m tuner top`, or name an MLflow with --uri.",
        )
