"""Opens a trial's data, which the process keeps open for the next trials."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from tuner.adapters.base import Adapter, Problem
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import completed, forbids_looking_ahead
from tuner.adapters.joined import JoinedProblem
from tuner.adapters.preparing import fetch, prepare
from tuner.errors import TrialError
from tuner.messages import TrialSpec
from tuner.training.settings import Settings, settings


def open_problem(spec: TrialSpec) -> tuple[Settings, Problem]:
    """The trial's settings and its problem, on the data with the trial's own `data.*` options.

    Raises:
        DataError: Preparation failed.
        TaskFileError: A parameter does not fit.
        TrialError: The network would look ahead, which the opened problem forbids.
    """
    entry = ADAPTERS[spec.adapter]
    chosen = settings(
        spec.params,
        adapter=entry.load(),
        data_options=entry.options,
        data=spec.data,
    )
    options = json.dumps(chosen.data.model_dump(mode="json"), sort_keys=True)
    problem = _open(spec.adapter, options, spec.prepared, spec.store, spec.prepared_as)
    if chosen.net.bidirectional and forbids_looking_ahead(problem):
        raise TrialError("bidirectional must be false where the task may not look ahead")
    return chosen, JoinedProblem(problem) if spec.refit else problem


@lru_cache(maxsize=8)
def _open(adapter_name: str, options: str, prepared: str, store: str, prepared_as: str) -> Problem:
    entry = ADAPTERS[adapter_name]
    adapter: Adapter = entry.load()(entry.options.model_validate_json(options))
    if store:
        folder = fetch(prepared_as, Path(prepared), store)
    else:
        folder, _ = prepare(adapter_name, adapter, Path(prepared))
    return completed(adapter.problem(folder), folder)
