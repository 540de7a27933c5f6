"""The one reading of the test data: every confirmed model, once, after the search and the choice are over."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from tuner.disk import places
from tuner.messages import Ended, State, TrialSpec
from tuner.nets.network import build_network
from tuner.training import checkpoint
from tuner.training.devices import choose_device
from tuner.training.evaluation import evaluate
from tuner.training.problems import open_problem


def test(spec: TrialSpec) -> Ended:
    """Score the models in `spec.models` (places of confirmation runs) on the test split.

    Returns:
        An `Ended` whose results hold, under "test", the run -> metric -> value.
    """
    started = time.monotonic()
    torch.set_num_threads(spec.threads)
    device = choose_device(spec.device)
    scores = {}
    for place in spec.models:
        tensors, facts = checkpoint.load(places.join(place, checkpoint.MODEL), device)
        settings, problem = open_problem(replace(spec, params=facts["params"], prepared_as=facts["prepared_as"]))
        network = build_network(settings.net, settings.cell, settings.regularizers, problem).to(device)
        network.load_state_dict(tensors["network"])
        scores["/".join(place.split("/")[-2:])] = evaluate(network, problem, problem.dataset("test"), device)
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=State.COMPLETED,
        seconds=time.monotonic() - started,
        results={"test": scores},
    )
