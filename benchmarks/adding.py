"""The adding problem over 200 steps, solved by an LSTM that the search finds; the search says what made the difference.

    python -m benchmarks.adding [--folder adding] [--workers auto] [--trials 24] [--seeds 3]

Writes a task file into the folder and runs it by `python -m tuner run`. The search draws the LSTM's start values (gate
bias, forget bias, initializer), its size and its learning rate at random, so that what it says of a choice is owed to
the choice; the winner and the baseline, the usual forget bias of 1, are trained again on fresh seeds. An LSTM without
memory scores 1/6, one that has solved the task less than 0.001. A few minutes on two idle cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.running import add_sets, confirmed, run

SOLVED = 1e-3
TASK = """\
name: adding-200
adapter: memory/probe
data: {task: adding, length: 200, train: 5000}
search_space:
  cell: lstm
  gate_bias: [constant, chrono, uniform]
  forget_bias: {low: 0.0, high: 3.0, when: {gate_bias: constant}}
  initializer: [orthogonal, xavier_uniform]
  hidden_size: {low: 16, high: 32}
  optimizer: adam
  learning_rate: {low: 5e-3, high: 3e-2, log: true}
  schedule: cosine
  clip_norm: 1.0
  batch_size: 25
  patience: null
baseline: {hidden_size: 32, learning_rate: 1e-2}
objective: {metric: val/loss, direction: minimize}
budget: {trials: TRIALS, epochs: 8}
sampler: {name: random, seed: 1}            # the first that draws each gate bias seven times or more
pruner: {name: none}
confirm: {top: 1, seeds: SEEDS}
resources: {workers: WORKERS}
"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("adding"), help="folder of the study")
    parser.add_argument("--workers", default="auto", help="trials at a time")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    add_sets(parser)
    asked = parser.parse_args()
    task = TASK.replace("TRIALS", str(asked.trials)).replace("SEEDS", str(asked.seeds))
    run(asked.folder, task.replace("WORKERS", asked.workers), *asked.sets)
    print(f"\n{'configuration':<16}{'parameters':>11}  test MSE of each seed")
    for name, trainings in confirmed(asked.folder, "adding-200").items():
        losses = [metrics["test/loss"] for metrics in trainings]
        told = "  ".join(f"{loss:.1e}" for loss in losses)
        solved = sum(loss < SOLVED for loss in losses)
        print(f"{name:<16}{trainings[0]['parameters']:>11.0f}  {told}   below {SOLVED:g}: {solved} of {len(losses)}")


if __name__ == "__main__":
    main()
