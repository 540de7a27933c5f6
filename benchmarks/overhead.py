"""Trials per second and occupied slots of this tuner, Ray Tune and plain Optuna, in one run on one machine.

    python -m benchmarks.overhead [--trials 300] [--tune-trials 30] [--rounds 3] [--systems tuner optuna]

Every system searches the same four parameters with a random sampler and ASHA, five reports a trial, two at a time, and
writes every trial to MLflow's SQLite: this tuner params, steps and tags, the others what their callbacks write (plain
Optuna's no steps). No figures. Trials that sleep are not pruned.

The clock starts when Ray is up and
the database migrated, and stops when the last row is written. Ratios hold within one run of this script; absolute
figures depend on the machine. The systems `tune…` and `optuna` need the
`bench` extra.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.trivial import STEPS

SLOTS = 2
TASK = """
name: trivial
adapter: benchmarks.trivial:NoData
search_space:
  learning_rate: {low: 1e-4, high: 1e-1, log: true}
  hidden_size: {low: 16, high: 256}
  cell: [lstm, gru]
  dropout.output: {low: 0.0, high: 0.6}
  clip_norm: SECONDS
budget: {trials: TRIALS, epochs: 5}
sampler: {name: random, seed: 0}
pruner: {name: PRUNER}
confirm: {top: 0}
report: {figures: 0}
resources: {workers: 2}
"""


def tuner(trials: int, seconds: float) -> dict[str, float]:
    """This project: the whole of `Sweep.run`, with trials that only report."""
    from tuner.announcements import Announcement, PhaseBegan, TrialEnded
    from tuner.sweep import Sweep, make_executor
    from tuner.task import resolve_task

    Path("task.yaml").write_text(
        TASK.replace("SECONDS", str(seconds or 1e-9))
        .replace("TRIALS", str(trials))
        .replace("PRUNER", "none" if seconds else "asha")
    )
    task = resolve_task("task.yaml")
    times: dict[str, float] = {}

    def listen(event: Announcement) -> None:
        if isinstance(event, PhaseBegan):
            times.setdefault(event.name, time.monotonic())
        if isinstance(event, TrialEnded):
            times["last"] = time.monotonic()

    executor = make_executor(task, "benchmarks.trivial:run_trial")
    Sweep(task, listen, executor=_Timed(executor)).run()
    finished = time.monotonic()
    executor.close()
    search = times["last"] - times["search"]
    return {
        "trials_per_second": trials / (finished - times["search"]),
        "searched_per_second": trials / search,
        "occupied": trials * seconds / (SLOTS * search),
    }


class _Timed:
    """Starts and stops Ray outside the clock, as for the other systems."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def open(self) -> None:
        """Open, and wait until every slot is up."""
        self._executor.open()
        self._executor.launch()
        while self._executor.num_idle < SLOTS:
            self._executor.poll(0.5)

    def close(self) -> None:
        """Later."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)


def ray_tune(trials: int, seconds: float, *, reuse: bool) -> dict[str, float]:
    """Ray Tune with OptunaSearch, ASHA and its MLflow callback."""
    import optuna
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from benchmarks.trivial import curve

    def trial(config: dict[str, Any]) -> None:
        for step in range(1, STEPS + 1):
            if seconds:
                time.sleep(seconds / STEPS)
            tune.report({"loss": curve(config["learning_rate"], config["hidden_size"], step)})

    ray.init(address="local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False)
    space = {
        "learning_rate": tune.loguniform(1e-4, 1e-1),
        "hidden_size": tune.randint(16, 257),
        "cell": tune.choice(["lstm", "gru"]),
        "dropout.output": tune.uniform(0.0, 0.6),
    }
    callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{Path.cwd()}/mlflow.db", experiment_name="tune")
    began = time.monotonic()
    tune.Tuner(
        trial,
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=trials,
            search_alg=OptunaSearch(sampler=optuna.samplers.RandomSampler(seed=0)),
            scheduler=None if seconds else ASHAScheduler(max_t=STEPS, grace_period=1, reduction_factor=3),
            max_concurrent_trials=SLOTS,
            reuse_actors=reuse,
        ),
        run_config=tune.RunConfig(callbacks=[callback], storage_path=str(Path.cwd() / "tune"), verbose=0),
    ).fit()
    wall = time.monotonic() - began
    ray.shutdown()
    return {"trials_per_second": trials / wall, "occupied": trials * seconds / (SLOTS * wall)}


def plain_optuna(trials: int, seconds: float) -> dict[str, float]:
    """Optuna alone: two threads, journal storage, its MLflow callback."""
    import optuna
    from optuna_integration import MLflowCallback

    from benchmarks.trivial import curve

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        hidden = trial.suggest_int("hidden_size", 16, 256)
        trial.suggest_categorical("cell", ["lstm", "gru"])
        trial.suggest_float("dropout.output", 0.0, 0.6)
        loss = 0.0
        for step in range(1, STEPS + 1):
            if seconds:
                time.sleep(seconds / STEPS)
            loss = curve(rate, hidden, step)
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(Path.cwd() / "journal.log"))
    )
    study = optuna.create_study(
        storage=storage,
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner()
        if seconds
        else optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    )
    callback = MLflowCallback(tracking_uri=f"sqlite:///{Path.cwd()}/mlflow.db", metric_name="loss")
    began = time.monotonic()
    study.optimize(objective, n_trials=trials, n_jobs=SLOTS, callbacks=[callback])
    wall = time.monotonic() - began
    return {"trials_per_second": trials / wall, "occupied": trials * seconds / (SLOTS * wall)}


SYSTEMS = {
    "tuner": tuner,
    "tune": lambda trials, seconds: ray_tune(trials, seconds, reuse=False),
    "tune-reuse": lambda trials, seconds: ray_tune(trials, seconds, reuse=True),
    "tune-bare": lambda trials, seconds: ray_tune(trials, seconds, reuse=True),
    "optuna": plain_optuna,
}
"""`tune`: as it comes; `tune-reuse`: with reuse_actors; `tune-bare`: that, and its own result files switched off."""


def measure(system: str, trials: int, seconds: float, database: Path) -> dict[str, float]:
    """One system in a process and a folder of its own, on a migrated database."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(database, Path(folder) / "mlflow.db")
        command = [sys.executable, "-m", "benchmarks.overhead", "--one", system, str(trials), str(seconds)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "RAY_USAGE_STATS_ENABLED": "0",
            **({"RAY_TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"} if system == "tune-bare" else {}),
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{system} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return result


def migrated_database(folder: Path) -> Path:
    """An MLflow database with its tables."""
    path = folder / "mlflow.db"
    code = f"import mlflow; mlflow.MlflowClient('sqlite:///{path}').search_experiments()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    return path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--tune-trials", type=int, default=30)
    parser.add_argument("--reuse-trials", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--sleeps", nargs="+", default=["150x0.2", "40x2"], help="TRIALSxSECONDS of trials that sleep")
    parser.add_argument("--database", type=Path, help="MLflow's, with its tables; else it is made first")
    parser.add_argument("--one", nargs=3, metavar=("SYSTEM", "TRIALS", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        system, trials, seconds = options.one
        print(json.dumps(SYSTEMS[system](int(trials), float(seconds))))
        return
    with tempfile.TemporaryDirectory() as folder:
        database = options.database or migrated_database(Path(folder))
        sizes = {
            "tuner": options.trials,
            "tune": options.tune_trials,
            "tune-reuse": options.reuse_trials,
            "tune-bare": options.reuse_trials,
            "optuna": options.trials,
        }
        sizes = {system: sizes[system] for system in options.systems}
        rates: dict[str, list[float]] = {system: [] for system in sizes}
        for number in range(1, options.rounds + 1):
            for system, trials in sizes.items():
                rate = measure(system, trials, 0.0, database)["trials_per_second"]
                rates[system].append(rate)
                print(
                    f"round {number}: {system:<10} {trials:>4} trivial trials: {rate:7.2f} trials/s",
                    flush=True,
                )
        print(f"\n{'':<12}{'median':>8}{'min':>8}{'max':>8}   trials/s")
        for system, values in rates.items():
            print(f"{system:<12}{statistics.median(values):>8.2f}{min(values):>8.2f}{max(values):>8.2f}")
        for system in sizes if "tuner" in sizes else ():
            if system != "tuner":
                print(f"tuner / {system}: {statistics.median(rates['tuner']) / statistics.median(rates[system]):.1f}")
        print("\nshare of time that two slots are occupied")
        for trials, seconds in (each.split("x") for each in options.sleeps):
            for system in ("tuner", "optuna", "tune-reuse"):
                if system in sizes:
                    occupied = measure(system, int(trials), float(seconds), database)["occupied"]
                    print(f"{system:<12}{trials:>4} trials of {seconds} s: {occupied:6.1%}", flush=True)


if __name__ == "__main__":
    main()
