"""The one reading of the test data: every confirmed model, once, after the search and the choice are over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from tuner.adapters.base import Problem
from tuner.adapters.defaults import gives_logits
from tuner.disk import places
from tuner.messages import Ended, State, TrialSpec
from tuner.nets.ensemble import Ensemble
from tuner.nets.network import Network, build_network
from tuner.training import checkpoint
from tuner.training.devices import choose_device
from tuner.training.evaluation import evaluate, shown
from tuner.training.problems import open_problem


def test(spec: TrialSpec) -> Ended:
    """Score the models in `spec.models` (places of confirmation runs) on the test split, and `spec.ensemble` as one.

    Returns:
        An `Ended` whose results hold, under "test", the run -> metric -> value; under "ensemble", where one was asked
        for, its runs, and its scores on "val" and "test"; under "answers", the run -> what it answers on validation
        data, as `Confused` or `Forecasts` has it; nothing where the problem shows none.
    """
    started = time.monotonic()
    torch.set_num_threads(spec.threads)
    device = choose_device(spec.device)
    scores, answers = {}, {}
    for place in spec.models:
        network, problem = _opened(spec, place, device)
        scores[_run(place)] = evaluate(network, problem, problem.dataset("test"), device)
        answers[_run(place)] = shown(network, problem, problem.dataset("val"), device)
    results: dict[str, Any] = {"test": scores, "answers": answers}
    if spec.ensemble:
        results["ensemble"] = _together(spec, spec.ensemble, device)
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=State.COMPLETED,
        seconds=time.monotonic() - started,
        results=results,
    )


def _together(spec: TrialSpec, places_: Sequence[str], device: torch.device) -> dict[str, Any]:
    """Scores of models whose predictions are averaged; all are of one configuration, and so of the same data."""
    members, problems = zip(*(_opened(spec, place, device) for place in places_), strict=True)
    problem = problems[0]
    network: nn.Module = Ensemble(members, logits=gives_logits(problem))
    return {
        "runs": [_run(place) for place in places_],
        "val": evaluate(network, problem, problem.dataset("val"), device),
        "test": evaluate(network, problem, problem.dataset("test"), device),
    }


def _opened(spec: TrialSpec, place: str, device: torch.device) -> tuple[Network, Problem]:
    """A model, and what it has learned from."""
    tensors, facts = checkpoint.load(places.join(place, checkpoint.MODEL), device)
    settings, problem = open_problem(replace(spec, params=facts["params"], prepared_as=facts["prepared_as"]))
    network = build_network(settings.net, settings.cell, settings.regularizers, problem).to(device)
    network.load_state_dict(tensors["network"])
    return network, problem


def _run(place: str) -> str:
    return "/".join(place.split("/")[-2:])
