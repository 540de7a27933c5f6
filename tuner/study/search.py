"""The search: suggestions from an Optuna study, decisions at rungs, final states. Used by the driver only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES
from optuna.trial import FrozenTrial, TrialState

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.objective import Objective
from tuner.redaction import redacted
from tuner.space import Space
from tuner.study.catalog import PRUNERS
from tuner.study.curves import Curves
from tuner.study.expectations import Expectations
from tuner.study.names import Names
from tuner.study.opening import UNREADABLE, open_storage, unreadable
from tuner.study.peaks import Peaks
from tuner.study.pruners import Decision, Pruner, judged
from tuner.study.sparing import spared
from tuner.study.storage import SearchStorage
from tuner.study.suggesting import Suggester, Suggestion, make_sampler, suggestion_of
from tuner.study.translation import Translation

_TOLD = {
    State.COMPLETED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.HOPELESS: TrialState.PRUNED,
    State.DIVERGED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
_NAMES = "tuner:names"
_INFEASIBLE = f"{_CONSTRAINTS_KEY}:stability"  # the attribute that Trial.set_constraint("stability", ...) sets


class Search:
    """An Optuna study on disk or in a database, with this project's rules for suggesting and pruning.

    A trial is first drafted, as Optuna would suggest it; if it is new, one write stores it with all its parameters. It
    is RUNNING until `tell`. The caller holds the folder's lock.

    Args:
        folder: Its name is the study's; without a database it contains the study. Created if missing.
        space: The current search space.
        objective: What is optimized, with the trivial predictor's score if known.
        sampler: Name and validated options.
        pruner: Name and validated options.
        seed: The study's seed, >= 0.
        peak: Epochs until the learning rate's peak, by a trial's parameters.
        database: URL of the PostgreSQL database with the study; None: it is in the folder.
        waiting: Called about once a second with the problem while the database is down; may raise.

    Raises:
        StudyError: Another direction, a damaged file, an unreachable database, or a study in use.
    """

    def __init__(
        self,
        folder: StudyFolder,
        space: Space,
        *,
        objective: Objective,
        sampler: tuple[str, Any],
        pruner: tuple[str, Any],
        seed: int,
        peak: Callable[[Mapping[str, Any]], float] = lambda params: 0.0,  # noqa: ARG005
        database: str | None = None,
        waiting: Callable[[str], None] = lambda problem: None,  # noqa: ARG005
    ) -> None:
        self.space = space
        self._names = Names(space)
        self._translate = Translation(space, self._names)
        self._curves = Curves(objective)
        self._decisions: dict[tuple[int, int], Decision] = {}
        self._peaks = Peaks(peak)
        name, options = pruner
        self.pruner: Pruner = PRUNERS[name].load()(options)
        self._storage = open_storage(folder, database, waiting, self._translate)
        self.study = optuna.create_study(
            storage=self._storage,
            study_name=folder.name,
            direction=objective.direction,
            load_if_exists=True,
            sampler=make_sampler(sampler, 0),
        )
        self._id = self.study._study_id
        self._expectations = Expectations(self.inside, self._curves)
        try:
            _check_direction(self.study, objective)
            _tell_names(self._storage, self._id, self._names, objective)
            self.suggester = Suggester(
                self.study, self._storage, space, self._names, self._expectations, sampler=sampler, seed=seed
            )
            self._take_in()
        except StudyError:
            self.close()
            raise
        except UNREADABLE as error:
            self.close()
            raise unreadable(folder, database, error) from error

    def _take_in(self) -> None:
        """Cache what every suggestion and every rung needs; the curves' epochs are added by `reported`."""
        trials = self.stored()
        self.suggester.take_in(trials)
        for trial in trials:
            json.dumps([trial.user_attrs, trial.system_attrs])  # raises on data that this program did not write
            if trial.state == TrialState.COMPLETE:
                self._curves.completed(trial.number)

    # facts ------------------------------------------------------------------------------------------------------

    def attribute(self, key: str) -> Any:
        """A user attribute of the study, or None."""
        return self._storage.get_study_user_attrs(self._id).get(key)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set a user attribute of the study; JSON-able."""
        if self.attribute(key) != value:
            self.study.set_user_attr(key, value)

    def stored(self) -> list[FrozenTrial]:
        """All trials, as stored."""
        return self._storage.stored_trials(self._id)

    def inside(self) -> list[FrozenTrial]:
        """The trials inside the current space, with its parameter names and distributions."""
        return self._storage.get_all_trials(self._id, deepcopy=False)

    def running(self) -> list[Suggestion]:
        """The unfinished trials, by number."""
        return [suggestion_of(trial) for trial in self.stored() if not trial.state.is_finished()]

    def told(self) -> list[int]:
        """Numbers of the finished trials."""
        return [trial.number for trial in self.stored() if trial.state.is_finished()]

    def counted(self) -> int:
        """Number of trials that count towards the budget: those inside the current space, including running ones."""
        return sum(self._translate(trial) is not None for trial in self.stored())

    def fits(self, number: int) -> bool:
        """Whether a trial is inside the current space."""
        return self._translate(self._storage.get_trial(self.suggester.ids[number])) is not None

    # suggesting -------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Number of all trials, inside the current space or not."""
        return len(self.suggester.ids)

    def suggest(self) -> Suggestion | None:
        """A new trial, stored as RUNNING with all its parameters; None when the space is exhausted."""
        return self.suggester.suggest()

    def enqueue(self, params: Mapping[str, Any], origin: Mapping[str, Any] | None = None) -> Suggestion | None:
        """A trial with given parameters; see `Suggester.enqueue`."""
        return self.suggester.enqueue(params, origin or {})

    def ranked(self, running: Collection[int] = ()) -> list[int]:
        """Numbers of completed and pruned trials, the best first; see `Expectations.ranked`."""
        return self._expectations.ranked(running)

    # judging and telling ----------------------------------------------------------------------------------------

    def reported(self, number: int, epoch: int, value: float) -> None:
        """Add the value of an epoch, for comparison with other trials; stored in the event files, not in the study."""
        self._curves.add(number, epoch, value)

    def judge(self, number: int, epoch: int, value: float, epochs: int | None = None) -> Decision:
        """Store the value at a rung and decide whether the trial continues; repeated calls return the same decision.

        Args:
            number: The trial.
            epoch: The rung.
            value: Its best value so far, finite.
            epochs: The full budget of a trial, to recognize early rungs; None: treat no rung as early.
        """
        if (decision := self._decisions.get((number, epoch))) is None:
            self._storage.set_trial_intermediate_value(self.suggester.ids[number], epoch, value)
            alike = None if epochs is None else self._peaks.alike(number, epochs, self.stored())
            decision = judged(self.pruner, self._curves, number, epoch, value, epochs=epochs, alike=alike)
            self._decisions[number, epoch] = decision
        return decision

    def judge_hopeless(self, number: int, epoch: int, value: float) -> Decision:
        """Whether a trial that a rule finds hopeless goes on; see `spared`. If not, store its value as at a rung."""
        decision = spared(self._curves, number, epoch, value)
        if not decision.go_on and math.isfinite(value):
            self._storage.set_trial_intermediate_value(self.suggester.ids[number], epoch, value)
        return decision

    def tell(self, number: int, state: State, value: float | None, reason: str, *, trained: float = 1.0) -> None:
        """Finish a trial; a trial that is already finished stays unchanged.

        Also sets the sampler's constraint `stability`: 0, or for a diverged trial 1 to 2, the higher the earlier it
        diverged; a failed trial has none.

        Args:
            number: The trial.
            state: Its final state.
            value: Its best value; must be finite if it completed.
            reason: The reason, in a sentence.
            trained: Fraction of the full training that it got, 0 to 1.
        """
        trial_id = self.suggester.ids[number]
        trial = self._storage.get_trial(trial_id)
        if trial.state.is_finished():
            return
        values: Sequence[float] | None = None
        if state is State.COMPLETED:
            if value is None or not math.isfinite(value):
                raise ValueError(f"a completed trial needs a finite value, but got {value!r}")
            values = [value]
        elif state in {State.PRUNED, State.HOPELESS} and trial.last_step is not None:
            values = [trial.intermediate_values[trial.last_step]]
        last = None if state is State.COMPLETED else trial.last_step or 0
        with self._storage.group():
            for epoch, reached in self._curves.told(number, last):
                if epoch not in trial.intermediate_values:
                    self._storage.set_trial_intermediate_value(trial_id, epoch, reached)
            self._storage.set_trial_user_attr(trial_id, "state", state.value)
            if reason:
                self._storage.set_trial_user_attr(trial_id, "reason", redacted(reason)[:500])
            if state is not State.FAILED:
                violation = 2.0 - trained if state is State.DIVERGED else 0.0
                self._storage.set_trial_system_attr(trial_id, _INFEASIBLE, violation)
            self._storage.set_trial_state_values(trial_id, _TOLD[state], values)
        if state is State.COMPLETED:
            self._curves.completed(number)

    def close(self) -> None:
        """Close the file, or disconnect from the database."""
        self._storage.close()


def _tell_names(storage: SearchStorage, study: int, names: Names, objective: Objective) -> None:
    """Store the names of parameters and objective with a study, for Optuna's dashboard and for later runs."""
    kept = storage.get_study_system_attrs(study)
    before = kept.get(_NAMES)
    if before is None:  # a study of an earlier version names every definition by its key, also those without trials
        met = {name for trial in storage.stored_trials(study) for name in trial.params}
        before = {key: key for key in (*met, *(names.keys if met else ()))}
    names.keep(before)
    for key, value in ((_NAMES, names.to_json()), (_SYSTEM_ATTR_METRIC_NAMES, [objective.metric])):
        if kept.get(key) != value:
            storage.set_study_system_attr(study, key, value)


def _check_direction(study: optuna.Study, objective: Objective) -> None:
    direction = study.direction.name.lower()
    if direction != objective.direction:
        raise StudyError(
            f"the objective's direction must stay {direction}",
            value=objective.direction,
            fix="Start over with --fresh, or give the study another name.",
            key=("objective", "direction"),
        )
