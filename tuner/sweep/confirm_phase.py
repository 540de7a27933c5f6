"""After the search: the best configurations and the baseline, trained again on fresh seeds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from tuner.announcements import Notice
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import confirm_run
from tuner.messages import Ended, State, TrialSpec
from tuner.seeding import derive_seed
from tuner.sweep.candidates import Candidate, candidates, is_baseline
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep


class ConfirmPhase(FixedRuns):
    """Trains the `confirm.top` best configurations and the baseline, `confirm.seeds` times each, full budget.

    All configurations get the same seeds; none was used in the search. What is trained already is not trained again,
    and nothing is where no trial completed.
    """

    def __init__(self, sweep: OpenSweep) -> None:
        super().__init__(sweep, _open_specs(sweep), sweep.deadlines.all)
        if not self.more():
            return
        for record in sweep.records("trials/"):
            fits = record.state.comparable and sweep.search.fits(record.number)
            if fits and is_baseline(sweep.task, record.params):
                sentence = f"trial {record.number} is the baseline's configuration, and is confirmed as the baseline"
                sweep.tell(Notice(sentence))

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:
        """Bring its model home, and say so. See `Phase`."""
        if ended.state is State.COMPLETED:
            self._sweep.bring_model(spec.run)
        super().ended(spec, ended, aside=aside)


def _open_specs(sweep: OpenSweep) -> Iterator[TrialSpec]:
    """The attempts that the confirmation still needs, seed by seed."""
    confirm = sweep.task.file.confirm
    if confirm.top == 0 or sweep.progress.best is None:
        return
    chosen = candidates(sweep)
    for repeat in range(1, confirm.seeds + 1):
        for candidate in chosen:
            if (spec := _open_spec(sweep, candidate, repeat)) is not None:
                yield spec


def _open_spec(sweep: OpenSweep, candidate: Candidate, repeat: int) -> TrialSpec | None:
    """The attempt that a run still needs, if any."""
    run = confirm_run(candidate.number, repeat)
    record = read_run(sweep.folder.events(run))
    if record.run and record.params != dict(candidate.params):  # the baseline was changed since
        shutil.rmtree(sweep.folder.run(run))
        record = RunRecord()
    if record.state.final:
        return None
    spec = sweep.spec(
        run,
        "confirm",
        candidate.number,
        candidate.params,
        derive_seed(sweep.task.file.sampler.seed, "confirm", repeat),
        attempt=record.attempts + 1,
        reported=max(record.epochs, default=0),
        keep_model=True,
    )
    if not record.run:
        sweep.create(spec, [name for name in sweep.task.space.searched if name in candidate.params])
    return spec
