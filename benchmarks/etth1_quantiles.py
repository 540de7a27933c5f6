"""ETTh1 as GIFT-Eval has it, 48 hours ahead, by quantiles: the weighted quantile loss beside published DeepAR's.

    python -m benchmarks.etth1_quantiles ETTh1.csv [--folder etth1-quantiles] [--trials 12] [--epochs 10] [--seeds 3]

Writes a task file, runs `python -m tuner run` on it and reads the outcome from the study's event files. As in
GIFT-Eval's ett1/H/short (Aksu et al. 2024, arXiv:2410.10393): all 17,420 rows of ETTh1.csv, the test is the last 20
windows of 48 rows, one after the other, all seven channels; the mean weighted quantile loss (its name for the CRPS) is
that of the levels 0.1 to 0.9, over the sum of absolute values, in the data's own units. Configurations are chosen by
the windows before the test; the test is read once. What is scored is the winner's seeds, one by one, and together as
the ensemble that a study hands over.

Published: huggingface.co/spaces/Salesforce/GIFT-Eval, results/*/all_results.csv, ett1/H/short. By the size of its
errors, an hour there is the sum of four quarters (ETTm1); here it is a sample (ETTh1), which is noisier. So this script
also scores the seasonal naive forecast by the formulas used there, with normal intervals: its loss shows how much
harder these data are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd

from benchmarks.running import add_sets, mean_sd, run
from tuner.disk.events import read_run
from tuner.disk.folder import StudyFolder

NAME, HORIZON, WINDOWS, DAY = "etth1-quantiles", 48, 20, 24
LEVELS = np.arange(1, 10) / 10
PUBLISHED = {
    "seasonal naive": (0.977, 0.240),
    "DeepAR": (1.06, 0.233),
    "PatchTST": (0.89, 0.190),
    "TiRex": (0.82, 0.176),
}
"""Method -> MASE and mean weighted quantile loss."""
TASK = """\
name: {name}
adapter: time_series/forecasting
data:
  {{path: {path}, time: date, horizon: {horizon}, windows: {windows}, test_windows: {windows}, outputs: quantiles,
   channel_independence: true, stride: {stride}}}
search_space:
  data.window: [168, 336]
  data.segment: [24, 42]
  data.window_norm: [last, standard, seasonal]
  data.loss_scale: [naive, series]
  data.channel_embedding: [0, 8]
  cell: [gru, lstm]
  hidden_size: {{low: 48, high: 128, log: true}}
  dropout.output: {{low: 0.1, high: 0.6}}
  optimizer: adamw
  learning_rate: {{low: 1e-3, high: 5e-3, log: true}}
  weight_decay: {{low: 1e-4, high: 1e-1, log: true}}
  schedule: [cosine, one_cycle]
  batch_size: 512
  patience: 6
baseline: {{data.window: 168, data.segment: 24, batch_size: 512}}
objective: {{metric: val/wql}}
budget: {{trials: {trials}, epochs: {epochs}, timeout: {timeout}}}
sampler: {{name: tpe, seed: {seed}}}
confirm: {{top: 1, seeds: {seeds}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


def naive(path: Path) -> tuple[float, float]:
    """MASE and weighted quantile loss of repeating the last day, with normal intervals.

    Their standard deviation is that of its errors before each window, times the root of the days ahead, as
    statsforecast has it.
    """
    values_TC = pd.read_csv(path).iloc[:, 1:].to_numpy(np.float64)
    days_H1 = np.sqrt(1 + np.arange(HORIZON) // DAY)[:, None]
    scaled, loss, size = [], 0.0, 0.0
    for origin in range(len(values_TC) - WINDOWS * HORIZON, len(values_TC), HORIZON):
        truth_HC = values_TC[origin : origin + HORIZON]
        forecast_HC = np.tile(values_TC[origin - DAY : origin], (HORIZON // DAY, 1))
        before_TC = values_TC[DAY:origin] - values_TC[: origin - DAY]
        scaled.append(np.abs(truth_HC - forecast_HC).mean(axis=0) / np.abs(before_TC).mean(axis=0))
        spread_HC = np.sqrt(np.square(before_TC).mean(axis=0)) * days_H1
        for level in LEVELS:
            above_HC = truth_HC - forecast_HC - NormalDist().inv_cdf(level) * spread_HC
            loss += 2 * np.maximum(level * above_HC, (level - 1) * above_HC).sum() / len(LEVELS)
        size += np.abs(truth_HC).sum()
    return float(np.mean(scaled)), loss / size


def main() -> None:
    """Search, confirm, test, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="ETTh1.csv")
    parser.add_argument("--folder", type=Path, default=Path(NAME), help="folder of the study, made when missing")
    parser.add_argument("--trials", type=int, default=12, help="trials of the search, >= 1")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a full trial, >= 1")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds of the confirmation, >= 2")
    parser.add_argument("--stride", type=int, default=2, help="rows between training windows, >= 1")
    parser.add_argument("--seed", type=int, default=0, help="the study's seed")
    parser.add_argument("--timeout", default="null", help='of search and confirmation: "20m", or null')
    parser.add_argument("--workers", type=int, default=2, help="trials at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    facts = {**vars(asked), "name": NAME, "horizon": HORIZON, "windows": WINDOWS}
    run(asked.folder, TASK.format(**{**facts, "path": json.dumps(str(asked.path.resolve()))}), *asked.sets)
    found = read_run(StudyFolder(asked.folder / "mlruns/studies" / NAME).events("test")).results
    whole = found["ensemble"]
    seeds = [found["test"][one] for one in whole["runs"]]
    print(f"\nETTh1, last {WINDOWS} windows of {HORIZON} hours\n{'':30s}  {'MASE':15s}  weighted quantile loss")
    for method, (mase, loss) in PUBLISHED.items():
        print(f"{f'{method} (published)':30s}  {mase:<15.3f}  {loss:.3f}")
    mase, loss = naive(asked.path)
    print(f"{'seasonal naive, these data':30s}  {mase:<15.3f}  {loss:.3f}")
    print(
        f"{'a seed of the winner':30s}  " + "  ".join(mean_sd([one[name] for one in seeds]) for name in ("mase", "wql"))
    )
    test = whole["test"]
    print(f"{f'{len(seeds)} seeds together':30s}  {test['mase']:<15.3f}  {test['wql']:.3f}")
    print(f"in the intervals of 80 and 95 %: {test['coverage_80']:.1%}, {test['coverage_95']:.1%}")
    deepar, easier = PUBLISHED["DeepAR"][1] / test["wql"], loss / PUBLISHED["seasonal naive"][1]
    print(
        f"published DeepAR's loss is {deepar:.2f} times as large, {deepar * easier:.2f} times where both are relative"
    )
    print(f"to the seasonal naive forecast of their own data; on validation data {whole['val']['wql']:.3f}")


if __name__ == "__main__":
    main()
