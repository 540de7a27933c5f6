"""The search: suggestions out of an Optuna study, decisions at rungs, states told. Used by the driver alone."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from statistics import median
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.redaction import redacted
from tuner.seeding import derive_seed
from tuner.space import Space
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.curves import Curves
from tuner.study.drafting import Drafting, Replaying, distributions
from tuner.study.flat import ASKED, FlatView
from tuner.study.pruners import Decision, Pruner, judged
from tuner.study.samplers import knows_conditions, random
from tuner.study.sparing import spared
from tuner.study.storage import DRAFT_ID, JournalFile, JournalStudies, SearchStorage

_RESAMPLES = 20
_RANDOM_RESAMPLES = 2000
_TOLD = {
    State.COMPLETED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.HOPELESS: TrialState.PRUNED,
    State.DIVERGED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
_FAR = 3.0
"""Samplers see nothing as worse than the median by more than so many times what the best is better than it."""
_BEYOND = 0.1
"""By so much of the spread of the values a trial that diverged is shown as worse than the worst."""
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError, RuntimeError)
"""What Optuna raises on a journal that is damaged or of another version."""
_INFEASIBLE = f"{_CONSTRAINTS_KEY}:stability"  # the attribute that Trial.set_constraint("stability", ...) sets


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A trial that is in the study, RUNNING, and has its parameters."""

    number: int
    params: Mapping[str, Any]
    repairs: Mapping[str, Any] = field(default_factory=dict)
    """Of a repair: what the caller said of it."""


