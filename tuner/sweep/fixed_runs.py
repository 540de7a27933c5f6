"""A phase whose runs are known when it begins and are never pruned."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tuner.announcements import ModelsTested, RunConfirmed
from tuner.messages import Ended, Epoch, State, TrialSpec, Verdict
from tuner.sweep.open_sweep import OpenSweep


class FixedRuns:
    """Sends its runs out in order. See `Phase`.

    Args:
        sweep: The open sweep.
        specs: The runs.
        deadline: When they must end, by `time.monotonic`.
    """

    late = (State.STOPPED, "budget.timeout is over")

    def __init__(self, sweep: OpenSweep, specs: Iterable[TrialSpec], deadline: float) -> None:
        self._sweep, self._waiting, self.deadline = sweep, deque(specs), deadline

    @property
    def left(self) -> int:
        """The number of runs that were not sent out yet."""
        return len(self._waiting)

    def more(self) -> bool:
        """Whether a run is left. See `Phase`."""
        return bool(self._waiting)

    def next(self) -> TrialSpec | None:
        """The next run. See `Phase`."""
        return self._waiting.popleft() if self._waiting else None

    def look_ahead(self) -> None:
        """Nothing to prepare. See `Phase`."""

    def unsent(self, spec: TrialSpec, state: State, reason: str) -> None:
        """Nothing to do: the next run of the driver resumes it. See `Phase`."""

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Nothing to do with epochs. See `Phase`."""

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """Never called: there are no rungs. See `Phase`."""
        raise AssertionError(f"{spec.run} waits at epoch {epoch} with {value}, but has no rungs")

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """Never called: every run is trained to its end. See `Phase`."""
        raise AssertionError(f"{spec.run} asks to be ended at epoch {epoch} with {value}, but may not")

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:  # noqa: ARG002 - the contract's
        """Report it. See `Phase`."""
        facts = spec.run, spec.number, ended.state.value, ended.value, ended.reason
        self._sweep.tell(RunConfirmed(*facts) if spec.kind == "confirm" else ModelsTested(*facts))
