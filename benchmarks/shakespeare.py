"""The next character of Shakespeare's plays, by a small search through the command line; nats per character.

    python -m benchmarks.shakespeare tinyshakespeare.txt [--folder shakespeare] [--trials 3] [--epochs 8] [--seeds 2]
                                                     [--steps 20]

The file is that of github.com/karpathy/char-rnn, data/tinyshakespeare, 1,115,394 characters. The last 10 % are for the
test: what nanoGPT and Feng et al. 2024 (arXiv:2410.01201) hold out; the 5 % before are for validation. A layer of an
LSTM reads it in parallel streams, with the state carried over. Rates of dropout and learning are chosen on validation
text, winner and baseline are trained anew on fresh seeds, and the test text is then read once. One training at a time,
on one core; the processor time of all of it is printed. With `--set data.dynamic_rate=validation` the test text is also
scored by dynamic evaluation.

Then it measures on one core how many characters a second are learned from, beside a loop as it is usually written by
hand: the same embedding, LSTM and head.

An hour of two cores is to reach 1.55 nats per character of held-out text, at best 1.50.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.running import add_sets, mean_sd, run
from tuner.adapters.nlp.language_problem import LanguageModellingProblem
from tuner.disk.events import read, read_run
from tuner.solo.cost import paces
from tuner.task import resolve_task
from tuner.words import DYNAMIC, called

UNITS, EMBEDDED, STREAMS, STEPS = 256, 64, 32, 100
TASK = """\
name: shakespeare
adapter: nlp/language_modelling
data: {{path: {path}, val: 0.05, test: 0.1}}
search_space:
  data.embedding_size: 64
  cell: lstm
  hidden_size: 256
  dropout.output: {{low: 0.0, high: 0.4}}
  weight_drop: {{low: 0.0, high: 0.3}}
  optimizer: adamw
  learning_rate: {{low: 3.0e-3, high: 8.0e-3, log: true}}
  weight_decay: 1.0e-2
  batch_size: 32
  truncation: 100
  schedule: cosine
  warmup: 0.05
  clip_norm: 1.0
baseline: {{dropout.output: 0.1, weight_drop: 0.0, learning_rate: 5.0e-3}}
objective: {{metric: val/loss, direction: minimize}}
budget: {{trials: {trials}, epochs: {epochs}}}
sampler: {{name: tpe, seed: 0}}
confirm: {{top: 1, seeds: {seeds}}}
ray: {{address: in-process}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


class ByHand(nn.Module):
    """A language model as it is usually written."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, EMBEDDED)
        self.lstm, self.head = nn.LSTM(EMBEDDED, UNITS, batch_first=True), nn.Linear(UNITS, symbols)


def by_hand(problem: LanguageModellingProblem, steps: int) -> float:
    """Characters per second of processor time of the loop, over so many steps."""
    network = ByHand(problem.num_tokens)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    (text,) = problem.dataset("train").batches(STREAMS, rng=np.random.default_rng(0))
    assert text.x.shape[1] >= STEPS, "the text is too short"
    state, spent = None, []
    for number in range(steps + 1):
        began, at = time.process_time(), number * STEPS % (text.x.shape[1] - STEPS + 1)
        x, y = text.x[:, at : at + STEPS], text.y[:, at : at + STEPS]
        hidden, state = network.lstm(network.embedding(x), state)
        state = tuple(part.detach() for part in state)
        loss = nn.functional.cross_entropy(network.head(hidden).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        spent.append(time.process_time() - began)
    return STREAMS * STEPS / float(np.median(spent[1:]))


def main() -> None:
    """Train, test, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="tinyshakespeare.txt")
    parser.add_argument("--folder", type=Path, default=Path("shakespeare"), help="folder of the study")
    parser.add_argument("--trials", type=int, default=3, help="configurations that are tried, >= 1")
    parser.add_argument("--epochs", type=int, default=8, help="epochs of a training, >= 1")
    parser.add_argument("--seeds", type=int, default=2, help="fresh seeds, >= 1")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of the loop by hand, >= 1")
    add_sets(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    path = json.dumps(str(asked.text.resolve()))
    run(asked.folder, TASK.format(**{**vars(asked), "path": path}), *asked.sets)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    task = resolve_task(asked.folder / "task.yaml", asked.sets)
    prepared, told = task.prepare()
    print("\n".join(["", *scored(asked.folder / "mlruns/studies/shakespeare")]))
    val, test = (f"{told.trivial[split]['loss']:.4f}" for split in ("val", "test"))
    print(f"{'frequencies of characters':26s} {val:19s} {test}")
    print(f"\nprocessor time of the sweep: {spent.ru_utime + spent.ru_stime:,.0f} s")
    ours = STREAMS * STEPS / min(pace.step for pace in paces(task).values())
    problem = task.adapter.problem(prepared)
    assert isinstance(problem, LanguageModellingProblem)
    hand = by_hand(problem, asked.steps)
    print(f"characters learned from in a second of processor time: {ours:,.0f}; by a layer of {UNITS} units, by hand, "
          f"{hand:,.0f}")  # fmt: skip


def scored(study: Path) -> list[str]:
    """Nats per character on validation and test text: a line per confirmed configuration, of the seeds together."""
    results, winner = read_run(study / "test/events.jsonl").results, read(study / "sweep.jsonl")[-1]["winner"]
    found: dict[str, list[list[float]]] = {}
    for one, scores in results["test"].items():
        record = read_run(study / one / "events.jsonl")
        assert record.value is not None, one
        name = called(record.number)
        found.setdefault(f"{name}{' (won)' * (name == winner)}", []).append([record.value, *_tests(scores)])
    if "ensemble" in results:
        scores = results["ensemble"]
        found["the seeds together"] = [[scores["val"]["loss"], *_tests(scores["test"])]]
    dynamic = any(DYNAMIC + "loss" in scores for scores in results["test"].values())
    lines = [f"{'nats per character':26s} {'validation':19s} {'test':19s}{' dynamic evaluation' * dynamic}"]
    for name, losses in found.items():
        columns = [mean_sd(list(each), 4) for each in zip(*losses, strict=True)]
        lines.append(" ".join([f"{name:26s}", *(f"{column:19s}" for column in columns)]).rstrip())
    return lines


def _tests(scores: Mapping[str, float]) -> list[float]:
    """The loss on test text, and by dynamic evaluation where there is any."""
    return [scores[name] for name in ("loss", DYNAMIC + "loss") if name in scores]


if __name__ == "__main__":
    main()
