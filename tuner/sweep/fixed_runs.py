"""A phase whose runs are known when it begins, and of which none is judged on its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tuner.announcements import ModelsTested, RunConfirmed
from tuner.messages import Ended, Epoch, State, TrialSpec, Verdict
from tuner.sweep.open_sweep import OpenSweep


class FixedRuns:
    """Sends its runs out in their order. See `Phase`.

    Args:
        sweep: What is open.
        specs: The runs.
        deadline: When they must end, by `time.monotonic`.
    """

    late = (State.STOPPED, "budget.timeout is over")

    def __init__(self, sweep: OpenSweep, specs: Iterable[TrialSpec], deadline: float) -> None:
        self._sweep, self._waiting, self.deadline = sweep, deque(specs), deadline

    @property
    def left(self) -> int:
        """Runs that were not sent out yet."""
        return len(self._waiting)

    def more(self) -> bool:
        """Whether one is left. See `Phase`."""
        return bool(self._waiting)

    def next(self) -> TrialSpec | None:
        """The next one. See `Phase`."""
        return self._waiting.popleft() if self._waiting else None

    def look_ahead(self) -> None:
        """All of them are ready. See `Phase`."""

    def unsent(self, spec: TrialSpec, state: State, reason: str) -> None:
        """The next run of the driver goes on with it. See `Phase`."""

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Nothing waits for its epochs. See `Phase`."""

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """It has no rungs. See `Phase`."""
        raise AssertionError(f"{spec.run} waits at epoch {epoch} with {value}, but has no rungs")

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """It is trained to its end. See `Phase`."""
        raise AssertionError(f"{spec.run} asks to be ended at epoch {epoch} with {value}, but may not")

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:  # noqa: ARG002 - the contract's
        """Say so. See `Phase`."""
        facts = spec.run, spec.number, ended.state.value, ended.value, ended.reason
        self._sweep.tell(RunConfirmed(*facts) if spec.kind == "confirm" else ModelsTested(*facts))
