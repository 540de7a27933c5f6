"""Tags and intents by a small search through the command line: ATIS slots, parts of speech; sentences per minute.

    python -m benchmarks.tagging FOLDER... [--folder tagging] [--trials 4] [--epochs 12] [--seeds 2] [--workers 1]

A FOLDER holds the files of a data set, whose names say train, valid (or dev) and test: of ATIS slots `train.seq.in`,
`train.seq.out`, `train.label` and so on (github.com/MiuLab/SlotGated-SLU, data/atis), of UD English ATIS `*.conllu`
(github.com/UniversalDependencies/UD_English-Atis). Where there are files of labels, the intent of each sentence is
learned along. For each folder it runs `python -m tuner run` on the task below: decoder, cell, dropout and learning rate
are chosen on validation data, winner and baseline are trained anew on fresh seeds, and the test data is then read once.

Then it measures on one core how many sentences a minute are learned from, beside a loop as it is usually written by
hand: the same embedding, windows of letters, bidirectional LSTM on packed batches, and softmax.

Published of ATIS, on the same split: slot F1 95.2 and intent accuracy 94.1 by Goo et al. 2018, NAACL, "Slot-gated
modeling", a BiLSTM with attention; F1 95.9 and 97 % are what this project aims at. Of the parts of speech: 98 %.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.running import add_sets, mean_sd, run
from tuner.adapters.nlp.tagging.problem import PADDING, TaggingProblem
from tuner.disk import events
from tuner.disk.events import read_run
from tuner.solo.cost import epoch_costs
from tuner.task import resolve_task
from tuner.words import called

UNITS, BATCH, EMBEDDED, LETTER, WINDOWS = 128, 16, 100, 30, 50
TASK = """\
name: {name}
adapter: nlp/tagging
data: {data}
search_space:
  data.decoder: [softmax, crf]
  data.word_dropout: [0.25, 1.0]
  cell: [lstm, gru]
  hidden_size: 128
  dropout.input: {{low: 0.2, high: 0.5}}
  dropout.output: {{low: 0.2, high: 0.5}}
  optimizer: adamw
  learning_rate: {{low: 1.0e-3, high: 4.0e-3, log: true}}
  weight_decay: 1.0e-4
  batch_size: 16
  schedule: cosine
  clip_norm: 5.0
baseline: {{cell: lstm, dropout.input: 0.4, dropout.output: 0.4, learning_rate: 2.0e-3}}
budget: {{trials: {trials}, epochs: {epochs}}}
sampler: {{name: tpe, seed: 0}}
confirm: {{top: 1, seeds: {seeds}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""
HEAD = f"{'data':18s} {'configuration':16s} {'F1':15s} {'accuracy':15s} {'intents':15s}"


class ByHand(nn.Module):
    """A tagger as it is usually written."""

    def __init__(self, words: int, letters: int, tags: int) -> None:
        super().__init__()
        self.words, self.letters = nn.Embedding(words, EMBEDDED, padding_idx=0), nn.Embedding(letters, LETTER)
        self.windows = nn.Conv1d(LETTER, WINDOWS, 3, padding=1)
        self.lstm = nn.LSTM(EMBEDDED + WINDOWS, UNITS, batch_first=True, bidirectional=True)
        self.head, self.dropout = nn.Linear(2 * UNITS, tags), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Scores of the tags of each word."""
        letters = self.letters(x[..., 2:].flatten(0, 1)).transpose(1, 2)
        spelled = self.windows(letters).amax(dim=2).unflatten(0, x.shape[:2])
        features = self.dropout(torch.cat((self.words(x[..., 0]), spelled), dim=-1))
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores: torch.Tensor = self.head(self.dropout(hidden))
        return scores


def by_hand(problem: TaggingProblem, steps: int) -> float:
    """Sentences per minute of the loop, over so many steps."""
    sizes = (len(problem.vocabulary.words) + 2, len(problem.vocabulary.letters) + 2, len(problem.classes))
    network = ByHand(*sizes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    batches = list(problem.dataset("train").batches(BATCH, rng=np.random.default_rng(0)))[: steps + 2]
    for number, batch in enumerate(batches):
        if number == 2:
            start = time.process_time()
        tags = batch.y if batch.y.dim() == 2 else batch.y[..., 0]
        scores = network(batch.x, (tags != PADDING).sum(1))
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), ignore_index=PADDING)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return 60 * sum(len(batch.y) for batch in batches[2:]) / (time.process_time() - start)


def main() -> None:
    """Train, test, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", metavar="FOLDER", help="folders of tagged sentences")
    parser.add_argument("--folder", type=Path, default=Path("tagging"), help="folder of the studies, made when missing")
    parser.add_argument("--trials", type=int, default=4, help="configurations that are tried, >= 1")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of a training, >= 1")
    parser.add_argument("--seeds", type=int, default=2, help="fresh seeds, >= 1")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines, speeds = [HEAD], [f"{'data':18s} sentences per minute of processor time, by hand"]
    for path in asked.data:
        name = path.name.replace("_", "-")
        data = {"path": str(path.resolve()), **({"intent": "label"} if any(path.glob("*.label")) else {})}
        run(asked.folder / name, TASK.format(**{**vars(asked), "name": name, "data": json.dumps(data)}), *asked.sets)
        task = resolve_task(asked.folder / name / "task.yaml", asked.sets)
        prepared, told = task.prepare()
        lines += scored(path.name, asked.folder / name / f"mlruns/studies/{name}", told.trivial["test"])
        problem = task.adapter.problem(prepared)
        ours = 60 * told.counts["train"] / min(epoch_costs(task).values())
        speeds.append(f"{path.name:18s} {ours:,.0f}, {by_hand(problem, 40):,.0f}")
    print("\n".join(["", *lines, "", *speeds]))


def scored(data: str, study: Path, trivial: Mapping[str, float]) -> list[str]:
    """Scores on test data: a line per confirmed configuration, of the winner's seeds together, of the trivial one."""
    results, winner = read_run(study / "test/events.jsonl").results, events.read(study / "sweep.jsonl")[-1]["winner"]
    found: dict[str, list[Mapping[str, float]]] = {}
    for run_, scores in results["test"].items():
        found.setdefault(called(read_run(study / run_ / "events.jsonl").number), []).append(scores)
    found = {f"{name}{' (won)' if name == winner else ''}": scores for name, scores in found.items()}
    if "ensemble" in results:
        found["won, together"] = [results["ensemble"]["test"]]
    found["trivial"] = [trivial]
    return [
        f"{data:18s} {name:16s} "
        + " ".join(
            f"{mean_sd([score[metric] for score in scores], 4) if metric in scores[0] else '-':15s}"
            for metric in ("f1", "accuracy", "intent_accuracy")
        )
        for name, scores in found.items()
    ]


if __name__ == "__main__":
    main()
