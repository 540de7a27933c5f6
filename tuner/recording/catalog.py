"""The recorders by name. Free of MLflow."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from tuner.config import validate_options
from tuner.config.options import Options
from tuner.config.task import Tracking
from tuner.errors import Key, UserError
from tuner.recording.contract import Recorder
from tuner.registry import Catalog, Entry


class MLflowOptions(Options):
    """Options of MLflow."""

    uri: str | None = None
    """MLflow tracking URI: sqlite:///FILE, http://HOST:PORT of a server, or postgresql://… of a database; null takes
    MLFLOW_TRACKING_URI, else `mlflow.db` in the current folder. `none` is short for the recorder none."""
    registers: bool = Field(False, alias="register")
    """Whether to register the winner's model in MLflow, as `models:/STUDY@champion`."""


class NoOptions(Options):
    """No options."""


RECORDERS = Catalog(
    "recorder",
    {
        "mlflow": Entry(
            "tuner.recording.on_mlflow:MLflowRecorder",
            "an MLflow experiment per study, a run per trial, written by a process of its own",
            "https://mlflow.org",
            MLflowOptions,
        ),
        "none": Entry(
            "tuner.recording.nothing:NoRecorder",
            "no record besides the study's own files",
            "ours",
            NoOptions,
        ),
    },
    entry_point="tuner.recorders",
)


def make_recorder(tracking: Tracking, place: Callable[[Key], str] = lambda _: "") -> Recorder:
    """The recorder that a task file asks for.

    Args:
        tracking: The task file's section.
        place: Turns a key path into "file:line".

    Raises:
        TaskFileError: It is unknown, or its options name no place to record in.
    """
    name, options = tracking.choice
    try:
        entry = RECORDERS[name]
        recorder: Recorder = entry.load()(validate_options(entry.options, options, key=("tracking",), place=place))
    except UserError as error:
        raise error.at(place(error.key or ("tracking", "recorder"))) from None
    return recorder
