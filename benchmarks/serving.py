"""CPU time of an answer: by `tuner.load`, by its ONNX graph, by `tuner serve`, beside a bare loop over torch.nn.

    python -m benchmarks.serving [--rounds 9] [--items 1000] [--only texts series forecasts]

Three models of one LSTM with 64 units, of data made here: texts of 20 words; series of 64 steps in a wide table; hourly
series with time stamps in a long table, of which a day is forecast from two. All get the same DataFrame (MLflow's
scoring server the same rows as JSON over HTTP) and answer with a DataFrame of the same content, which is checked. The
bare loop is what one would write by hand with pandas, torch.nn and this model's weights: it reads, pads and answers
batches of 256 as the model does, and checks nothing. That with ONNX is the same around onnxruntime. One thread each;
ways take turns within every round, and what is told is the median CPU time per item, and the median and quartiles of
its ratio to the bare loop's in the same round; for the server its own process's. Ratios hold within one run. A few
minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pandas as pd
import psutil
import torch
from numpy.typing import NDArray
from torch import nn

import tuner
from tuner.predict.exporting import export

UNITS, BATCH, SINGLE, WITHIN = 64, 256, 20, 1e-5
LABELS = ("falls", "rises", "stays")
TASK = {
    "search_space": {"cell": "lstm", "hidden_size": UNITS, "layers": 1},
    "budget": {"trials": 1, "epochs": 1},
    "confirm": {"top": 1, "seeds": 1},
    "ray": {"address": "in-process"},
    "tracking": {"uri": "none"},
    "report": {"figures": 0},
}
Ask = Callable[[pd.DataFrame], pd.DataFrame]


class Kind(ABC):
    """A kind of data: what is trained on and asked, and the loop by hand.

    Args:
        model: The exported folder, with `model.onnx`.
    """

    adapter: ClassVar[str]
    options: ClassVar[dict[str, Any]]

    def __init__(self, model: Path) -> None:
        self.model = tuner.load(model)
        network: Any = self.model.network
        (cell,) = network.stack.forward_cells
        self.encoder: nn.Module = network.encoder
        self.lstm: nn.LSTM = cell.kernel
        self.head: nn.Module = network.head
        self.facts = json.loads((model / "preprocess/facts.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model / "model.onnx", options)

    @staticmethod
    @abstractmethod
    def table(items: int, rng: np.random.Generator) -> pd.DataFrame:
        """Items, and their labels where there are any."""

    @staticmethod
    def asked(table: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
        """Some of the items, as they are asked for."""
        return table[first:last].drop(columns="label")

    @abstractmethod
    def by_hand(self, table: pd.DataFrame, *, onnx: bool) -> pd.DataFrame:
        """The answers of torch.nn or of ONNX."""

    def mean_of(self, x_BTI: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        """The LSTM's mean output over valid steps."""
        y_BTH, _ = self.lstm(x_BTI)
        valid_BT1 = (torch.arange(y_BTH.shape[1]) < lengths_B[:, None])[..., None]
        return (y_BTH * valid_BT1).sum(1) / lengths_B[:, None]

    def classes_of(self, logits_BK: NDArray[np.float32]) -> list[tuple[str, float]]:
        """The likeliest class of each item, and its probability."""
        odds_BK = np.exp(logits_BK - logits_BK.max(1, keepdims=True))
        best_B = odds_BK.argmax(1)
        likely_B = odds_BK.max(1) / odds_BK.sum(1)
        return [(self.facts["classes"][best], float(odds)) for best, odds in zip(best_B, likely_B, strict=True)]


class Texts(Kind):
    """Texts to classes."""

    adapter, options = "nlp/classification", {"path": "data.csv", "vocabulary": 1000}

    def __init__(self, model: Path) -> None:
        import tokenizers

        super().__init__(model)
        self.tokenizer = tokenizers.Tokenizer.from_file(str(model / "preprocess/tokenizer.json"))

    @staticmethod
    def table(items: int, rng: np.random.Generator) -> pd.DataFrame:
        """Of 20 words out of 500."""
        words = ["".join(rng.choice(list("abcdefghijklmnop"), rng.integers(2, 9))) for _ in range(500)]
        labels = rng.choice(LABELS, items)
        texts = [f"{label} " + " ".join(rng.choice(words, rng.integers(10, 30))) for label in labels]
        return pd.DataFrame({"text": texts, "label": labels})

    def by_hand(self, table: pd.DataFrame, *, onnx: bool) -> pd.DataFrame:
        """See `Kind`."""
        rows = []
        for first in range(0, len(table), BATCH):
            texts = table["text"].iloc[first : first + BATCH]
            clean = [" ".join(unicodedata.normalize("NFC", text).split()).lower() for text in texts]
            tokens = [np.array(each.ids) + 1 for each in self.tokenizer.encode_batch(clean)]
            lengths = np.array([len(each) for each in tokens])
            x = np.zeros((len(tokens), lengths.max()), dtype=np.int64)
            for row, each in enumerate(tokens):
                x[row, : len(each)] = each
            if onnx:
                (logits,) = self.session.run(None, {"x": x, "lengths": lengths})
            else:
                lengths_B = torch.from_numpy(lengths)
                logits = self.head(self.mean_of(self.encoder(torch.from_numpy(x)), lengths_B)).numpy()
            rows += self.classes_of(logits)
        return pd.DataFrame(rows, columns=["class", "probability"])


