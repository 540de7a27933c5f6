"""Small searches, and objectives that need no training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.space import Space
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.search import Search
from tuner.study.suggesting import Suggestion

SPACE: dict[str, Any] = {
    "cell": {"lstm": {"forget_bias": {"low": 0.0, "high": 3.0}}, "gru": None},
    "hidden_size": {"low": 16, "high": 256, "log": True},
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "batch_size": 32,
}


OPENED: list[Search] = []


def open_search(root: Path, space: Mapping[str, Any] = SPACE, **changes: Any) -> Search:
    """A search with the random sampler and no pruner, unless changed."""
    sampler, pruner = changes.pop("sampler", "random"), changes.pop("pruner", "none")
    sampling, pruning = changes.pop("sampling", {}), changes.pop("pruning", {})
    given: dict[str, Any] = {"objective": Objective(), "seed": 7, **changes}
    search = Search(
        StudyFolder(root),
        Space.parse(space, lambda _: "space.yaml:1"),
        sampler=(sampler, SAMPLERS[sampler].options(**sampling)),
        pruner=(pruner, PRUNERS[pruner].options(**pruning)),
        **given,
    )
    OPENED.append(search)
    return search


def loss(params: Mapping[str, Any]) -> float:
    """Best at learning rate 1e-2."""
    return abs(math.log10(params.get("learning_rate", 1e-2)) + 2) + 0.1 * (params["cell"] == "gru")


def run(search: Search, trials: int) -> list[Suggestion]:
    """Suggest and complete so many trials, one after the other."""
    done = []
    for _ in range(trials):
        suggestion = search.suggest()
        assert suggestion is not None
        search.tell(suggestion.number, State.COMPLETED, loss(suggestion.params), "")
        done.append(suggestion)
    return done
