"""Trials that are looked at: nothing of the training changes, and what is recorded repeats across an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.attempts import Driver, numbers, small_spec
from tests.support.tiny import write_waves
from tuner.adapters.catalog import ADAPTERS
from tuner.diagnostics import names
from tuner.diagnostics import watch as watch_module
from tuner.diagnostics.catalog import LEVELS, PROBES, Cadence
from tuner.diagnostics.look import cells_of
from tuner.messages import Epoch
from tuner.nets.catalog import CELLS
from tuner.training import run_trial
from tuner.training.loop import Training

MEASURED = {quantity for name in PROBES for quantity in PROBES[name].load().quantities}


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every level but off probes every step and looks after every epoch that has made two steps."""
    cadences = {name: Cadence(steps=1, per_epoch=10**9, least=2, most=4) for name in LEVELS}
    monkeypatch.setattr(watch_module, "CADENCES", {**cadences, "off": Cadence()})


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Builds specs of trials on 60 short waves."""
    data = {"path": str(write_waves(tmp_path / "waves.csv")), "label": "label"}
    return lambda folder="run", **fields: small_spec(
        tmp_path, folder, "time_series/classification", data, **{"epochs": 3, **fields}
    )


@pytest.fixture
def make_copy(tmp_path: Path) -> Any:
    """Builds specs of trials on a short copy task, which predicts at each step."""
    data = {"task": "copy", "length": 8, "recall": 2, "train": 70, "val": 20, "test": 20}
    return lambda folder="run", **fields: small_spec(tmp_path, folder, "memory/probe", data, **{"epochs": 3, **fields})


def trained(spec: Any) -> tuple[list[dict[str, float]], dict[str, torch.Tensor], torch.Tensor]:
    """What training gave without what probes measured, its weights, and the random stream after it."""
    driver = Driver()
    training = Training(spec, driver)
    training.run()
    metrics = [
        {name: value for name, value in epoch.items() if name not in MEASURED} for epoch in numbers(driver.epochs)
    ]
    return metrics, training.learner.network.state_dict(), torch.get_rng_state()


def assert_same(first: Any, second: Any) -> None:
    """Bit for bit."""
    assert first[0] == second[0]
    assert all(torch.equal(first[1][name], second[1][name]) for name in first[1])
    assert torch.equal(first[2], second[2])


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("cell", CELLS.entries)
def test_training_is_the_same_with_diagnostics_for_every_cell(make: Any, cell: str) -> None:
    """Losses, scores, weights and the random stream, bit for bit, with dropout, two layers and both directions."""
    params = {"cell": cell, "layers": 2, "bidirectional": True, "dropout.between": 0.3, "dropout.output": 0.2}
    full = trained(make("full", params=params, diagnostics="full"))
    assert_same(full, trained(make("off", params=params, diagnostics="off")))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("level", ["light", "standard", "full"])
@pytest.mark.parametrize(
    "params",
    [
        {"cell": "lstm", "weight_drop": 0.3, "zoneout.state": 0.1, "zoneout.cell": 0.2},
        {"cell": "gru", "dropout.variational": 0.3, "input_noise": 0.1, "activation_penalty": 1.0},
        {"ema": 0.9},
        {"optimizer": "adamw_schedule_free"},
    ],
    ids=str,
)
def test_training_is_the_same_at_any_level(make: Any, level: str, params: dict[str, Any]) -> None:
    """With what acts within cells, averages of the weights, and terms of the loss."""
    seen = trained(make(level, params=params, diagnostics=level))
    assert_same(seen, trained(make("off", params=params, diagnostics="off")))


@pytest.mark.usefixtures("eager")
def test_truncated_training_is_the_same(make_copy: Any) -> None:
    """Where the state is carried from step to step, and each step has a prediction."""
    params = {"truncation": 5, "dropout.output": 0.2}
    seen = trained(make_copy("full", params=params, diagnostics="full"))
    assert_same(seen, trained(make_copy("off", params=params, diagnostics="off")))


def record(epochs: list[Epoch]) -> list[Any]:
    """All of an epoch that must repeat; as JSON has it, without tuples."""
    profiles = [
        {
            name: {cell: [list(point) for point in points] for cell, points in table.items()}
            for name, table in each.items()
        }
        for each in (epoch.profiles for epoch in epochs)
    ]
    return list(zip(numbers(epochs), [epoch.tensors for epoch in epochs], profiles, strict=True))


@pytest.mark.parametrize("cadence", [Cadence(1, 10**9, 2, 4), Cadence(3, 10, 5, 9)])
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_what_is_recorded_repeats_across_an_interruption(
    make: Any, stop: int, cadence: Cadence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped and gone on, looks come in the same epochs with the same numbers, smoothed ones too."""
    monkeypatch.setattr(watch_module, "CADENCES", dict.fromkeys(LEVELS, cadence))
    monkeypatch.setattr("tuner.diagnostics.spikes.LEAST", 2)
    fields = {"diagnostics": "full", "epochs": 7, "rungs": (stop,)}
    straight, first, second = Driver(), Driver(stop_after=stop), Driver()
    run_trial(make("straight", **fields), straight)
    run_trial(make("cut", **fields), first)
    run_trial(make("cut", attempt=2, reported=stop, **fields), second)
    whole = record(straight.epochs)
    assert record(first.epochs + second.epochs) == whole
    assert any(names.NOISE_SCALE in metrics for metrics, _, _ in whole)
    assert sum(names.STATE_GRAD in profiles for _, _, profiles in whole) >= 2


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("every_step", [False, True])
def test_a_look_fills_every_name(make: Any, make_copy: Any, every_step: bool) -> None:
    """All quantities of the catalog, keyed by cells, gates and parameters that the network has."""
    driver = Driver()
    training = Training((make_copy if every_step else make)(diagnostics="full", params={"layers": 2}), driver)
    training.run()
    last = driver.epochs[-1]
    found = {
        name for epoch in driver.epochs for part in (epoch.metrics, epoch.tensors, epoch.profiles) for name in part
    }
    assert found >= MEASURED - {names.NOISE_SCALE}  # of which the sum below may not be above 0
    cells = cells_of(training.learner.network)
    assert set(last.profiles[names.STATE_GRAD]) == set(last.tensors[names.CELL_ATTENUATION]) == set(cells)
    assert set(last.profiles[names.INPUT_GRAD]) == {"encoder"}
    gates = {f"{name}/{gate}" for name, cell in cells.items() for gate in cell.gates()}
    assert set(last.tensors[names.SINGULAR_LARGEST]) == gates
    assert set(last.tensors[names.GATE_MEAN]) < gates
    assert set(last.tensors[names.GRAD]) == dict(training.learner.network.named_parameters()).keys()
    assert set(driver.epochs[0].tensors[names.START_GAIN]) == gates
    assert all(names.START_GAIN not in epoch.tensors for epoch in driver.epochs[1:])


