"""Studies made up for reports: searches of any size whose trials learn, are pruned, diverge and fail, as events."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.disk import events
from tuner.disk.folder import StudyFolder, confirm_run, refit_run, trial_run

START = 1_700_000_000.0
SPACE: list[dict[str, Any]] = [
    {"name": "cell", "choices": ["gru", "lstm"], "when": [], "owner": ""},
    {"name": "layers", "low": 1, "high": 3, "log": False, "step": None, "when": [], "owner": ""},
    {"name": "hidden_size", "low": 16, "high": 256, "log": True, "step": None, "when": [], "owner": ""},
    {"name": "learning_rate", "low": 0.0001, "high": 0.1, "log": True, "step": None, "when": [], "owner": ""},
    {"name": "dropout.output", "low": 0.0, "high": 0.5, "log": False, "step": None, "when": [], "owner": ""},
    {"name": "schedule", "choices": ["cosine", "one_cycle", "constant"], "when": [], "owner": ""},
    {"name": "optimizer", "value": "adam", "when": [], "owner": ""},
]
FINDING: dict[str, Any] = {
    "name": "learning_rate_too_low",
    "where": "",
    "epoch": 2,
    "step": 40,
    "evidence": "a step changes the weights by at most 0.0002 of their size (epoch 2)",
    "numbers": {"update": 0.0002},
    "threshold": "at least 0.7 times their size",
    "source": "after Karpathy",
    "cures": [{"param": "learning_rate", "to": None, "times": 10.0, "plus": None, "old": 0.0003}],
    "advice": ["more epochs"],
    "fatal": False,
}


@dataclass(frozen=True)
class Timed:
    """A page that was written.

    Args:
        page: Its file.
        seconds: Of a processor that it took.
    """

    page: Path
    seconds: float


@dataclass
class MadeUp:
    """A study to be written; see the fields.

    Args:
        trials: Of the search.
        epochs: Of a whole trial.
        workers: Slots that trained them.
        trivial: Loss of the trivial predictor on both splits.
        states: States that trials may end in, beside COMPLETED.
        confirmed: Configurations that are trained again with three seeds, the baseline with them.
        ended: "summary", "stopped", or "" for a driver that was killed.
        name: Of the trivial predictor.
        floors: Method that is no network -> its loss on both splits.
        seed: Of the numbers.
        models: Whether the winner's seeds were scored together, and the winner was trained once more on all data.
    """

    trials: int = 40
    epochs: int = 20
    workers: int = 1
    trivial: float = 2.2
    states: tuple[str, ...] = ("PRUNED", "PRUNED", "DIVERGED", "HOPELESS", "FAILED")
    confirmed: int = 2
    ended: str = "summary"
    name: str = "most frequent class"
    floors: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    models: bool = False
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def write(self, root: Path) -> StudyFolder:
        """Write the study's files."""
        folder = StudyFolder(root)
        free = [START] * self.workers
        scores: list[tuple[float, int, dict[str, Any]]] = []
        _append(folder.sweep_events, self._sweep(folder.name))
        for number in range(self.trials):
            worker = min(range(self.workers), key=free.__getitem__)
            last = not self.ended and number >= self.trials - self.workers
            params = self._params()
            value, free[worker] = self._trial(folder, number, params, worker, free[worker], over=not last)
            if value is not None:
                scores.append((value, number, params))
        scores.sort(key=lambda each: each[0])
        chosen = scores[: self.confirmed] if self.ended == "summary" else []
        if chosen:
            self._confirm(folder, chosen, max(free))
        if self.ended == "summary":
            _append(folder.sweep_events, self._summary(folder.name, scores, bool(chosen)))
        elif self.ended:
            _append(folder.sweep_events, {"event": "stopped", "time": max(free), "reason": "Ctrl+C", "seconds": 9.0})
        folder.task_file.write_text(f"name: {folder.name}\nadapter: time_series/classification\n")
        return folder

    def _sweep(self, name: str) -> dict[str, Any]:
        trivial = {"loss": self.trivial, "accuracy": 0.11}
        return {
            "event": "sweep",
            "time": START,
            "study": name,
            "version": "0.2.0",
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
            "adapter": "time_series/classification",
            "metric": "val/loss",
            "direction": "minimize",
            "trials": self.trials,
            "epochs": self.epochs,
            "counts": {"train": 216, "val": 54, "test": 370},
            "sampler": "tpe",
            "pruner": "asha",
            "seed": 7,
            "data": {"source": "aeon/JapaneseVowels", "digest": "abc123"},
            "origin": {"file": "/home/ada/task.yaml", "user": "ada", "commit": "1234567" + "0" * 33},
            "trivial": {"val": trivial, "test": trivial},
            "floors": {name: {"val": {"loss": loss}, "test": {"loss": loss}} for name, loss in self.floors.items()},
            "about": {"name": self.name},
            "space": {"searched": {entry["name"]: "numeric" for entry in SPACE[:-1]}, "definition": SPACE},
            "constants": {"optimizer": "adam"},
        }

    def _params(self) -> dict[str, Any]:
        dice = self.dice
        return {
            "cell": dice.choice(["gru", "lstm"]),
            "layers": dice.randint(1, 3),
            "hidden_size": round(16 * 16 ** dice.random()),
            "learning_rate": 0.0001 * 1000 ** dice.random(),
            "dropout.output": 0.5 * dice.random(),
            "schedule": dice.choice(["cosine", "one_cycle", "constant"]),
            "optimizer": "adam",
        }

    def _floor(self, params: dict[str, Any]) -> float:
        """The loss that a configuration comes to: a valley in the learning rate, GRU better than LSTM."""
        off = abs(math.log10(params["learning_rate"] / 0.008))
        return float(
            0.12 * 10 ** (0.55 * off) * (1.6 if params["cell"] == "lstm" else 1.0) * 1.15 ** self.dice.gauss(0, 1)
        )

    def _trial(
        self, folder: StudyFolder, number: int, params: dict[str, Any], worker: int, began: float, *, over: bool
    ) -> tuple[float | None, float]:
        state = self.dice.choice(("COMPLETED", *self.states)) if self.states else "COMPLETED"
        epochs = self.epochs if state == "COMPLETED" else self.dice.choice((3, 6)) if self.epochs > 6 else 2
        epochs = 0 if state == "FAILED" else epochs
        run, slow = trial_run(number), 0.5 + self.dice.random()
        floor = self._floor(params)
        made, value = self._training(run, number, params, worker, began, epochs, slow, floor)
        ended = began + slow * max(1, epochs)
        if over:
            found = [{**FINDING, "fatal": state == "HOPELESS"}] if params["learning_rate"] < 0.0006 else []
            reasons = {
                "PRUNED": "after epoch 3: 1.2, fourth of five",
                "DIVERGED": "the training loss is not finite",
                "FAILED": "RuntimeError: the data is not there",
                "HOPELESS": "learning rate too low",
            }
            made.append(
                {
                    "event": "ended",
                    "time": ended,
                    "attempt": 1,
                    "state": state,
                    "reason": reasons.get(state, ""),
                    "value": None if state in ("FAILED", "DIVERGED") else value,
                    "epochs": epochs,
                    "seconds": ended - began,
                    "step": 20 * epochs,
                    "trace": "Traceback\nRuntimeError: the data is not there" if state == "FAILED" else "",
                    "results": {"parameters": 1000, "findings": found, "lag": 20},
                }
            )
        events.append_many(folder.events(run), made)
        return (value if over and state == "COMPLETED" else None), ended

    def _training(
        self,
        run: str,
        number: int,
        params: dict[str, Any],
        worker: int,
        began: float,
        epochs: int,
        slow: float,
        floor: float,
        kind: str = "trial",
    ) -> tuple[list[dict[str, Any]], float | None]:
        searched = [entry["name"] for entry in SPACE[:-1]]
        common = {"run": run, "kind": kind, "number": number, "seed": 7, "params": params, "searched": searched}
        made: list[dict[str, Any]] = [
            {"event": "created", "time": began, **common},
            {"event": "attempt", "time": began, "attempt": 1, "worker": f"worker-{worker}"},
        ]
        best = None
        for epoch in range(1, epochs + 1):
            loss = floor + (2.1 - floor) * math.exp(-0.45 * (epoch - 1)) + 0.02 * self.dice.random()
            best = loss if best is None else min(best, loss)
            made.append(
                {
                    "event": "epoch",
                    "time": began + slow * epoch,
                    "attempt": 1,
                    "epoch": epoch,
                    "metrics": {"val/loss": loss, "train/loss": 0.8 * loss, "val/accuracy": math.exp(-loss)},
                    **(_look(epoch) if epoch == epochs else {}),
                }
            )
        return made, best

    def _confirm(self, folder: StudyFolder, chosen: list[tuple[float, int, dict[str, Any]]], began: float) -> None:
        baseline = (0.4, -1, {"cell": "gru", "learning_rate": 0.001, "optimizer": "adam"})
        tests: dict[str, dict[str, float]] = {}
        for floor, number, params in [*chosen, baseline]:
            for repeat in (1, 2, 3):
                run, own = confirm_run(number, repeat), 1.25 * floor * 1.05 ** self.dice.gauss(0, 1)
                made, value = self._training(run, number, params, 0, began, self.epochs, 1.0, own, "confirm")
                began += self.epochs
                ended = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": value, "epochs": self.epochs}
                more = {"seconds": float(self.epochs), "step": 9, "trace": "", "results": {"findings": [], "lag": 20}}
                events.append_many(folder.events(run), [*made, {"event": "ended", "time": began, **ended, **more}])
                assert value is not None
                tests[run] = {"loss": 1.1 * value, "accuracy": math.exp(-value)}
        number, together = chosen[0][1], {}
        if self.models:
            own = [confirm_run(number, repeat) for repeat in (1, 2, 3)]
            together = {"ensemble": {"runs": own, "val": {"loss": 0.123}, "test": {"loss": 0.1357, "accuracy": 0.934}}}
            again = [refit_run(run) for run in own]
            for run, step in zip(again, (80, 70, 90), strict=True):
                made, _ = self._training(run, number, chosen[0][2], 0, began, 4, 1.0, 0.1, "refit")
                began += 4
                ended = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": None, "epochs": 4, "seconds": 4.0}
                more = {"step": step, "trace": "", "results": {}}
                made.append({"event": "ended", "time": began, **ended, **more})
                events.append_many(folder.events(run), made)
                tests[run] = {"loss": 0.1246 + (step - 80) / 1000, "accuracy": 0.912}
            together["refit_ensemble"] = {"runs": again, "test": {"loss": 0.1123, "accuracy": 0.941}}
        common = {"run": "test", "kind": "test", "number": -1, "seed": 0, "params": {}, "searched": []}
        _append(folder.events("test"), {"event": "created", "time": began, **common})
        _append(folder.events("test"), {"event": "attempt", "time": began, "attempt": 1, "worker": "worker-0"})
        ended = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": None, "epochs": 0, "seconds": 0.4}
        more = {"step": 0, "trace": "", "results": {"test": tests, **together}}
        _append(folder.events("test"), {"event": "ended", "time": began, **ended, **more})

    def _summary(self, name: str, scores: list[tuple[float, int, dict[str, Any]]], chosen: bool) -> dict[str, Any]:
        winner = {"winner": f"trial {scores[0][1]}", "winner_params": scores[0][2]} if scores else {}
        sentences = ["trial and baseline were compared."] if chosen else []
        common = {"metric": "val/loss", "test_metric": "test/loss", "has_test": chosen, "sentences": sentences}
        return {
            "event": "summary",
            "time": START + 10_000,
            "seconds": 99.0,
            "headline": f"study {name}",
            **common,
            **winner,
        }


def _look(epoch: int) -> dict[str, Any]:
    """What a look has measured."""
    cell = "stack.forward_cells.0"
    return {
        "tensors": {
            "gate_mean": {f"{cell}/reset": 0.4, f"{cell}/update": 0.7},
            "gate_left": {f"{cell}/reset": 0.3, f"{cell}/update": 0.05},
            "gate_right": {f"{cell}/reset": 0.1, f"{cell}/update": 0.4},
        },
        "profiles": {"state_grad": {cell: [[lag, 0.1 * 0.8**lag / epoch] for lag in range(0, 20, 2)]}},
    }


def _append(path: Path, event: dict[str, Any]) -> None:
    events.append_many(path, [event])
