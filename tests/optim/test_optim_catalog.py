"""The catalogs of `tuner.optim` and the options of learning."""

from typing import Any

import pytest
from pydantic import ValidationError

from tuner.errors import TaskFileError
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES, SELF_AVERAGING, SGDOptions
from tuner.optim.learning import LearningOptions
from tuner.registry import Entry

ENTRIES = [pytest.param(catalog[name], id=name) for catalog in (OPTIMIZERS, SCHEDULES) for name in catalog.entries]


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_is_whole(entry: Entry) -> None:
    """Every entry loads, tells what it is and where it comes from, and describes each parameter."""
    assert callable(entry.load())
    assert entry.summary
    assert entry.source
    assert entry.options.model_validate({}) == entry.options()
    assert all(entry.parameters().values())


@pytest.mark.parametrize("entry", ENTRIES)
def test_numbers_have_legal_intervals(entry: Entry) -> None:
    """No number is without bounds: an absurd one is refused on both sides."""
    for name, field in entry.options.model_fields.items():
        if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
            for absurd in (-1e15, 1e15, float("nan"), float("inf")):
                with pytest.raises(ValidationError):
                    entry.options.model_validate({name: absurd})


def test_which_optimizers_decay() -> None:
    """Weight decay exists where it is decoupled; Adam has none."""
    assert [name for name in OPTIMIZERS if "weight_decay" not in OPTIMIZERS[name].parameters()] == ["adam"]


def test_which_schedules_warm_up() -> None:
    """Every schedule but those that rise by themselves has a warm-up."""
    assert [name for name in SCHEDULES if "warmup" not in SCHEDULES[name].parameters()] == ["cyclical", "one_cycle"]


def test_nesterov_needs_momentum() -> None:
    """Nesterov's correction without momentum is refused, as it would do nothing."""
    with pytest.raises(ValidationError) as caught:
        SGDOptions(nesterov=True, momentum=0)
    error = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(error, TaskFileError)
    assert str(error) == ("momentum must be > 0 for nesterov, but got 0.0. Raise it, or leave nesterov out.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "adamx"),
        ("schedule", "cosin"),
        ("clip_norm", 0),
        ("batch_size", 0),
        ("batch_size", 4097),
        ("patience", 0),
    ],
)
def test_learning_options_are_checked(name: str, value: Any) -> None:
    """A value outside its interval or an unknown name is refused."""
    with pytest.raises(ValidationError, match=name):
        LearningOptions.model_validate({name: value})


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"clip": "norm", "clip_value": 1.0}, "clip_value acts only with clip: value, but got 'norm'."),
        ({"clip": "value", "clip_norm": 1.0}, "clip_norm acts only with clip: norm, but got 'value'."),
        (
            {"variable_truncation": True},
            "variable_truncation acts only with truncation. Set truncation, or leave it out.",
        ),
        ({"ema": 0.99, "average_after": 5}, "average_after must be null with ema, but got 5."),
        ({"optimizer": "adamw_schedule_free", "ema": 0.99}, "ema must be null with adamw_schedule_free, but got 0.99."),
        ({"optimizer": "adamw_schedule_free", "schedule": "cosine"}, "schedule must be constant with"),
    ],
)
def test_what_acts_nowhere_is_refused(options: dict[str, Any], rule: str) -> None:
    """A limit of another kind of clipping, or an average beside another, is refused and says why."""
    with pytest.raises(ValidationError) as caught:
        LearningOptions.model_validate(options)
    assert rule in str(caught.value.errors()[0]["ctx"]["error"])


def test_self_averaging_optimizers_take_no_schedule() -> None:
    """Without a word about it, their schedule is constant."""
    assert {LearningOptions(optimizer=name).schedule for name in SELF_AVERAGING} == {"constant"}


@pytest.mark.parametrize("name", ["clip_norm", "patience", "ema", "average_after"])
def test_off_is_null(name: str) -> None:
    """Clipping and early stopping are switched off by null."""
    assert getattr(LearningOptions.model_validate({name: None}), name) is None


def test_every_field_is_described() -> None:
    """Every field of the learning options has a description."""
    assert all(LearningOptions.meanings().values())