class Series(Kind):
    """Series to classes."""

    adapter, options = "time_series/classification", {"path": "data.csv"}

    @staticmethod
    def table(items: int, rng: np.random.Generator) -> pd.DataFrame:
        """Noisy lines of 64 steps."""
        labels = rng.choice(LABELS, items)
        slope = np.array([{"falls": -1, "rises": 1, "stays": 0}[label] for label in labels])[:, None]
        values = 20 + slope * np.linspace(0, 3, 64) + rng.normal(size=(items, 64))
        return pd.DataFrame(values, columns=[f"t{step}" for step in range(64)]).assign(label=labels)

    def by_hand(self, table: pd.DataFrame, *, onnx: bool) -> pd.DataFrame:
        """See `Kind`."""
        values = table[[f"t{step}" for step in range(64)]].to_numpy()
        rows = []
        for first in range(0, len(table), BATCH):
            x = values[first : first + BATCH, :, None]
            lengths = np.full(len(x), x.shape[1])
            if onnx:
                (logits,) = self.session.run(None, {"x": x, "lengths": lengths})
            else:
                x = ((x - self.facts["mean"]) / self.facts["scale"]).astype(np.float32)
                logits = self.head(self.mean_of(torch.from_numpy(x), torch.from_numpy(lengths))).numpy()
            rows += self.classes_of(logits)
        return pd.DataFrame(rows, columns=["class", "probability"])


class Forecasts(Kind):
    """Series to their next day."""

    adapter = "time_series/forecasting"
    options: ClassVar = {"path": "data.csv", "time": "time", "series": "name", "window": 48, "horizon": 24}

    @staticmethod
    def table(items: int, rng: np.random.Generator) -> pd.DataFrame:
        """Hourly series of 200 rows; as an item stands the last 48."""
        times = pd.date_range("2024-01-01", periods=200, freq="h").strftime("%Y-%m-%d %H:%M")
        days = np.sin(np.arange(200) * 2 * np.pi / 24)
        level = rng.uniform(10, 1000, items)[:, None]
        values = level * (1 + days / 3 + rng.normal(size=(items, 200)) / 10)
        names = np.repeat([f"s{number}" for number in range(items)], 200)
        return pd.DataFrame({"name": names, "time": list(times) * items, "value": values.ravel()})

    @staticmethod
    def asked(table: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
        """See `Kind`; series that are not known from training."""
        rows = table[first * 200 : last * 200]
        rows = rows[np.arange(len(rows)) % 200 >= 152]
        return rows.assign(name="new " + rows["name"])

    def by_hand(self, table: pd.DataFrame, *, onnx: bool) -> pd.DataFrame:
        """See `Kind`."""
        table = table.assign(at=pd.to_datetime(table["time"], format="%Y-%m-%d %H:%M")).sort_values("at", kind="stable")
        names, windows, ends = [], [], []
        for name, rows in table.groupby("name", sort=False):
            names.append(name)
            windows.append(rows["value"].to_numpy())
            ends.append(rows["at"].iloc[-1])
        x = np.stack(windows)[:, -48:, None]
        mean, scale = x.mean(1), x.std(1)
        found = []
        for first in range(0, len(x), BATCH):
            its = slice(first, first + BATCH)
            if onnx:
                inputs = {"x": x[its], "lengths": np.full(len(x[its]), 48), "mean": mean[its], "scale": scale[its]}
                found.append(self.session.run(None, inputs)[0])
            else:
                scaled = ((x[its] - mean[its, None]) / scale[its, None]).astype(np.float32)
                _, (h_1BH, _) = self.lstm(torch.from_numpy(scaled))
                found.append(self.head(h_1BH[0]).double().numpy() * scale[its, None] + mean[its, None])
        times = pd.DatetimeIndex(np.repeat(ends, 24)) + pd.to_timedelta(np.tile(range(1, 25), len(ends)), "h")
        return pd.DataFrame(
            {
                "name": np.repeat(names, 24),
                "step": np.tile(range(1, 25), len(names)),
                "time": times.strftime("%Y-%m-%d %H:%M"),
                "value": np.concatenate(found).ravel(),
            }
        )


KINDS: dict[str, type[Kind]] = {"texts": Texts, "series": Series, "forecasts": Forecasts}


class Server:
    """`tuner serve`, in a process of its own.

    Args:
        url: Where it answers.
        process: The server's.
    """

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url, self._process = url, process

    def ask(self, body: bytes) -> pd.DataFrame:
        """The answer to a request."""
        request = urllib.request.Request(f"{self.url}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return pd.DataFrame(json.loads(answer.read())["predictions"])

    def seconds(self) -> float:
        """CPU time until now."""
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)


@contextmanager
def served(model: Path) -> Iterator[Server]:
    """A server of a model, ended with the context."""
    root = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    command = [sys.executable, "-m", "tuner", "serve", str(model), "--port", "0"]
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield Server(line.partition(" answers at ")[2].partition(";")[0], psutil.Process(process.pid))
        finally:
            process.terminate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="of which the first is thrown away")
    parser.add_argument("--items", type=int, default=1000, help="that are asked for at once")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = {name: measured(name, KINDS[name], options.items, options.rounds) for name in options.only}
    for size in ("one item", f"{options.items} items"):
        print(f"\n{size}: ms of CPU time per item (ratio to the bare loop, quartiles)")
        print(f"{'':<10}{'bare':>9}" + "".join(f"{way:>26}" for way in ("tuner.load", "ONNX", "tuner serve")))
        for name, times in found.items():
            print(row(name, times[size]))


