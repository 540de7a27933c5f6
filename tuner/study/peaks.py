"""Which trials of a study have a learning rate that peaks late."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from tuner.study.pruners import LATE_PEAK


class Peaks:
    """The peaks of the learning rates of a study's trials.

    Args:
        peak: Epochs until the learning rate's peak, by a trial's parameters.
    """

    def __init__(self, peak: Callable[[Mapping[str, Any]], float]) -> None:
        self._peak = peak
        self._peaks: dict[int, float] = {}

    def alike(self, number: int, epochs: int, trials: Sequence[FrozenTrial]) -> Container[int] | None:
        """The trials whose learning rate peaks late, as that of this one does; None if it does not.

        Args:
            number: The trial.
            epochs: The full budget of a trial.
            trials: All trials.
        """
        for trial in trials:
            params = trial.user_attrs.get("params")  # None if the driver was killed while the trial was created
            if params is not None and trial.number not in self._peaks:
                self._peaks[trial.number] = self._peak(params)
        late = {each for each, peak in self._peaks.items() if peak > LATE_PEAK * epochs}
        return late if number in late else None
