"""Study folders as a driver would have left them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tuner.disk import events
from tuner.disk.folder import StudyFolder, confirm_run, trial_run

START = 1_700_000_000.0
METRICS = ("train/loss", "val/loss", "val/accuracy", "lr", "grad/norm", "time/epoch_seconds")


def write(path: Path, event: str, time: float, **fields: Any) -> None:
    """Append an event with a time of its own."""
    events.append_many(path, [{"event": event, "time": time, **fields}])


def begin(root: Path, *, epochs: int = 5, time: float = START) -> StudyFolder:
    """A study whose sweep has started."""
    folder = StudyFolder(root)
    write(
        folder.sweep_events,
        "sweep",
        time,
        study=folder.name,
        version="0.1.0",
        metric="val/accuracy",
        direction="maximize",
        trials=10,
        epochs=epochs,
        trivial={"val": {"accuracy": 0.5}},
        space={"searched": {"cell": "categorical", "peephole": "categorical", "learning_rate": "numeric"}},
        constants={"layers": 2},
    )
    folder.task_file.write_text("name: fake\n")
    return folder


def create(folder: StudyFolder, run: str, number: int, *, kind: str = "trial", **fields: Any) -> Path:
    """A run with its first attempt begun."""
    path = folder.events(run)
    write(
        path,
        "created",
        START + 1,
        run=run,
        kind=kind,
        number=number,
        seed=7,
        **{
            "params": {"cell": "gru", "learning_rate": 0.001, "layers": 2},
            "searched": ["cell", "learning_rate"],
            **fields,
        },
    )
    attempt(path, 1)
    return path


def attempt(path: Path, number: int) -> None:
    """The begin of an attempt."""
    write(path, "attempt", START + 2 + number, attempt=number, worker="w1")


def train(path: Path, first: int, last: int, *, nan_at: int = 0, tensors: bool = False) -> None:
    """Epochs of one attempt."""
    events.append_many(
        path,
        [
            {
                "event": "epoch",
                "time": START + 10 + epoch,
                "attempt": 1,
                "epoch": epoch,
                "metrics": dict.fromkeys(METRICS, math.nan if epoch == nan_at else 1.0 / epoch),
                "tensors": {"grad": {"rnn.weight": 0.1 * epoch}} if tensors else {},
                "profiles": {"state_grad": {"rnn": [(0, 1.0), (20, 0.1 * epoch)]}} if tensors else {},
            }
            for epoch in range(first, last + 1)
        ],
    )


def end(path: Path, state: str, *, epochs: int = 5, time: float = START + 1000, **fields: Any) -> None:
    """The end of an attempt."""
    write(
        path,
        "ended",
        time,
        **{
            "attempt": 1,
            "state": state,
            "reason": f"was {state.lower()}",
            "value": 0.75,
            "epochs": epochs,
            "seconds": 2.5,
            "step": 50,
            "trace": "",
            "results": {"parameters": 1234},
            **fields,
        },
    )


def finished(folder: StudyFolder, number: int, *, epochs: int = 5, state: str = "COMPLETED") -> str:
    """A whole trial."""
    run = trial_run(number)
    path = create(folder, run, number)
    train(path, 1, epochs)
    end(path, state, epochs=epochs)
    return run


def confirmed(folder: StudyFolder, number: int, repeat: int) -> str:
    """A whole confirmation."""
    run = confirm_run(number, repeat)
    path = create(folder, run, number, kind="confirm")
    train(path, 1, 5)
    end(path, "COMPLETED")
    return run
