"""Which digit is spoken, by a voice never heard? Each speaker is held out once, each by a small search.

    python -m benchmarks.voices FSDD [--folder voices] [--trials 2] [--epochs 10] [--seeds 3] [--workers 1]

FSDD is the folder `recordings` of the Free Spoken Digit Dataset (github.com/Jakobovski/free-spoken-digit-dataset, CC
BY-SA 4.0): `7_jackson_32.wav`, six speakers, 50 recordings of each digit by each. For each speaker it runs `python -m
tuner run` on the task below: the recordings of the next speaker in the alphabet are the validation split, by which
everything is chosen, those of the others are trained on. The winner is confirmed on fresh seeds, and the recordings of
the held-out speaker are read once, by the seeds and by the ensemble of them that the study hands over (`--ensemble`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean

from benchmarks.running import add_sets, mean_sd, run
from tuner.disk.events import read_run

TASK = """\
name: {name}
adapter: speech/classification
data: {data}
search_space:
  data.mixup: [0.4, 1.0]
  cell: lstm
  bidirectional: true
  hidden_size: 64
  layers: 1
  pooling: mean
  dropout.input: 0.1
  dropout.output: {{low: 0.2, high: 0.5}}
  optimizer: adamw
  learning_rate: {{low: 4.0e-3, high: 1.5e-2, log: true}}
  weight_decay: 1.0e-2
  batch_size: 32
  schedule: one_cycle
  clip_norm: 5.0
baseline: {{data.mixup: 1.0, dropout.output: 0.35, learning_rate: 8.0e-3}}
budget: {{trials: {trials}, epochs: {epochs}}}
sampler: {{name: tpe, seed: 0}}
confirm: {{top: 1, seeds: {seeds}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


def main() -> None:
    """Hold each speaker out, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="FSDD", help="folder of recordings of single digits")
    parser.add_argument("--folder", type=Path, default=Path("voices"), help="folder of the studies, made when missing")
    parser.add_argument("--trials", type=int, default=2, help="configurations that are tried, >= 1")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a training, >= 1")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds, >= 2")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    speakers = sorted({path.stem.split("_")[1] for path in asked.data.glob("*_*_*.wav")})
    if len(speakers) < 3:
        raise SystemExit(f"{asked.data} must hold recordings of three speakers or more, but has {len(speakers)}")
    found = []
    for speaker, other in zip(speakers, [*speakers[1:], speakers[0]], strict=True):
        data = {
            "path": str(asked.data.resolve()),
            "pattern": "{label}_{speaker}_{index}",
            "val_groups": [other],
            "test_groups": [speaker],
            "normalization": "speaker",
            "num_mels": 40,
            "cepstra": 13,
            "trim_db": 30,
            "stack": 4,
            "stride": 4,
            "speed": 0.12,
            "noise": 0.3,
        }
        facts = {**vars(asked), "name": speaker, "data": json.dumps(data)}
        run(asked.folder / speaker, TASK.format(**facts), *asked.sets)
        found.append(scores(asked.folder / speaker / f"mlruns/studies/{speaker}"))
    print(f"\n{'test accuracy':14s} {'ensemble':8s} seeds")
    for speaker, (whole, seeds) in zip(speakers, found, strict=True):
        print(f"{speaker:14s} {whole:<8.4f} {mean_sd(seeds, 4)}")
    print(f"{'mean':14s} {fmean(whole for whole, _ in found):<8.4f} {fmean(fmean(seeds) for _, seeds in found):.4f}")


def scores(study: Path) -> tuple[float, list[float]]:
    """Test accuracy of the ensemble of the winner's seeds, and of each of them."""
    results = read_run(study / "test/events.jsonl").results
    whole = results["ensemble"]
    return whole["test"]["accuracy"], [results["test"][run]["accuracy"] for run in whole["runs"]]


if __name__ == "__main__":
    main()
