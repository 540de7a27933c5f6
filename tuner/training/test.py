"""The test run: scores every confirmed model on the test data once, after the winner is chosen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch
from torch import nn

from tuner.adapters.base import Problem
from tuner.adapters.defaults import gives_logits, number_of_folds
from tuner.disk import places
from tuner.messages import Ended, State, TrialSpec
from tuner.nets.ensemble import Ensemble
from tuner.nets.network import Network, build_network
from tuner.training import checkpoint
from tuner.training.devices import choose_device
from tuner.training.evaluation import adapted, equip, evaluate, fit, predicted, scored, shown, table, with_fitted
from tuner.training.items import influence
from tuner.training.problems import open_problem


def test(spec: TrialSpec) -> Ended:
    """Score the models in `spec.models` (places of runs) on the test split, and those of an ensemble as one.

    Returns:
        An `Ended` whose results hold, under "test", the run -> metric -> value, also by dynamic evaluation; under
        "ensemble", where one was asked for, its runs, its scores (on validation data of the first of "folds"), and
        what is "fitted", and the same of refits under "refit_ensemble"; under "answers", the run -> what it answers on
        validation data, as `tuner.adapters.shown` has it, nothing where the problem shows none; under "tables", the
        run -> scores of the parts of the test data, as a `Table`, or nothing; under "fitted", the run -> option ->
        value fitted on validation data, of a refit, which has learned from those, the mean of the runs of its
        configuration; under "items", the run -> what each group of validation items has to do with the objective (see
        `influence`).
    """
    started = time.monotonic()
    torch.set_num_threads(spec.threads)
    device = choose_device(spec.device)
    scores, answers, tables, items = {}, {}, {}, {}
    fitted = _Fitted()
    for place in sorted(spec.models, key=_refitted):
        network, problem, params = _opened(spec, place, device)
        known = predicted(network, problem, problem.dataset("val"), device)
        equip(network, problem)
        values = fitted.mean(params) if _refitted(place) else fit(problem, network, *known)
        assert values or not _refitted(place) or not fit(problem, network, *known), (
            f"{place}: no seed of this configuration has fitted options"
        )
        fitted.add(_run(place), params, values)
        problem = with_fitted(problem, values)
        unseen = predicted(network, problem, problem.dataset("test"), device)
        scores[_run(place)] = scored(problem, *unseen) | adapted(network, problem, "test")
        tables[_run(place)] = table(problem, "test", *unseen)
        answers[_run(place)] = shown(problem, *known)
        if not _refitted(place) and (found := influence(problem, *known, spec.objective.name)) is not None:
            items[_run(place)] = found
    results: dict[str, Any] = {
        "test": scores,
        "answers": answers,
        "tables": tables,
        "fitted": fitted.values,
        "items": items,
    }
    if spec.ensemble:
        results["ensemble"] = _together(spec, spec.ensemble, device)
    if spec.refit_ensemble:
        results["refit_ensemble"] = _together(spec, spec.refit_ensemble, device, fitted)
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=State.COMPLETED,
        seconds=time.monotonic() - started,
        results=results,
    )


class _Fitted:
    """The fitted options of runs, by configuration."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, float]] = {}
        self._params: dict[str, Mapping[str, Any]] = {}

    def add(self, run: str, params: Mapping[str, Any], values: dict[str, float]) -> None:
        """Add those of a run with these parameters."""
        if values:
            self.values[run], self._params[run] = values, params

    def mean(self, params: Mapping[str, Any]) -> dict[str, float]:
        """The mean over the runs with these parameters."""
        alike = [values for run, values in self.values.items() if self._params[run] == params]
        return {name: fmean(values[name] for values in alike) for name in (alike[0] if alike else ())}


def _refitted(place: str) -> bool:
    return _run(place).startswith("refit/")


def _together(
    spec: TrialSpec, places_: Sequence[str], device: torch.device, seeds: _Fitted | None = None
) -> dict[str, Any]:
    """Scores of an ensemble; all its models have one configuration, and so the same data.

    Args:
        spec: The test run.
        places_: Of the models.
        device: Where they answer.
        seeds: What was fitted for the configuration's runs, if these models have learned from validation data.
    """
    members, problems, params = zip(*(_opened(spec, place, device) for place in places_), strict=True)
    problem = problems[0]
    network: nn.Module = Ensemble(members, logits=gives_logits(problem))
    equip(network, problem)
    if seeds is None:
        values = fit(problem, network, *predicted(network, problem, problem.dataset("val"), device))
        known = {
            "val": evaluate(network, with_fitted(problem, values), problem.dataset("val"), device),
            "folds": number_of_folds(problem),
        }
    else:
        values, known = seeds.mean(params[0]), {}
    problem = with_fitted(problem, values)
    test = evaluate(network, problem, problem.dataset("test"), device) | adapted(network, problem, "test")
    return {"runs": [_run(place) for place in places_], "fitted": values, **known, "test": test}


def _opened(spec: TrialSpec, place: str, device: torch.device) -> tuple[Network, Problem, dict[str, Any]]:
    """A model, its problem, and its parameters."""
    tensors, facts = checkpoint.load(places.join(place, checkpoint.MODEL), device)
    settings, problem = open_problem(replace(spec, params=facts["params"], prepared_as=facts["prepared_as"]))
    network = build_network(settings.net, settings.cell, settings.regularizers, problem).to(device)
    network.load_state_dict(tensors["network"])
    return network, problem, facts["params"]


def _run(place: str) -> str:
    return "/".join(place.split("/")[-2:])
