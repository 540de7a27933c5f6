"""Connected digits by one configuration through the command line: word error rate of a voice never heard.

    python -m benchmarks.recognition FSDD [--folder recognition] [--strings 1200] [--epochs 12] [--seeds 1]

FSDD is the folder `recordings` of the Free Spoken Digit Dataset (github.com/Jakobovski/free-spoken-digit-dataset, CC
BY-SA 4.0): `7_jackson_32.wav`, six speakers, 50 recordings of each digit by each. Of each speaker's recordings two to
seven are joined by chance, brought to one level, with pauses of 50 to 300 ms of faint noise between them: into
`--strings` strings of the first four speakers to train on, and a fifth as many of each of the others, one for
validation and one for the test. It runs `python -m tuner run` on their manifest, trains on as many fresh seeds, and
prints the test scores beside the trivial predictor's. Nothing is chosen by test data: the configuration is the one
below.

Then it measures on one core how many minutes of speech are learned from in a minute, beside a loop as it is usually
written by hand: the same bidirectional LSTM on packed batches of the same steps, and torch's CTC loss.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.running import add_sets, mean_sd, run
from tuner.adapters.base import Batch
from tuner.adapters.speech.recognition.problem import RecognitionProblem, lengths_of
from tuner.disk.events import read_run
from tuner.solo.cost import epoch_costs
from tuner.task import resolve_task

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIZES = (2, 7)
PAUSE = (0.05, 0.3)
"""Seconds."""
LEVEL, FAINT = 0.1, 1e-3
"""Standard deviation of the recordings of a string, and of the noise between them, of 1: some speakers of FSDD are ten
times as loud as others."""
UNITS, LAYERS, BATCH = 64, 2, 16
TASK = """\
name: {name}
adapter: speech/recognition
data: {{path: {path}, split: part, units: words, num_mels: 40, cepstra: 13, normalization: speaker,
  stack: 4, stride: 4, frequency_warp: 0.15, frequency_mask: 0.0, noise: 0.3}}
search_space:
  cell: lstm
  hidden_size: 64
  layers: 2
  dropout.input: 0.1
  dropout.between: 0.3
  dropout.output: 0.3
  optimizer: adamw
  learning_rate: 5.0e-3
  weight_decay: 1.0e-2
  batch_size: 16
  schedule: one_cycle
  clip_norm: 5.0
budget: {{trials: 1, epochs: {epochs}}}
confirm: {{top: 1, seeds: {seeds}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


def write_strings(recordings: Path, folder: Path, strings: int) -> Path:
    """Join recordings into strings of digits; gives their manifest.

    Args:
        recordings: Of single digits, `7_jackson_32.wav`.
        folder: Where the strings are written; it is made.
        strings: To train on, over all speakers of that part.
    """
    by_speaker: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(recordings.glob("*_*_*.wav")):
        digit, speaker, _ = path.stem.split("_")
        by_speaker.setdefault(speaker, {}).setdefault(digit, []).append(path)
    names = sorted(by_speaker)
    if len(names) < 3:
        raise SystemExit(f"{recordings} must hold recordings of three speakers or more, but has {len(names)}")
    folder.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(0), []
    for place, speaker in enumerate(names):
        part = {len(names) - 1: "test", len(names) - 2: "val"}.get(place, "train")
        count = strings // (len(names) - 2) if part == "train" else max(2, strings // 5)
        for number in range(count):
            said = rng.choice(sorted(by_speaker[speaker]), int(rng.integers(SIZES[0], SIZES[1] + 1))).tolist()
            name = f"{speaker}-{number:04}.wav"
            soundfile.write(folder / name, *_joined([by_speaker[speaker][digit] for digit in said], rng))
            rows.append([name, " ".join(DIGITS[int(digit)] for digit in said), speaker, part])
    manifest = folder / "strings.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([["path", "text", "speaker", "part"], *rows])
    return manifest


def _joined(
    choices: list[list[Path]], rng: np.random.Generator
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], int]:
    """One of each, all at one level, with pauses around them; and the sample rate."""
    said = [soundfile.read(paths[int(rng.integers(len(paths)))]) for paths in choices]
    rate = said[0][1]
    loudness = np.concatenate([samples for samples, _ in said]).std()

    def pause() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return FAINT * rng.normal(size=int(rng.uniform(*PAUSE) * rate))

    parts = [part for samples, _ in said for part in (pause(), LEVEL * samples / loudness)]
    return np.clip(np.concatenate([*parts, pause()]), -1, 1), rate


class ByHand(nn.Module):
    """A recognizer as it is usually written."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, UNITS, LAYERS, batch_first=True, bidirectional=True, dropout=0.3)
        self.head, self.dropout = nn.Linear(2 * UNITS, units + 1), nn.Dropout(0.3)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logarithms of the units' probabilities, steps first."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return torch.log_softmax(self.head(self.dropout(hidden)), dim=-1).transpose(0, 1)


def by_hand(problem: RecognitionProblem, steps: int) -> float:
    """Steps of recordings that the loop learns from in a second of processor time, over so many of its own."""
    network = ByHand(problem.inputs, len(problem.units.names))
    optimizer, loss_of = torch.optim.AdamW(network.parameters(), lr=2e-3), nn.CTCLoss(zero_infinity=True)
    batches: list[Batch] = []
    while len(batches) < steps + 2:
        batches += problem.dataset("train").batches(BATCH, rng=np.random.default_rng(len(batches)))
    batches = batches[: steps + 2]
    for number, batch in enumerate(batches):
        if number == 2:
            start = time.process_time()
        lengths = lengths_of(batch)
        loss = loss_of(network(batch.x, lengths), batch.y + 1, lengths, (batch.y >= 0).sum(1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return sum(int(lengths_of(batch).sum()) for batch in batches[2:]) / (time.process_time() - start)


def main() -> None:
    """Join, train, test, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="FSDD", help="folder of recordings of single digits")
    parser.add_argument(
        "--folder", type=Path, default=Path("recognition"), help="folder of the study, made when missing"
    )
    parser.add_argument("--strings", type=int, default=1200, help="strings to train on, >= 8")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of a training, >= 1")
    parser.add_argument("--seeds", type=int, default=1, help="fresh seeds, >= 1")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    manifest = write_strings(asked.data, asked.folder / "strings", asked.strings)
    facts = {**vars(asked), "name": "strings", "path": json.dumps(str(manifest.resolve()))}
    run(asked.folder, TASK.format(**facts), *asked.sets)
    scores = read_run(asked.folder / "mlruns/studies/strings/test/events.jsonl").results["test"]
    task = resolve_task(asked.folder / "task.yaml", asked.sets)
    prepared, told = task.prepare()
    print(f"\n{'test':14s} {'seeds':16s} {told.about['name']}")
    for metric in ("wer", "cer", "insertions", "deletions", "substitutions", "loss"):
        found = mean_sd([each[metric] for each in scores.values()], 4)
        print(f"{metric:14s} {found:16s} {told.trivial['test'][metric]:.4f}")
    problem = task.adapter.problem(prepared)
    assert isinstance(problem, RecognitionProblem)
    steps = int(problem.dataset("train").items.lengths.sum())
    minutes = told.about["seconds"]["train"] / 60
    ours, theirs = 60 * minutes / min(epoch_costs(task).values()), by_hand(problem, 40) / steps * 60 * minutes
    print(f"\nminutes of speech learned from in a minute of processor time: {ours:.0f}, by hand {theirs:.0f}")


if __name__ == "__main__":
    main()