def measured(name: str, kind: type[Kind], items: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU milliseconds per item, by size and way, in every round."""
    rng = np.random.default_rng(0)
    table = kind.table(items, rng)
    kind.table(120 if name != "forecasts" else 12, rng).to_csv("data.csv", index=False)
    study = tuner.run({"name": name, "adapter": kind.adapter, "data": kind.options, **TASK}, quiet=True)
    model = Path(f"{name}-model").resolve()
    export(study.folder / "model", model, onnx=True)
    made = kind(model)
    asked = {"one item": [kind.asked(table, each, each + 1) for each in range(min(SINGLE, items))]}
    asked[f"{items} items"] = [kind.asked(table, 0, items)]
    bodies = {id(each): body(each) for size in asked.values() for each in size}
    with served(model) as server:
        ways: dict[str, Ask] = {
            "bare": torch.inference_mode()(lambda each: made.by_hand(each, onnx=False)),
            "tuner.load": made.model.predict,
            "ONNX": lambda each: made.by_hand(each, onnx=True),
            "tuner serve": lambda each: server.ask(bodies[id(each)]),
        }
        clocks = {way: server.seconds if way == "tuner serve" else time.process_time for way in ways}
        check(ways, asked[f"{items} items"][0])
        spent: dict[str, dict[str, list[float]]] = {size: {way: [] for way in ways} for size in asked}
        for turn in range(rounds):
            for way in [*list(ways)[turn % len(ways) :], *list(ways)[: turn % len(ways)]]:
                for size, tables in asked.items():
                    began = clocks[way]()
                    for each in tables:
                        ways[way](each)
                    count = len(tables) if size == "one item" else items
                    spent[size][way].append(1000 * (clocks[way]() - began) / count)
    return {size: {way: times[1:] or times for way, times in by.items()} for size, by in spent.items()}


def body(table: pd.DataFrame) -> bytes:
    """A table as a request."""
    split = {"columns": list(table), "data": table.to_numpy(dtype=object).tolist()}
    return json.dumps({"dataframe_split": split}).encode()


def check(ways: dict[str, Ask], table: pd.DataFrame) -> None:
    """All answer alike."""
    wanted = ways["bare"](table)
    for way, ask in ways.items():
        found = ask(table)[list(wanted)]
        numbers = found.select_dtypes("number")
        np.testing.assert_allclose(numbers, wanted[list(numbers)], rtol=WITHIN, atol=WITHIN, err_msg=way)
        for name in set(wanted) - set(numbers):
            assert found[name].astype(str).tolist() == wanted[name].astype(str).tolist(), (way, name)


def row(name: str, times: dict[str, list[float]]) -> str:
    """A line of the table."""
    bare, *others = times.values()
    cells = []
    for each in others:
        ratios = [a / b for a, b in zip(each, bare, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        cells.append(f"{statistics.median(each):9.3f} {middle:6.2f} ({low:.2f}-{high:.2f})")
    return f"{name:<10}{statistics.median(bare):9.3f}" + "".join(f"{cell:>26}" for cell in cells)


if __name__ == "__main__":
    main()
