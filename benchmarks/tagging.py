"""Tags by one configuration through the command line: ATIS slots and parts of speech, and sentences per minute.

    python -m benchmarks.tagging FOLDER... [--folder tagging] [--epochs 30] [--seeds 3] [--workers 1]

A FOLDER holds the files of a data set, whose names say train, valid (or dev) and test: of ATIS slots
`train.seq.in`, `train.seq.out` and so on (github.com/MiuLab/SlotGated-SLU, data/atis), of UD English ATIS `*.conllu`
(github.com/UniversalDependencies/UD_English-Atis). For each it runs `python -m tuner run`, once with each decoder,
on as many fresh seeds, and prints the test scores beside the trivial predictor's. Nothing is chosen by test data: the
configuration is the one below.

Then it measures on one core how many sentences a minute are learned from, beside a loop as it is usually written by
hand: the same embedding, windows of letters, bidirectional LSTM on packed batches, and softmax.

Published: slot F1 95.2 by Goo et al. 2018, NAACL, "Slot-gated modeling", a BiLSTM with attention that learns the intent
too, on the same split of ATIS.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.running import add_sets, mean_sd, run
from tuner.adapters.nlp.tagging.problem import PADDING, TaggingProblem
from tuner.disk.events import read_run
from tuner.solo.cost import epoch_costs
from tuner.task import resolve_task

DECODERS = ("softmax", "crf")
UNITS, BATCH, EMBEDDED, LETTER, WINDOWS = 200, 32, 100, 30, 50
TASK = """\
name: {name}
adapter: nlp/tagging
data: {{path: {path}, decoder: {decoder}, embedding_size: 100, character_size: 50}}
search_space:
  cell: lstm
  hidden_size: 200
  dropout.input: 0.5
  dropout.output: 0.5
  optimizer: adamw
  learning_rate: 2.0e-3
  weight_decay: 1.0e-4
  batch_size: 32
  schedule: cosine
  clip_norm: 5.0
budget: {{trials: 1, epochs: {epochs}}}
confirm: {{top: 1, seeds: {seeds}}}
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


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
        scores = network(batch.x, (batch.y != PADDING).sum(1))
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), batch.y.flatten(), ignore_index=PADDING)
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
    parser.add_argument("--epochs", type=int, default=30, help="epochs of a training, >= 1")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds, >= 1")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = [f"{'data':18s} {'decoder':8s} {'test F1':15s} {'test accuracy':15s} trivial: F1, accuracy"]
    speeds = [f"{'data':18s} {'decoder':8s} sentences per minute of processor time, by hand"]
    for path in asked.data:
        for decoder in DECODERS:
            name = f"{path.name}-{decoder}".replace("_", "-")
            facts = {**vars(asked), "name": name, "path": json.dumps(str(path.resolve())), "decoder": decoder}
            place = asked.folder / name
            run(place, TASK.format(**facts), *asked.sets)
            results = read_run(place / f"mlruns/studies/{name}/test/events.jsonl").results
            scores = list(results["test"].values())
            task = resolve_task(place / "task.yaml", asked.sets)
            prepared, told = task.prepare()
            f1, accuracy = (mean_sd([score[metric] for score in scores], 4) for metric in ("f1", "accuracy"))
            trivial = told.trivial["test"]
            floor = f"{trivial['f1']:.4f}, {trivial['accuracy']:.4f}"
            lines.append(f"{path.name:18s} {decoder:8s} {f1:15s} {accuracy:15s} {floor}")
            problem = task.adapter.problem(prepared)
            ours = 60 * told.counts["train"] / min(epoch_costs(task).values())
            speeds.append(f"{path.name:18s} {decoder:8s} {ours:,.0f}, {by_hand(problem, 40):,.0f}")
    print("\n".join(["", *lines, "", *speeds]))


if __name__ == "__main__":
    main()
