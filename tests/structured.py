"""Files damaged in their structure: types, order, absence, and what kind of thing stands where a file belongs."""

from __future__ import annotations

import copy
import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hypothesis import strategies as st

from tuner.cli import main

ODD = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
        *("", "x", "1", "\ud800", "\0", "\x1b[2J", "a" * 300, "../../x", "COMPLETED", "test", "trials/00009"),
        *([], [None], [[]], [1, 2], ["x"], {}, {"x": 1}, {"": None}, {"name": 1}, {"x": {"y": [1]}}, [{"name": "x"}]),
    ]
)
"""Values that stand where others belong."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values within a value, its own first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value in which some part is another one, missing, doubled, or has changed places with its neighbour."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                value = draw(ODD)
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["odd", "odd", "gone", "double", "swap"]))
        if action == "gone":
            del holder[path[-1]]
        elif action == "double" and isinstance(holder, list):
            holder.insert(draw(st.integers(0, len(holder))), copy.deepcopy(holder[path[-1]]))
        elif action == "swap":
            other = draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
            holder[path[-1]], holder[other] = holder[other], holder[path[-1]]
        else:
            holder[path[-1]] = draw(ODD)
    return value


def as_lines(value: Any) -> bytes:
    """A JSON line for each item."""
    return b"".join(json.dumps(item).encode() + b"\n" for item in (value if isinstance(value, list) else [value]))


# what stands where a file belongs ---------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


KINDS: Mapping[str, Callable[[Path], None]] = {
    "nothing": lambda path: None,  # noqa: ARG005
    "a folder": lambda path: path.mkdir(),
    "a folder with a file": lambda path: (path / "x").mkdir(parents=True),
    "a named pipe": os.mkfifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere/at/all"),
    "an empty file": lambda path: path.write_bytes(b"") and None,
    "zeros": lambda path: path.write_bytes(bytes(5000)) and None,
    "a line of null": lambda path: path.write_bytes(b"null\n") and None,
    "a list": lambda path: path.write_bytes(b"[]\n") and None,
    "a text": lambda path: path.write_bytes(b'"x"\n') and None,
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00\xd8\n" * 9) and None,
}
"""What may stand where a file belongs, and how it is put there."""


def put(path: Path, kind: str) -> None:
    """Put something where a file is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    KINDS[kind](path)


# a study's folder -------------------------------------------------------------------------------------------------

_FINDING: dict[str, Any] = {
    "name": "dead_units",
    "where": "rnn.0",
    "epoch": 2,
    "step": 20,
    "evidence": "9 of 10 units are dead.",
    "numbers": {"share": 0.9},
    "threshold": "at most 0.5",
    "source": "none",
    "advice": ["Train longer."],
    "cures": [{"param": "layers", "to": 1, "times": None, "plus": None, "old": 2}],
    "fatal": True,
}


def run_events(run: str, number: int, state: str = "COMPLETED") -> list[dict[str, Any]]:
    """The events of a whole run."""
    epochs = [
        {
            "event": "epoch",
            "time": 3.0 + epoch,
            "attempt": 1,
            "epoch": epoch,
            "metrics": {"train/loss": 1.0 / epoch, "val/loss": 1.0 / epoch, "lr": 0.1},
            "tensors": {"grad": {"rnn.w": 0.5}, "cell_attenuation": {"rnn.0": -1.0}, "units_dead": {"rnn.0": 0.9}},
            "profiles": {"state_grad": {"rnn.0": [[0, 1.0], [5, 0.1]]}},
        }
        for epoch in (1, 2, 3)
    ]
    repairs = {"repairs": {"number": 0, "finding": "dead_units", "change": {"layers": [2, 1]}}} if number else {}
    scores = {"test": {"confirm/00000-1": {"loss": 0.5}}} if run == "test" else {}
    return [
        {
            "event": "created",
            "time": 1.0,
            "run": run,
            "kind": run.partition("s/")[0].partition("/")[0],
            "number": number,
        }
        | {"seed": 1, "params": {"cell": "lstm", "layers": 2}, "searched": ["cell", "layers"], **repairs},
        {"event": "attempt", "time": 2.0, "attempt": 1, "worker": "host:1"},
        *epochs,
        {"event": "rung", "time": 7.0, "attempt": 1, "epoch": 3, "value": 0.3, "verdict": "CONTINUE", "reason": "best"},
        {"event": "error", "time": 8.0, "attempt": 1, "reason": "why", "trace": "x\ny"},
        {"event": "ended", "time": 9.0, "attempt": 2, "state": state, "reason": "so", "value": 0.3, "epochs": 3}
        | {"seconds": 1.0, "step": 30, "trace": "", "results": {"findings": [_FINDING], "parameters": 5, **scores}}
        | {},
    ]