def test_what_is_looked_at(make: Any, make_copy: Any) -> None:
    """At most 16 items, of classes mixed, the same whatever the seed; at most `truncation` steps."""
    samples = [Training(make(params={"batch_size": 40}, seed=seed), Driver()).batches.sample() for seed in (1, 2)]
    assert len(samples[0].batch.y) == 16
    assert 0 < samples[0].batch.y.sum() < 16
    assert torch.equal(samples[0].batch.x, samples[1].batch.x)
    assert len(Training(make(params={"batch_size": 5}), Driver()).batches.sample().batch.y) == 5
    cut = Training(make_copy(params={"truncation": 5}), Driver()).batches.sample()
    assert cut.batch.x.shape[:2] == cut.batch.y.shape[:2] == (16, 5)
    assert cut.every_step
    assert not samples[0].every_step


def test_a_tiny_trial_is_not_looked_at(make: Any) -> None:
    """A few steps are too few for a look, even at its rungs and its end."""
    driver = Driver()
    run_trial(make(), driver)
    assert all(not epoch.profiles for epoch in driver.epochs)


@pytest.mark.parametrize("adapter", ADAPTERS.entries)
def test_no_adapter_comes_to_more_than_26_series(adapter: str) -> None:
    """Every metric of the epochs, whatever the level, and every score of the adapter."""
    grammar = {value for name, value in vars(names).items() if name.isupper() and "/" in str(value)}
    series = (grammar - {names.START_GAIN}) | {names.LEARNING_RATE}
    assert names.NOISE_SCALE in series
    assert len(series) + len(ADAPTERS[adapter].load().metrics) <= 26
