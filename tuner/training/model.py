"""The model of a confirmation: the weights of its best epoch, for the test and for use."""

from __future__ import annotations

import time
from collections.abc import Callable

from tuner.disk import places
from tuner.disk.events import FULL, FULL_DISK_SECONDS
from tuner.messages import TrialSpec
from tuner.training import checkpoint
from tuner.training.history import History


def save_model(spec: TrialSpec, history: History, waiting: Callable[[], None]) -> None:
    """Write the weights of the best epoch; waits for a full disk, and for a while for a store that does not answer.

    Args:
        spec: The run.
        history: Its epochs and best weights.
        waiting: Called between tries.

    Raises:
        OSError: The place cannot be written.
    """
    facts = {
        "params": dict(spec.params),
        "adapter": spec.adapter,
        "data": dict(spec.data),
        "prepared_as": spec.prepared_as,
        "metric": spec.objective.metric,
        "value": None if spec.refit else history.best,
        "epoch": history.best_epoch,
    }
    path = checkpoint.artifact_path(spec, checkpoint.MODEL)
    deadline = time.monotonic() + (places.PATIENCE_SECONDS if spec.store else 0.0)
    while True:
        try:
            checkpoint.save(path, {"network": history.best_weights}, facts)
        except OSError as error:
            if error.errno not in FULL and time.monotonic() > deadline:
                raise
            waiting()
            time.sleep(FULL_DISK_SECONDS)
        else:
            return