SWEEP_EVENTS: list[dict[str, Any]] = [
    {
        "event": "sweep",
        "time": 1.0,
        "study": "whole",
        "adapter": "memory/probe",
        "metric": "val/loss",
        "direction": "minimize",
        "trials": 3,
        "epochs": 3,
        "seconds": None,
        "sampler": "tpe",
        "pruner": "asha",
        "space": {"searched": {"cell": "categorical"}, "definition": {"cell": ["lstm", "gru"]}},
        "constants": {"layers": 2},
        "baseline": {"cell": "lstm"},
        "thresholds": {},
        "notices": ["one left out"],
        "counts": {"train": 8, "val": 1, "test": 1},
        "trivial": {"val": {"loss": 2.0}, "test": {"loss": 2.0}},
        "about": {"name": "mean"},
        "version": "0.1.0",
        "versions": {"python": "3.11"},
        "seed": 0,
    },
    {
        "event": "summary",
        "time": 99.0,
        "seconds": 98.0,
        "headline": "done",
        "metric": "val/loss",
        "rows": [{"name": "x"}],
        "sentences": ["trial 0 is best."],
        "winner": "trial 0",
        "asked": {"trials": 3},
        "winner_params": {"cell": "lstm"},
        "drawn": [],
    },
]
RUNS = {"trials/00000": 0, "trials/00001": 1, "trials/00002": 2, "confirm/00000-1": 0, "test": 0}
_STATES = {1: "DIVERGED", 2: "FAILED"}


def make_whole_study(root: Path) -> None:
    """A study's folder with every kind of file."""
    for run, number in RUNS.items():
        path = root / run / "events.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(as_lines(run_events(run, number, _STATES.get(number, "COMPLETED"))))
    (root / "sweep.jsonl").write_bytes(as_lines(SWEEP_EVENTS))
    (root / "versions.json").write_text(json.dumps({"format": 1, "versions": {"tuner": "0.1.0"}}))
    for name, text in {
        "driver.lock": "{}",
        "study.journal": "",
        "task.yaml": "name: whole\n",
        "trials/00000/checkpoint.pt": "x",
        "trials/00001/output.txt": "x",
        "artifacts/leaderboard.json": "[]",
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


FILES = sorted(
    [
        *(
            "sweep.jsonl",
            "versions.json",
            "driver.lock",
            "study.journal",
            "task.yaml",
            "artifacts",
            "trials",
            "confirm",
        ),
        *("trials/00000/checkpoint.pt", "trials/00000", "trials/00000/artifacts", "recording.lock", "diagnose"),
        *("trials/00001/output.txt", "artifacts/leaderboard.json", "trials/00000/x.tmp", "versions.tmp"),
        *(run + "/events.jsonl" for run in RUNS),
    ]
)
COMMANDS = ("top whole", "top whole --json", "diagnose whole", "diagnose whole --json", "gc whole")


@st.composite
def damaged_study(draw: st.DrawFn) -> dict[str, Any]:
    """File of a study -> its new content, or a kind of thing in its place."""
    damage: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            damage[draw(st.sampled_from(FILES))] = draw(st.sampled_from(sorted(KINDS)))
        elif draw(st.integers(0, 3)) == 0:
            damage["sweep.jsonl"] = as_lines(draw(changed(SWEEP_EVENTS)))
        elif draw(st.integers(0, 5)) == 0:
            damage["versions.json"] = as_lines([draw(changed({"format": 1, "versions": {"tuner": "0.1.0"}}))])
        else:
            run = draw(st.sampled_from(sorted(RUNS)))
            whole = run_events(run, RUNS[run], draw(st.sampled_from(["COMPLETED", "DIVERGED", "PRUNED", "STOPPED"])))
            damage[f"{run}/events.jsonl"] = as_lines(draw(changed(whole)))
    return damage


def apply(damage: Mapping[str, Any], root: Path) -> None:
    """A whole study below `root`, damaged."""
    shutil.rmtree(root, ignore_errors=True)
    make_whole_study(root)
    for name, what in damage.items():
        if not (root / name).parent.is_dir():
            continue  # went with its folder
        if isinstance(what, bytes):
            put(root / name, "nothing")
            (root / name).write_bytes(what)
        else:
            put(root / name, what)


def check_commands(damage: Mapping[str, Any]) -> None:
    """Every command that reads a study answers, or says in a line what is wrong, with status 2."""
    apply(damage, Path("mlruns/studies/whole"))
    for command in COMMANDS:
        said_in_a_line(*command.split())


def said_in_a_line(*command: str) -> str:
    """Status 0 or 1, or 2 with one line; nothing else is raised."""
    result = CliRunner().invoke(main, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{command}: {result.exception!r}") from result.exception
    assert result.exit_code in (0, 1, 2), result.output
    if result.exit_code == 2:
        line = result.stderr.strip()
        assert line, command
        assert "\n" not in line, line
    return result.output
