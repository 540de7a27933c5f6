"""After the search: a race of the best configurations on fresh seeds, with the baseline."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence

from tuner.announcements import Notice
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import confirm_run, seed_of, trial_run
from tuner.messages import Ended, State, TrialSpec
from tuner.seeding import derive_seed
from tuner.sweep.candidates import BASELINE, Candidate, candidates, confirm_rounds, is_baseline, ranked
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.race import going_on


class ConfirmPhase(FixedRuns):
    """Trains the best configurations of the search and the baseline on fresh seeds, with the full budget.

    All configurations get the same seeds; none was used in the search. After each seed the worse half leave (`race`):
    many configurations are compared, the best ones most precisely. The baseline is trained on all seeds, ahead of the
    race where slots would be idle. Trainings that are on record are not repeated; if every trial diverged or failed,
    there are none. Until one of the best configurations is trained, the deadline does not count, as there would be no
    model.
    """

    def __init__(self, sweep: OpenSweep) -> None:
        super().__init__(sweep, (), sweep.deadlines.all)
        rounds = confirm_rounds(sweep)
        *searched, self._baseline = candidates(sweep)
        racing = searched or ranked(sweep)  # also where the only ones have the baseline's configuration
        self._candidates = {candidate.number: candidate for candidate in searched}
        self._rounds = [min(number, len(searched)) for number in rounds] if racing else []
        self._scores = {candidate.number: _scores(sweep, candidate) for candidate in searched}
        self._of_baseline = _scores(sweep, self._baseline)
        self._dealt = self._baseline_dealt = 0
        if not any(score is not None for scores in self._scores.values() for score in scores.values()):
            self._go_on_late()
        if self.more():
            self._tell_of_the_baseline()

    @property
    def left(self) -> int:
        """The number of trainings still to be sent out. See `Phase`."""
        later = range(self._dealt + 1, len(self._rounds) + 1)
        trained = sum(seed in scores for scores in self._scores.values() for seed in later)
        ahead = range(self._baseline_dealt + 1, len(self._rounds) + 1)
        baselines = sum(seed not in self._of_baseline for seed in ahead)
        return len(self._waiting) + max(0, sum(self._rounds[self._dealt :]) - trained) + baselines

    def more(self) -> bool:
        """Whether a training is left, or will be once a seed is finished. See `Phase`."""
        self._deal()
        return bool(self._waiting) or self._dealt < len(self._rounds)

    def next(self) -> TrialSpec | None:
        """The next training of the race; one of the baseline while the race waits for results. See `Phase`."""
        self._deal()
        return super().next()

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:
        """Take its score, copy its model into the study, and report it. See `Phase`."""
        if spec.number != BASELINE:
            self._scores[spec.number][seed_of(spec.run)] = ended.value if ended.state is State.COMPLETED else None
            if ended.state is State.COMPLETED:
                self.deadline = self._sweep.deadlines.all
        if ended.state is State.COMPLETED:
            self._sweep.bring_model(spec.run)
        super().ended(spec, ended, aside=aside)

    def _go_on_late(self) -> None:
        """Forget the deadline, if there is something to train."""
        if not self._candidates:
            return
        self.deadline = math.inf
        if self._sweep.progress.best is None:
            self._sweep.tell(Notice("no trial completed: the best of those that were cut short are confirmed"))
        after = time.monotonic() + self._training() - self._sweep.deadlines.all
        if after > 0:
            late = f"budget.timeout will be exceeded by about {after:.0f} s"
            self._sweep.tell(Notice(f"{late}: without a training on a fresh seed there would be no model"))

    def _training(self) -> float:
        """Seconds of a training, at most: of the longest trial, or by the pace of candidates that were cut short."""
        if self._sweep.progress.longest:
            return self._sweep.progress.longest
        records = (read_run(self._sweep.folder.events(trial_run(number))) for number in self._candidates)
        paces = [record.seconds / len(record.epochs) for record in records if record.epochs]
        return self._sweep.task.file.budget.epochs * max(paces, default=0.0)

    def _deal(self) -> None:
        """Queue the next trainings if the queue is empty."""
        while not self._waiting:
            racing = self._racing(self._dealt + 1)
            if racing is not None:
                self._dealt += 1
                self._add(racing, self._dealt)
            if racing is None or self._baseline_dealt < self._dealt:
                if self._baseline_dealt == len(self._rounds):
                    return
                self._baseline_dealt += 1
                self._add([self._baseline], self._baseline_dealt)

    def _racing(self, seed: int) -> list[Candidate] | None:
        """Which configurations are trained on a seed; None if that is not known yet or there is no such seed."""
        if seed > len(self._rounds):
            return None
        numbers = going_on(list(self._candidates), self._scores, self._rounds, seed, self._sweep.task.objective)
        return None if numbers is None else [self._candidates[number] for number in numbers]

    def _add(self, racing: Sequence[Candidate], seed: int) -> None:
        specs = (_open_spec(self._sweep, candidate, seed) for candidate in racing)
        self._waiting.extend(spec for spec in specs if spec is not None)

    def _tell_of_the_baseline(self) -> None:
        """Report which trials have the baseline's configuration, and so are no candidates."""
        sweep = self._sweep
        for record in sweep.records("trials/"):
            fits = record.state.comparable and sweep.search.fits(record.number)
            if fits and is_baseline(sweep.task, record.params):
                sentence = f"trial {record.number} has the baseline's configuration: it is confirmed as the baseline"
                sweep.tell(Notice(sentence))


def _scores(sweep: OpenSweep, candidate: Candidate) -> dict[int, float | None]:
    """A candidate's score by seed, from 1."""
    runs = [
        record
        for record in sweep.records("confirm/")
        if record.number == candidate.number and record.params == dict(candidate.params) and record.state.final
    ]
    return {seed_of(run.run): run.value if run.state is State.COMPLETED else None for run in runs}


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
