"""What a user gets in the same time: test scores by this search, by plain Optuna and by Ray Tune, on real trainings.

    python -m benchmarks.live [--data FOLDER] [--tasks NAME ...] [--seeds 5] [--seconds 120] [--folder live]

A task of each family, none of which is in the laboratory: nothing was learned from them. All train the same networks
by the same code, one at a time on one core, and search the ready space `gated_rnn`. First `python -m tuner run` with
its defaults and `budget.timeout`, confirmation and test run included; then the others, for as many seconds of the
clock as that took from its start to its end, theirs counted after their imports:

- `Optuna`: its TPE and median pruner, with their defaults;
- `Ray Tune`: OptunaSearch and ASHAScheduler with their defaults, in one of Ray's actors that is kept for all trials;
- `NeuralForecast`, for forecasts: its AutoLSTM with its defaults, by Optuna, on the same series, split and windows of
  the test data. The time is that of its search: a trial that has begun comes to its end, and the best is trained again.
  It needs the package neuralforecast, without which it is left out.

These hand over the model of the best trial that was trained to its end, as it was after its best epoch. A trial that is
cut short by the end of the time is not counted, by any of them. The printed score is the objective's on the test data,
of the one model that is handed over; where there is none, the trivial predictor's. `this search, --ensemble` is the
ensemble of the winner's seeds, which the same run hands over beside it: it takes as many times longer to answer.
`better` tells in how many seeds this search, or its ensemble, is ahead; the interval is of the mean difference (t,
95 %), a positive one in this search's favour.

FOLDER has `fsdd`, `trec`, `atis_slots`, `tinyshakespeare.txt` and `ETTh1.csv`, as in `benchmarks.recognition`,
`trec`, `tagging` and `etth1`; without it, these tasks are left out. Results that are in `--folder` are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.running import add_sets, checkout_first, handed_over, handed_over_together, installed, mean_sd, run

OWN, TOGETHER, NEURALFORECAST = "this search", "this search, --ensemble", "NeuralForecast"
_TASK = """\
name: {name}
adapter: {adapter}
data: {data}
search_space: gated_rnn
space: {space}
objective: {{metric: val/{metric}, direction: {direction}}}
budget: {{trials: 1000, epochs: {epochs}, timeout: {seconds}}}
sampler: {{name: tpe, seed: {seed}}}
resources: {{workers: 1}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""
TASKS: dict[str, dict[str, Any]] = {
    "copy": {"adapter": "memory/probe", "data": "{{task: copy, length: 10, train: 1000}}", "epochs": 12},
    "leaves": {
        "adapter": "time_series/classification", "data": "{{source: aeon/OSULeaf}}", "epochs": 20, "metric": "accuracy",
    },
    "digits": {
        "adapter": "speech/classification", "epochs": 10, "metric": "accuracy", "needs": "fsdd",
        "data": '{{path: {data}, pattern: "{{label}}_{{speaker}}_{{index}}", '
                "val_groups: [theo], test_groups: [yweweler]}}",
    },
    "questions": {
        "adapter": "nlp/classification", "epochs": 8, "metric": "accuracy", "needs": "trec",
        "data": "{{path: {data}/TREC.train, test_path: {data}/TREC.test, format: lines, encoding: latin-1}}",
    },
    "play": {
        "adapter": "nlp/language_modelling", "data": "{{path: {data}, characters: 120000}}", "epochs": 6,
        "needs": "tinyshakespeare.txt", "space": "{truncation: 50}",
    },
    "slots": {
        "adapter": "nlp/tagging", "data": "{{path: {data}}}", "epochs": 6, "metric": "f1", "needs": "atis_slots",
    },
    "oil": {
        "adapter": "time_series/forecasting", "epochs": 8, "metric": "mase", "needs": "ETTh1.csv",
        "data": "{{path: {data}, time: date, targets: [OT], rows: 6000, window: 48, horizon: 24, stride: 4}}",
    },
}  # fmt: skip
"""Name -> adapter, data, epochs of a full training, metric, and what of the folder of data it needs."""
MAXIMIZED = {"accuracy", "f1"}
"""Metrics that are maximized; all others are minimized."""


def task_file(name: str, data: Path | None, seed: int, seconds: float) -> str | None:
    """The text of a task file; None where its data is missing.

    Args:
        name: One of `TASKS`.
        data: The folder of data.
        seed: Of the search and of all trainings.
        seconds: See `budget.timeout`.
    """
    task = {"metric": "loss", "space": "{}", "needs": None, **TASKS[name]}
    path = ""
    if (needs := task["needs"]) is not None:
        if data is None or not (data / needs).exists():
            return None
        path = str((data / needs).resolve())
    direction = "maximize" if task["metric"] in MAXIMIZED else "minimize"
    facts = {**task, "data": task["data"].format(data=path)}
    return _TASK.format(name=name, direction=direction, seed=seed, seconds=seconds, **facts)


class Peer:
    """Trainings of a resolved task, in this process, as a peer's objective needs them.

    Args:
        folder: Has the task file; models go there.
        sets: What is changed in it.
        until: The end, by `time.monotonic`.
    """

    def __init__(self, folder: Path, sets: Sequence[str], until: float) -> None:
        import torch

        from tuner.task import resolve_task

        torch.set_num_threads(1)
        self.folder, self.sets, self.until = folder, sets, until
        self.task = resolve_task(folder / "task.yaml", [*sets, f"storage={json.dumps(str(folder / 'peer'))}"])
        self.task.prepare()
        self.epochs = self.task.file.budget.epochs
        self.objective = self.task.objective

    @property
    def trivial(self) -> dict[str, float]:
        """Test scores of the trivial predictor."""
        return dict(self.task.prepare()[1].trivial["test"])

    def train(self, params: Mapping[str, Any], number: int, seed: int, told: Callable[[int, float], bool]) -> float:
        """Train a configuration; returns its best value, or not a number if it did not come to its end.

        Args:
            params: The configuration.
            number: Of the trial.
            seed: Of the training.
            told: Gets an epoch and the best value so far; returns whether it goes on.
        """
        from tuner.link import RecordingLink, end
        from tuner.messages import Answer, Report, State, Verdict
        from tuner.task.specs import trial_spec
        from tuner.training.attempt import train

        best = math.nan

        def answer(report: Report) -> Answer | None:
            nonlocal best
            for epoch in report.epochs:
                value = epoch.metrics[self.objective.metric]
                best = value if math.isnan(best) else self.objective.best([best, value], math.nan)
                if time.monotonic() > self.until or not told(epoch.epoch, best):
                    return end(report, State.PRUNED, "cut")
            return Answer(run=report.run, attempt=report.attempt, verdict=Verdict.CONTINUE) if report.waiting else None

        run_, rungs = f"trials/{number:05d}", tuple(range(1, self.epochs))
        spec = trial_spec(
            self.task, params, run_, self.place(number), number=number, seed=seed, rungs=rungs, keep_model=True
        )
        ended = train(spec, RecordingLink(answer))
        if ended.state is not State.COMPLETED or ended.value is None:
            return math.nan
        return ended.value

    def place(self, number: int) -> Path:
        """The folder of a trial's files."""
        made = self.folder / "models/trials" / f"{number:05d}"
        made.mkdir(parents=True, exist_ok=True)
        return made

    def handed(self, values: Mapping[int, float]) -> dict[str, float] | None:
        """Test scores of the best trial that came to its end; None where there is none.

        Args:
            values: Trial -> its best value.
        """
        from tuner.task.specs import trial_spec
        from tuner.training.test import test

        if not values:
            return None
        best = self.objective.best(values.values())
        number = next(number for number, value in values.items() if value == best)
        spec = trial_spec(self.task, {}, "test", self.folder / "test", kind="test", models=(str(self.place(number)),))
        (scores,) = test(spec).results["test"].values()
        return dict(scores)


def by_optuna(peer: Peer, seed: int) -> tuple[dict[str, float] | None, int]:
    """A study of Optuna with its defaults. See `PEERS`."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    values: dict[int, float] = {}

    def objective(trial: optuna.Trial) -> float:
        def told(epoch: int, best: float) -> bool:
            trial.report(best, epoch)
            return not trial.should_prune()

        value = peer.train(peer.task.space.suggest(trial), trial.number, 1000 * seed + trial.number, told)
        if math.isnan(value):
            raise optuna.TrialPruned
        values[trial.number] = value
        return value

    sampler, pruner = optuna.samplers.TPESampler(seed=seed), optuna.pruners.MedianPruner()
    study = optuna.create_study(direction=peer.objective.direction, sampler=sampler, pruner=pruner)
    study.optimize(objective, timeout=peer.until - time.monotonic())
    return peer.handed(values), len(values)


class _Suggesting:
    """A configuration of a space as one constant, as Ray wants none of its parameters; it can be pickled.

    Args:
        space: The search space.
    """

    def __init__(self, space: Any) -> None:
        self._space = space

    def __call__(self, trial: Any) -> dict[str, Any]:
        return {"params": json.dumps(self._space.suggest(trial)), "number": trial.number}


def by_ray_tune(peer: Peer, seed: int) -> tuple[dict[str, float] | None, int]:
    """OptunaSearch and ASHAScheduler with their defaults. See `PEERS`."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    folder, sets, until = peer.folder, peer.sets, peer.until

    def trial(config: dict[str, Any]) -> None:
        trainer, number = Peer(folder, sets, until), config["number"]

        def told(epoch: int, best: float) -> bool:
            if epoch < trainer.epochs:  # a trial is stopped when it reports its last epoch
                tune.report({"value": best, "number": number})
            return True

        value = trainer.train(json.loads(config["params"]), number, 1000 * seed + number, told)
        (folder / "models" / f"{number}.json").write_text(json.dumps(value))
        tune.report({"value": value, "number": number})

    mode = "max" if peer.objective.maximize else "min"
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        tune.Tuner(
            trial,
            tune_config=tune.TuneConfig(
                num_samples=-1,
                time_budget_s=peer.until - time.monotonic(),
                search_alg=OptunaSearch(space=_Suggesting(peer.task.space), metric="value", mode=mode, seed=seed),
                scheduler=ASHAScheduler(metric="value", mode=mode, max_t=peer.epochs),
                max_concurrent_trials=1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
        ).fit()
    finally:
        ray.shutdown()
    known = {int(file.stem): json.loads(file.read_text()) for file in (folder / "models").glob("*.json")}
    ended = {number: value for number, value in known.items() if not math.isnan(value)}
    return peer.handed(ended), len(ended)


def by_neuralforecast(peer: Peer, seed: int) -> tuple[dict[str, float], int]:
    """AutoLSTM; returns its test scores and the number of its trials."""
    import optuna
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.auto import AutoLSTM
    from neuralforecast.common._base_auto import OptunaOptions
    from neuralforecast.losses.pytorch import MAE

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data, prepared = peer.task.file.data, peer.task.prepare()[1]
    horizon, (target,) = data["horizon"], data["targets"]
    rows = pd.read_csv(data["path"]).iloc[: data["rows"]]
    series = pd.DataFrame({"unique_id": target, "ds": pd.to_datetime(rows[data["time"]]), "y": rows[target]})
    val, test = (prepared.counts[split] + horizon - 1 for split in ("val", "test"))
    before, season = series["y"].to_numpy()[:-test], prepared.lag
    scale = abs(before[season:] - before[:-season]).mean()

    defaults = AutoLSTM.get_default_config(horizon, backend="optuna")
    quiet = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    model = AutoLSTM(
        h=horizon,
        loss=MAE(),
        config=lambda trial: {**defaults(trial), **quiet},
        backend="optuna",
        num_samples=1000,
        search_alg=optuna.samplers.TPESampler(seed=seed),
        optuna_options=OptunaOptions(study_kwargs={"timeout": peer.until - time.monotonic()}),
    )
    study = NeuralForecast(models=[model], freq="h")
    found = study.cross_validation(series, val_size=val, test_size=test, n_windows=None, step_size=1)
    assert len(found) == prepared.counts["test"] * horizon
    mase = float(abs(found["AutoLSTM"] - found["y"]).mean() / scale)
    return {"mase": mase}, len(study.models[0].results.trials)


PEERS: Mapping[str, Callable[[Peer, int], tuple[dict[str, float] | None, int]]] = {
    "Optuna": by_optuna,
    "Ray Tune": by_ray_tune,
    NEURALFORECAST: by_neuralforecast,
}
"""Name -> test scores of what is handed over, None where there is nothing, and the number of trials at their end."""


def peer_run(way: str, folder: Path, seed: int, seconds: float, sets: Sequence[str]) -> dict[str, Any]:
    """A peer's run, in this process."""
    began = time.monotonic()
    peer = Peer(folder, sets, math.inf)
    peer.until = time.monotonic() + seconds
    test, trials = PEERS[way](peer, seed)
    return {"test": test or peer.trivial, "trials": trials, "seconds": time.monotonic() - began}


def own_run(text: str, folder: Path, sets: Sequence[str]) -> dict[str, Any]:
    """This search, through the command line."""
    began = time.monotonic()
    with suppress(RuntimeError):  # it has no winner where no trial came to its end
        run(folder, text, *sets, quiet=True)
    seconds = time.monotonic() - began
    (study,) = (folder / "mlruns/studies").iterdir()
    test = handed_over(study) or Peer(folder, sets, math.inf).trivial
    together = handed_over_together(study) or test
    return {"test": test, "together": together, "trials": len(list(study.glob("trials/*"))), "seconds": seconds}


def interval(differences: Sequence[float]) -> str:
    """Mean and 95 % interval of differences."""
    from scipy import stats

    if len(differences) < 2:
        return f"{fmean(differences):+.4f}"
    half = stats.t.ppf(0.975, len(differences) - 1) * stdev(differences) / math.sqrt(len(differences))
    return f"{fmean(differences):+.4f} ({fmean(differences) - half:+.4f} to {fmean(differences) + half:+.4f})"


def main() -> None:
    """Run what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of data")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--ways", nargs="+", choices=PEERS, help="the others; default: all that are installed")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each, >= 1")
    parser.add_argument("--seconds", type=float, default=120.0, help="`budget.timeout` of this search")
    parser.add_argument("--folder", type=Path, default=Path("live"), help="folder of the studies, made when missing")
    parser.add_argument("--one", nargs=4, metavar=("WAY", "FOLDER", "SEED", "SECONDS"), help=argparse.SUPPRESS)
    add_sets(parser)
    asked = parser.parse_args()
    if asked.one:
        way, folder, seed, seconds = asked.one
        print(json.dumps(peer_run(way, Path(folder), int(seed), float(seconds), asked.sets)))
        return
    ways = installed(parser, asked.ways, PEERS, (NEURALFORECAST, "neuralforecast", "neuralforecast"))
    for name in asked.tasks:
        forecasts = TASKS[name]["adapter"] == "time_series/forecasting"
        _compare(name, [way for way in ways if forecasts or way != NEURALFORECAST], asked)


def _compare(name: str, ways: Sequence[str], asked: argparse.Namespace) -> None:
    """All runs of a task, and its rows of the table."""
    found: dict[str, list[float]] = {way: [] for way in (OWN, TOGETHER, *ways)}
    metric = TASKS[name].get("metric", "loss")
    for seed in range(asked.seeds):
        home = (asked.folder / name / str(seed)).resolve()
        text = task_file(name, asked.data, seed, asked.seconds)
        if text is None:
            print(f"{name}: left out, as its data is not in --data")
            return
        own = _kept(home / "own.json", lambda: own_run(text, home / "own", asked.sets))  # noqa: B023
        found[OWN].append(own["test"][metric])
        found[TOGETHER].append(own["together"][metric])
        for way in ways:
            theirs = _kept(home / f"{way}.json", lambda: _peer(way, home, text, seed, own["seconds"], asked.sets))  # noqa: B023
            found[way].append(theirs["test"][metric])
            print(f"{name} seed {seed}: {OWN} {own['test'][metric]:.4f}, together {own['together'][metric]:.4f}, "
                  f"{way} {theirs['test'][metric]:.4f}"
                  f" ({own['trials']} trials here; {theirs['trials']} to their end there; {own['seconds']:.0f} s)",
                  flush=True)  # fmt: skip
    sign = 1 if metric in MAXIMIZED else -1
    for way, values in found.items():
        print(f"{name:10s} {metric:9s} {way:24s} {mean_sd(values, 4)}", flush=True)
        for mine in (OWN, TOGETHER) if way in ways else ():
            differences = [sign * (own - their) for own, their in zip(found[mine], values, strict=True)]
            better = f"better {sum(each > 0 for each in differences)} of {len(differences)}"
            print(f"{'':20s} {mine:24s} {better}, {interval(differences)}", flush=True)


def _peer(way: str, home: Path, text: str, seed: int, seconds: float, sets: Sequence[str]) -> dict[str, Any]:
    """A peer's run, in a process of its own."""
    folder = home / way.lower().replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(text)
    given = [word for each in sets for word in ("--set", each)]
    command = [sys.executable, "-m", "benchmarks.live", "--one", way, str(folder), str(seed), str(seconds), *given]
    quiet = {"PYTHONWARNINGS": "ignore", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    environment = {**checkout_first(), **quiet}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{way} failed in {folder}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def _kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is in a file of an earlier run, or is made now."""
    if not file.exists():
        made = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made))
    told: dict[str, Any] = json.loads(file.read_text())
    return told


if __name__ == "__main__":
    main()
