"""At the end: the test data are read once and scored with the models of all confirmed runs."""

from __future__ import annotations

import math

from tuner.announcements import Notice
from tuner.disk import events
from tuner.disk.events import read_run
from tuner.messages import State, TrialSpec
from tuner.reporting import part_scores
from tuner.reporting.per_class import as_csv, per_class
from tuner.sweep.candidates import BASELINE, confirmed
from tuner.sweep.choice import together
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.refit_phase import refitted, refitted_together


class TestPhase(FixedRuns):
    """Scores the models of all confirmed runs and refits, and the winner's ensembles; not those scored before."""

    def __init__(self, sweep: OpenSweep) -> None:
        self.scored = [record.run for record in confirmed(sweep) if record.state is State.COMPLETED]
        """The runs whose models are scored."""
        self.scored += [record.run for record in refitted(sweep)]
        super().__init__(sweep, self._specs(sweep), math.inf)

    def _specs(self, sweep: OpenSweep) -> list[TrialSpec]:
        before = read_run(sweep.folder.events("test"))
        already = set(before.results.get("test", {}))
        if not self.scored or already == set(self.scored):
            return []
        if already:
            sweep.tell(Notice("the test data is read again: the confirmed configurations have changed"))
        models = tuple(sweep.storage.kept(run) for run in self.scored)
        ensemble, refits = (
            tuple(sweep.storage.kept(record.run) for record in members)
            for members in (together(sweep), refitted_together(sweep))
        )
        spec = sweep.spec(
            "test", "test", BASELINE, {}, 0,
            attempt=before.attempts + 1, models=models, ensemble=ensemble, refit_ensemble=refits,
        )  # fmt: skip
        if not before.run:
            sweep.create(spec, [])
        return [spec]


def write_tables(sweep: OpenSweep) -> None:
    """Tables of the scores of each class, and of each series, beside every run that the test has recorded them of."""
    results = read_run(sweep.folder.events("test")).results
    for run, told in results.get("answers", {}).items():
        if scores := per_class(told):
            _write(sweep, run, "per_class.csv", as_csv(scores))
    for run, table in results.get("tables", {}).items():
        if table:
            _write(sweep, run, "scores.csv", part_scores.as_csv(table))


def _write(sweep: OpenSweep, run: str, name: str, text: str) -> None:
    file = sweep.folder.run_artifacts(run) / name
    file.parent.mkdir(exist_ok=True)
    events.once_there_is_space(file.parent, lambda: file.write_text(text))
    sweep.record.changed(run)
