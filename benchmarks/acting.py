"""What acting on findings is worth: sweeps that act against sweeps that only observe, at the same compute.

    python -m benchmarks.acting [--folder acting] [--trials 24] [--first 0] [--seeds 3] [--workers 2]
        [--tasks spoken adding]

By default two tasks, the ready space `gated_rnn` with small networks, TPE with asynchronous halving. Per task and seed
one sweep observes; one acts, and is extended until it has spent as many seconds of training. Both then confirm their
best on three fresh seeds. Printed are the confirmed scores; when the acting sweep had its first trial as good as the
observing one's confirmed score, over when the observing one had, and over all that the observing one spent. Then, by
task, the ratio of the confirmed losses with its interval over seeds, beside the spread of the observing sweeps among
themselves, and the acting sweeps that are worse than that spread explains. At last a control: every trial that was
ended as hopeless is trained to its end all the same, to see whether it would have been among the best fifth; for more
of them see benchmarks.findings. About ten minutes a seed on two cores.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from benchmarks import running
from benchmarks.running import add_sets, mean_sd, records
from benchmarks.small_tasks import TASKS, task_file
from tuner.disk.events import RunRecord
from tuner.link import NullLink
from tuner.messages import State

MOST = 2.0
"""An acting sweep is extended to at most so many times the trials."""


@dataclass(frozen=True)
class Pair:
    """The two sweeps of one task and seed."""

    folder: Path
    task: str
    seed: int
    trials: int
    sets: tuple[str, ...] = ()

    def place(self, mode: str) -> Path:
        """The folder of one of them."""
        return self.folder / f"{self.task}-{self.seed}-{mode}"

    def records(self, mode: str, kind: str = "trials") -> list[RunRecord]:
        """Its runs, by number."""
        return records(self.place(mode), self.task, kind)


def sweep(pair: Pair, mode: str, *sets: str) -> None:
    """Run or extend one of the sweeps."""
    more = f"sampler: {{name: tpe, seed: {pair.seed}}}\ndiagnostics: {{mode: {mode}}}"
    running.run(pair.place(mode), task_file(pair.task, pair.trials, more), *pair.sets, *sets, quiet=True)


def spent(trials: list[RunRecord]) -> float:
    """Seconds of training."""
    return sum(trial.seconds for trial in trials)


def run(pair: Pair) -> Pair:
    """Both sweeps, the acting one until it has spent as much, then the confirmation of both."""
    trials = pair.trials
    sweep(pair, "observe", f"budget.trials={trials}")
    budget = spent(pair.records("observe"))
    while True:
        sweep(pair, "act", f"budget.trials={trials}")
        used = spent(pair.records("act"))
        if used >= budget or trials >= MOST * pair.trials:
            break
        trials += max(1, round(0.8 * trials * (budget - used) / used))
    for mode, count in (("observe", pair.trials), ("act", trials)):
        sweep(pair, mode, f"budget.trials={count}", "confirm.top=1", "confirm.seeds=3")
    return pair


def confirmed(pair: Pair, mode: str) -> list[float]:
    """Scores of the winner's confirmations."""
    return [r.value for r in pair.records(mode, "confirm") if r.number >= 0 and r.value is not None]


def reached(trials: list[RunRecord], value: float) -> float | None:
    """Seconds of training until a trial was as good; None where none was."""
    total = 0.0
    for record in sorted(trials, key=lambda each: each.ended or 0.0):
        total += record.seconds
        if record.state is State.COMPLETED and record.value is not None and record.value <= value:
            return total
    return None


def to_reach(pair: Pair) -> tuple[float, float]:
    """Compute until the acting sweep had a trial as good as the observing one's confirmed score.

    Returns:
        Over that of the observing sweep, all that it spent where it never had; over all that it spent. Infinite where
        the acting sweep never had.
    """
    observe, final = pair.records("observe"), fmean(confirmed(pair, "observe"))
    at = reached(pair.records("act"), final) or math.inf
    return at / (reached(observe, final) or spent(observe)), at / spent(observe)


def finished_anyway(pair: Pair, record: RunRecord) -> float | None:
    """The value that a trial which was ended would have reached."""
    from tuner.task import resolve_task
    from tuner.task.specs import trial_spec
    from tuner.training import run_trial

    here = Path.cwd()
    os.chdir(pair.place("act"))
    try:
        task = resolve_task("task.yaml")
        with tempfile.TemporaryDirectory() as folder:
            spec = trial_spec(task, record.params, record.run, folder, seed=record.seed, diagnostics="off")
            ended = run_trial(spec, NullLink())
    finally:
        os.chdir(here)
    return ended.value


