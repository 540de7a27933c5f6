"""One attempt of a trial in this process, and the driver that it reports to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.diagnostics import names
from tuner.link import RecordingLink, end
from tuner.messages import Answer, Epoch, Report, State, TrialSpec, Verdict

TIMES = {names.EPOCH_SECONDS, names.STEPS_PER_SECOND}


class Driver(RecordingLink):
    """Goes on at rungs, grants a wish to end unless it spares, and ends the trial after an epoch where told to."""

    def __init__(
        self,
        stop_after: int | None = None,
        state: State = State.STOPPED,
        verdict: Verdict = Verdict.STOP,
        *,
        spares: bool = False,
    ) -> None:
        super().__init__(self._decide)
        self._spares = spares
        self._stop_after, self._state, self._verdict = stop_after, state, verdict

    def _decide(self, report: Report) -> Answer | None:
        last = max((epoch.epoch for epoch in report.epochs), default=0)
        if self._stop_after is not None and last >= self._stop_after:
            return replace(end(report, self._state, "asked"), verdict=self._verdict)
        if report.hopeless and not self._spares:
            return end(report, State.HOPELESS)
        go_on = Answer(run=report.run, attempt=report.attempt, verdict=Verdict.CONTINUE)
        return go_on if report.waiting else None


def small_spec(tmp_path: Path, folder: str, adapter: str, data: dict[str, Any], **fields: Any) -> TrialSpec:
    """A trial of a few short epochs that keeps its files in a folder of the test."""
    params = {"hidden_size": 6, "batch_size": 16, "learning_rate": 0.01, **fields.pop("params", {})}
    given = {"epochs": 4, "seed": 3, "attempt": 1, "rungs": (1, 2, 3), "kind": "trial"}
    return TrialSpec(
        study="s",
        run=f"trials/{folder}",
        number=0,
        params=params,
        adapter=adapter,
        data=data,
        prepared=str(tmp_path / "prepared"),
        folder=str(tmp_path / folder),
        **{**given, **fields},
    )


def numbers(epochs: list[Epoch]) -> list[dict[str, float]]:
    """What must repeat."""
    return [{name: value for name, value in epoch.metrics.items() if name not in TIMES} for epoch in epochs]
