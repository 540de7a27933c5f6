"""Made learning curves over the default space, and a sweep over them: what sampler and pruner see, without training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tuner.config.yaml_file import read_yaml
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.seeding import derive_seed
from tuner.space import Space
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.search import Search

EPOCHS = 20
DEFAULT_SPACE = Path(__file__).parents[1] / "search_spaces" / "gated_rnn.yaml"


@cache
def default_space() -> Space:
    """The ready space `gated_rnn`."""
    return Space.parse(read_yaml(DEFAULT_SPACE).value, lambda _: "gated_rnn.yaml:1")


def open_default(root: Path, sampler: str, seed: int = 0, space: Space | None = None, **options: Any) -> Search:
    """A search over the default space, unless another is given, with the default pruner and options of the sampler."""
    return Search(
        StudyFolder(root),
        space or default_space(),
        objective=Objective(),
        sampler=(sampler, SAMPLERS[sampler].options(**options)),
        pruner=("asha", PRUNERS["asha"].options()),
        seed=seed,
    )


def level(params: Mapping[str, Any]) -> float:
    """What a configuration comes to, >= 0; best at a rate of 3e-3, 128 units and little dropout."""
    rate = abs(math.log10(params["learning_rate"] / 3e-3))
    size = abs(math.log2(params["hidden_size"] / 128)) / 3
    return rate + 0.5 * size + 0.5 * params["dropout.input"] + 0.5 * params["dropout.output"]


def curve(params: Mapping[str, Any], seed: int) -> list[float]:
    """Losses by epoch: falling to the level, the slower the lower the rate, with noise; none from where it diverges."""
    rng = Random(seed)
    pace = 1.0 + 4.0 * min(1.0, params["learning_rate"] / 3e-3)
    losses = []
    for epoch in range(1, EPOCHS + 1):
        if params["learning_rate"] > 2e-2 and epoch == 3:
            break
        losses.append(level(params) + 2.0 * math.exp(-pace * epoch / EPOCHS) + rng.gauss(0.0, 0.03))
    return losses


@dataclass(frozen=True)
class Trained:
    """What the record keeps of a trial."""

    params: Mapping[str, Any]
    losses: list[float]
    state: State


def train(search: Search, number: int, params: Mapping[str, Any]) -> Trained:
    """One trial to its end, as the driver has it."""
    losses = curve(params, derive_seed(0, "curve", number))
    warmup = 0.3 if params["schedule"] == "one_cycle" else params["warmup"]
    rungs = search.pruner.rungs(EPOCHS, warmup * EPOCHS)
    for epoch, loss in enumerate(losses, 1):
        search.reported(number, epoch, loss)
        if epoch in rungs and not search.judge(number, epoch, min(losses[:epoch]), EPOCHS).go_on:
            search.tell(number, State.PRUNED, None, "cut")
            return Trained(params, losses[:epoch], State.PRUNED)
    state = State.COMPLETED if len(losses) == EPOCHS else State.DIVERGED
    value = min(losses) if state is State.COMPLETED else None
    search.tell(number, state, value, "", trained=len(losses) / EPOCHS)
    return Trained(params, losses, state)


def sweep(search: Search, trials: int, took: Callable[[float], None] = lambda seconds: None) -> list[Trained]:  # noqa: ARG005
    """So many trials, one after the other; `took` is told the seconds of each suggestion."""
    done = []
    for _ in range(trials):
        began = time.perf_counter()
        suggestion = search.suggest()
        took(time.perf_counter() - began)
        assert suggestion is not None
        done.append(train(search, suggestion.number, dict(suggestion.params)))
    return done


def remind(search: Search, trained: list[Trained]) -> None:
    """Tell a study that was opened again what the event files have, as the driver does."""
    for number, trial in enumerate(trained):
        for epoch, loss in enumerate(trial.losses, 1):
            search.reported(number, epoch, loss)