def among_the_best(pair: Pair, value: float | None) -> bool:
    """Whether a value is in the best fifth of the acting sweep's trials."""
    values: list[Any] = sorted(record.value for record in pair.records("act") if record.value is not None)
    return value is not None and value <= values[max(0, len(values) // 5 - 1)]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("acting"))
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="pairs of sweeps at a time")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["spoken", "adding"])
    add_sets(parser)
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    pairs = [
        Pair(folder, task, seed, asked.trials, tuple(asked.sets))
        for task in asked.tasks
        for seed in range(asked.first, asked.first + asked.seeds)
    ]
    context = multiprocessing.get_context("forkserver")
    with context.Pool(asked.workers, maxtasksperchild=1) as pool:
        for pair in pool.imap_unordered(run, pairs):
            print(f"{pair.task}, seed {pair.seed}: done", flush=True)
        wanted = [(pair, record) for pair in pairs for record in pair.records("act") if record.state is State.HOPELESS]
        values = pool.starmap(finished_anyway, wanted, chunksize=1)
    print(f"\n{'task':<9}{'seed':>5}{'observe':>20}{'act':>20}{'trials':>12}{'seconds':>14}{'repairs':>9}", end="")
    print(f"{'reached':>9}{'of all':>9}")
    shares = {pair: to_reach(pair) for pair in pairs}
    for pair, share in shares.items():
        observe, act = pair.records("observe"), pair.records("act")
        told = "   ".join(f"{mean_sd(confirmed(pair, mode), 4):>17}" for mode in ("observe", "act"))
        trials, seconds = f"{len(observe)} /{len(act):>4}", f"{spent(observe):.0f} /{spent(act):>5.0f}"
        print(
            f"{pair.task:<9}{pair.seed:>5}   {told}{trials:>12}{seconds:>14}"
            f"{sum(bool(record.repairs) for record in act):>9}{share[0]:>9.2f}{share[1]:>9.2f}"
        )
    print()
    for task in asked.tasks:
        print(compared(task, [pair for pair in pairs if pair.task == task]))
    for task in (*asked.tasks, "all"):
        needed, of_all = (
            median(each) for each in zip(*(shares[p] for p in pairs if task in {p.task, "all"}), strict=True)
        )
        print(
            f"{task}: compute until a trial was as good as the observing sweep's confirmed score: median {needed:.2f} "
            f"of what the observing sweep needed for that, {of_all:.2f} of all that it spent"
        )
    good = sum(among_the_best(pair, value) for (pair, _), value in zip(wanted, values, strict=True))
    print(f"ended as hopeless: {len(wanted)} trials; finished anyway, {good} of them are among the best fifth")


def compared(task: str, pairs: list[Pair]) -> str:
    """The ratio of the confirmed losses over seeds, and how much sweeps of one kind differ by their seed alone."""
    observe, act = ([math.log(fmean(confirmed(pair, mode))) for pair in pairs] for mode in ("observe", "act"))
    count, ratios = len(pairs), [acting - observing for acting, observing in zip(act, observe, strict=True)]
    if count < 3:
        return f"{task}: three seeds are needed for an interval"
    low, high = (fmean(ratios) + sign * _t(0.975, count) * stdev(ratios) / math.sqrt(count) for sign in (-1, 1))
    bound = fmean(observe) + _t(0.95, count) * stdev(observe) * math.sqrt(1 + 1 / count)
    worse = [pair.seed for pair, score in zip(pairs, act, strict=True) if score > bound]
    return (
        f"{task}: confirmed loss, acting over observing: geometric mean {math.exp(fmean(ratios)):.2f} "
        f"(95 % interval over {count} seeds: {math.exp(low):.2f} to {math.exp(high):.2f})\n"
        f"    observing sweeps differ among themselves by a factor of {math.exp(stdev(observe)):.2f} (one standard "
        f"deviation); one in twenty is above {math.exp(bound):.4f}; "
        f"acting sweeps above that: {', '.join(f'seed {seed}' for seed in worse) or 'none'}"
    )


def _t(share: float, count: int) -> float:
    """Student's quantile for a standard deviation from so many values."""
    from scipy.stats import t

    return float(t.ppf(share, count - 1))


if __name__ == "__main__":
    main()