class Search:
    """An Optuna study on disk or in a database, with the rules of this project around it.

    Every trial is drafted first, as Optuna would suggest it, and stored whole by one write when it is new. It stays
    RUNNING until it is told. The caller holds the folder's lock.

    Args:
        folder: Its name is the study's; without a database the study lives there. Made when missing.
        space: Today's search space.
        maximize: Direction of the objective.
        sampler: Name and options, checked.
        pruner: Name and options, checked.
        seed: The study's seed, >= 0.
        database: URL of the PostgreSQL database that holds the study; None is the folder.
        waiting: Called about once a second, with what is wrong, while the database is away; may raise.

    Raises:
        StudyError: The study has another direction, its file is damaged, or its database is away or in use.
    """

    def __init__(
        self,
        folder: StudyFolder,
        space: Space,
        *,
        maximize: bool,
        sampler: tuple[str, Any],
        pruner: tuple[str, Any],
        seed: int,
        database: str | None = None,
        waiting: Callable[[str], None] = lambda problem: None,  # noqa: ARG005
    ) -> None:
        self.space, self.maximize, self._seed = space, maximize, seed
        self._space_digest = _digest(space.to_json())
        self._priors = {each.key: each for each in space.definitions if each.prior is not None}
        self._sampler_name, self._sampler_options = sampler
        self._flat = FlatView(distributions(space))
        name, options = pruner
        self.pruner: Pruner = PRUNERS[name].load()(options)
        self._storage = self._open_storage(folder, database, waiting)
        direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=folder.name,
            direction=direction,
            load_if_exists=True,
            sampler=self._sampler(0),
        )
        if self._study.direction != direction:
            self.close()
            raise StudyError(
                f"the objective's direction must stay {self._study.direction.name.lower()}",
                value=direction.name.lower(),
                fix="Begin anew with --fresh, or give the study another name.",
                key=("objective", "direction"),
            )
        self._id = self._study._study_id
        try:
            self._take_in(self._storage.stored_trials(self._id))
        except _UNREADABLE as error:
            self.close()
            raise _unreadable(folder, database, error) from error

    def _take_in(self, trials: Sequence[FrozenTrial]) -> None:
        """Mirror what is asked for at every suggestion and every rung; the curves' epochs come by `reported`."""
        self.count = len(trials)
        self._ids = {trial.number: trial._trial_id for trial in trials}
        self._seen = {_digest(trial.user_attrs["params"]) for trial in trials if self._translate(trial)}
        self._curves = Curves(maximize=self.maximize)
        self._decisions: dict[tuple[int, int], Decision] = {}
        for trial in trials:
            json.dumps([trial.user_attrs, trial.system_attrs])  # what is not plain data was not written here
            if trial.state == TrialState.COMPLETE:
                self._curves.completed(trial.number)

    def _open_storage(self, folder: StudyFolder, database: str | None, waiting: Callable[[str], None]) -> SearchStorage:
        if database is None:
            journal = JournalFile(folder.journal)
            try:
                return JournalStudies(journal, translate=self._translate)
            except _UNREADABLE as error:
                journal.close()
                raise _unreadable(folder, None, error) from error
        from tuner.study.database import DatabaseStudies  # SQLAlchemy, only where it is needed

        return DatabaseStudies(database, folder.name, waiting=waiting, translate=self._translate)

    # facts ------------------------------------------------------------------------------------------------------

    def attribute(self, key: str) -> Any:
        """A fact kept with the study, or None."""
        return self._storage.get_study_user_attrs(self._id).get(key)

    def set_attribute(self, key: str, value: Any) -> None:
        """Keep a JSON-able fact with the study."""
        if self.attribute(key) != value:
            self._study.set_user_attr(key, value)

    def running(self) -> list[Suggestion]:
        """Trials not told yet, by number."""
        return [
            Suggestion(trial.number, trial.user_attrs["params"], trial.user_attrs.get("repairs", {}))
            for trial in self._storage.stored_trials(self._id)
            if not trial.state.is_finished()
        ]

    def told(self) -> list[int]:
        """Numbers of the trials that are over."""
        return [trial.number for trial in self._storage.stored_trials(self._id) if trial.state.is_finished()]

    def counted(self) -> int:
        """Trials that count for the budget: those inside today's space, running ones too."""
        return sum(self._translate(trial) is not None for trial in self._storage.stored_trials(self._id))

    def fits(self, number: int) -> bool:
        """Whether a trial lies inside today's space."""
        return self._translate(self._storage.get_trial(self._ids[number])) is not None

    # suggesting -------------------------------------------------------------------------------------------------

    def suggest(self) -> Suggestion | None:
        """A new trial, on disk as RUNNING with all its parameters; None when the space holds no new one."""
        size = self.space.size()
        if size is not None and len(self._seen) >= size:
            return None
        number = self.count
        for attempt in range(_RESAMPLES + _RANDOM_RESAMPLES):
            seed = derive_seed(self._seed, "suggest", number, attempt)
            sampler = self._sampler(seed) if attempt < _RESAMPLES else random(None, seed)  # type: ignore[arg-type]
            draft, params = self._draft(number, sampler, seed)
            if _digest(params) not in self._seen:
                return self._store(draft, params)
            if size is None and attempt == _RESAMPLES:  # a continuous space repeats only by a stuck sampler
                return self._store(draft, params)
        return None

    def enqueue(self, params: Mapping[str, Any], repairs: Mapping[str, Any]) -> Suggestion | None:
        """A trial with given parameters, stored as `suggest` stores one.

        Args:
            params: Inside the space.
            repairs: What it is for; JSON-able.

        Returns:
            The trial; None where one with these parameters was there before.
        """
        if _digest(params) in self._seen:
            return None
        replay = Replaying(params)
        self.space.suggest(replay)
        draft = _blank(self.count)
        draft.params, draft.distributions = replay.values, replay.distributions
        draft.user_attrs["repairs"] = dict(repairs)
        return self._store(draft, dict(params))

    def _draft(self, number: int, sampler: BaseSampler, seed: int) -> tuple[FrozenTrial, dict[str, Any]]:
        draft = _blank(number)
        flat = None if knows_conditions(sampler) else self._flat.shown(self._inside(), self._reached())
        self._storage.draft, self._storage.flat = draft, flat
        self._study.sampler = sampler
        self._study._thread_local.cached_all_trials = None  # as Study.ask does
        try:
            sampler.before_trial(self._study, draft)
            relative_space = sampler.infer_relative_search_space(self._study, draft)
            relative = sampler.sample_relative(self._study, draft, relative_space)
            priors = {} if self._sampler_name == "grid" else self._priors
            rng = Random(seed)
            params = self.space.suggest(Drafting(self._study, draft, relative_space, relative, priors, rng))
        finally:
            self._storage.draft = self._storage.flat = None
        if flat and (asked := {name: value for name, value in relative.items() if name not in draft.params}):
            draft.user_attrs[ASKED] = _rounded(asked)
        return draft, params

    def _store(self, draft: FrozenTrial, params: dict[str, Any]) -> Suggestion:
        draft.user_attrs.update(params=params, space=self._space_digest)
        self._ids[draft.number] = self._storage.create_new_trial(self._id, template_trial=draft)
        self._seen.add(_digest(params))
        self.count += 1
        return Suggestion(draft.number, params, draft.user_attrs.get("repairs", {}))

    def _sampler(self, seed: int) -> BaseSampler:
        with warnings.catch_warnings():  # `group` and the brute-force sampler: Optuna's version is pinned by tests
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler: BaseSampler = SAMPLERS[self._sampler_name].load()(self._sampler_options, seed)
        return sampler

    def expected(self) -> dict[int, float]:
        """Number -> final value of the completed trials, and what those that were cut would have reached.

        See `Curves.expected`; of what diverged or failed nothing is expected.
        """
        over = [trial for trial in self._inside() if not _violation(trial)]
        finals = {trial.number: trial.values[0] for trial in over if trial.state == TrialState.COMPLETE}
        return self._curves.expected(finals, [trial.number for trial in over if trial.state == TrialState.PRUNED])

    def _reached(self) -> dict[int, float]:
        """`expected` as samplers are to learn from it: what is far off is drawn in, what diverged is worst.

        A sampler that models values would see nothing but a loss of a thousand among losses of one.
        """
        sign = -1.0 if self.maximize else 1.0
        found = {number: sign * value for number, value in self.expected().items()}
        if not found:
            return {}
        best, middle = min(found.values()), median(found.values())
        far = middle + _FAR * (middle - best) if middle > best else max(found.values())
        found = {number: min(value, far) for number, value in found.items()}
        worst = max(found.values())
        beyond = worst + _BEYOND * (worst - best)
        found |= {trial.number: beyond for trial in self._inside() if _violation(trial)}
        return {number: sign * value for number, value in found.items()}

    def _inside(self) -> list[FrozenTrial]:
        """The trials inside today's space, as it has them."""
        return self._storage.get_all_trials(self._id, deepcopy=False)

    # judging and telling ----------------------------------------------------------------------------------------

    def reported(self, number: int, epoch: int, value: float) -> None:
        """Take in the value of an epoch, to compare others with; the event files keep it, the study does not."""
        self._curves.add(number, epoch, value)

    def judge(self, number: int, epoch: int, value: float, epochs: int | None = None) -> Decision:
        """Store the best value so far, finite, at a rung and decide; asked again, the answer is the same.

        Args:
            number: The trial.
            epoch: The rung.
            value: Its best value so far.
            epochs: The full budget of a trial, which tells early rungs from others; None where none is early.
        """
        if (decision := self._decisions.get((number, epoch))) is None:
            self._storage.set_trial_intermediate_value(self._ids[number], epoch, value)
            decision = judged(self.pruner, self._curves, number, epoch, value, epochs=epochs)
            self._decisions[number, epoch] = decision
        return decision

    def judge_hopeless(self, number: int, epoch: int, value: float, trivial: float | None) -> Decision:
        """Whether a trial goes on that a rule would end; see `spared`. Where not, its value is stored as at a rung."""
        decision = spared(self._curves, number, epoch, value, trivial, maximize=self.maximize)
        if not decision.go_on and math.isfinite(value):
            self._storage.set_trial_intermediate_value(self._ids[number], epoch, value)
        return decision

    def tell(self, number: int, state: State, value: float | None, reason: str, *, trained: float = 1.0) -> None:
        """Close a trial for good; a trial that is closed already stays as it is.

        The sampler's constraint `stability` is 0; of a diverged trial 1, and up to 2 the earlier it was; a failed one
        has none.

        Args:
            number: The trial.
            state: How it ended.
            value: Its best value; finite where it is completed.
            reason: Why, in a sentence.
            trained: Share of the full training that it got, 0 to 1.
        """
        trial_id = self._ids[number]
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
        with self._storage.group():
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
        """Let go of the file or the database."""
        self._storage.close()

    # earlier spaces ---------------------------------------------------------------------------------------------

    def _translate(self, trial: FrozenTrial) -> FrozenTrial | None:
        if trial.user_attrs.get("space") == self._space_digest:
            return trial
        params = trial.user_attrs.get("params")
        if params is None or not self.space.contains(params):
            return None
        replay = Replaying(params)
        self.space.suggest(replay)
        return FrozenTrial(
            number=trial.number,
            state=trial.state,
            value=None,
            values=trial.values,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
            params=replay.values,
            distributions=replay.distributions,
            user_attrs=trial.user_attrs,
            system_attrs=trial.system_attrs,
            intermediate_values=trial.intermediate_values,
            trial_id=trial._trial_id,
        )


def _violation(trial: FrozenTrial) -> bool:
    """Whether a trial is told to the sampler as one that must not be repeated."""
    return any(value > 0 for value in trial.constraints.values())


def _blank(number: int) -> FrozenTrial:
    """A trial that is RUNNING and has no parameters yet."""
    return FrozenTrial(
        number=number,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now().astimezone(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=DRAFT_ID,
    )


def _unreadable(folder: StudyFolder, database: str | None, error: Exception) -> Exception:
    if isinstance(error, StudyError):
        return error
    return StudyError(
        f"study {folder.name} must be one that Optuna {optuna.__version__} reads",
        value=f"{type(error).__name__}: {error}",
        fix="`versions.json` in its folder names the version that wrote it: install that, or restore a copy. "
        "Nothing was changed.",
        where="" if database else str(folder.journal),
    )


def _digest(value: Any) -> str:
    """A canonical form; floats rounded to 10 digits, so that equal configurations are equal."""
    return json.dumps(_rounded(value), sort_keys=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, np.generic):
        return _rounded(value.item())
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
