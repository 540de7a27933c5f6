"""Files as they should never be, and what may happen when they are read: a line for the user, and nothing else."""

from __future__ import annotations

import io
import json
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st

from tuner.config import ready_search_spaces, ready_tasks
from tuner.disk.events import read, read_run
from tuner.disk.folder import StudyFolder
from tuner.errors import TrialError, UserError
from tuner.messages import State
from tuner.objective import Objective
from tuner.space import Space
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.search import Search
from tuner.sweep import study_rows
from tuner.task import resolve_task
from tuner.training import checkpoint

CANARY = Path("canary")


class Bomb:
    """Unpickled, it leaves a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {CANARY.absolute()}",)


# what is damaged --------------------------------------------------------------------------------------------------

_WAVES = "label,t0,t1,t2,t3\n" + "".join(f"{'ab'[i % 2]},{i},1,2,{i % 3}\n" for i in range(40))
_TASK = """name: fuzz
adapter: time_series/classification
data: {path: waves.csv, label: label}
search_space:
  cell: {lstm: {forget_bias: {low: 0.0, high: 3.0}}, gru: null}
  layers: [1, 2]
  dropout.between: {low: 0.0, high: 0.5, when: {layers: {low: 2}}}
  learning_rate: {low: 1e-4, high: 1e-1, log: true}
budget: {trials: 4, epochs: 2, timeout: 1h}
storage: {folder: studies, study: postgresql://me@host/db}
ray: {address: in-process}
"""
_TEXTS = [_TASK, *(path.read_text() for path in [*ready_tasks().values(), *ready_search_spaces().values()])]
_BITS = st.sampled_from(
    [
        *("!!python/object/apply:os.system ['touch canary']", "!!python/name:os.system", "!!binary aGk="),
        *("&a [*a, *a]", "<<: *x", "? ", "- ", "{", "}", "[", "]", ": ", "\t", "\0", "\x85", "\ufeff"),
        *("%YAML 1.1\n", "---\n", "...", "|", ">", "null", "~", "yes", "-0.0", ".inf", ".nan", "1e999", "9" * 5000),
        *("0x1F", "1_000", "2026-11-25", "''", '"\\ud800"', "../../etc/passwd", "s3://a@b/c", "os:system"),
        *("postgresql://u:p@h:x/d", "builtins:eval", "[" * 200, "{a: " * 200, "name: ../x\n", "adapter: os:system\n"),
        *("seed: 1\n", "low: 5, high: 1", "when: {cell: lstm}", "storage: {study: 1}\n"),
    ]
)
_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["lstm", "gru", "cell", "low", "high", "when", "choices", "value", "log", "step"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(
        ["cell", "layers", "low", "high", "log", "step", "when", "value", "choices", "learning_rate", "dropout.between"]
    ), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_KEYS = ["name", "adapter", "data", "search_space", "space", "baseline", "objective", "budget", "sampler", "pruner"]
_KEYS += ["confirm", "attempts", "resources", "ray", "storage", "tracking", "device", "diagnostics", "report"]


@st.composite
def damaged_text(draw: st.DrawFn) -> str:
    """A task file or search space with pieces cut, doubled, moved and put in."""
    text = draw(st.sampled_from(_TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start, stop = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(st.sampled_from(["", text[start:stop], "\n"]) | _BITS | st.text(max_size=4))
        text = text[:start] + piece + text[draw(st.sampled_from([start, min(len(text), start + 5), stop])) :]
    return text


def strange_task() -> st.SearchStrategy[str]:
    """A task file that is YAML, with values of any kind."""
    strange = st.dictionaries(st.sampled_from(_KEYS), _PLAIN, min_size=1, max_size=4)
    base = {"adapter": "time_series/classification", "data": {"path": "waves.csv", "label": "label"}}
    return strange.map(lambda values: json.dumps({**base, **values}))


def any_change() -> st.SearchStrategy[str]:
    """What may follow --set."""
    return st.tuples(st.sampled_from(_KEYS), st.text(max_size=20)).map("=".join) | st.text(max_size=30)


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with some cut, flipped, doubled or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["flip", "cut", "end", "double", "put"]))
        if kind == "flip" and at < len(data):
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 200))]
        elif kind == "end":
            del data[at:]
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 400))]
        else:
            data[at:at] = draw(
                st.binary(max_size=8) | st.sampled_from([b"\n", b"{}", b"null\n", b'"', b"[" * 3000, b"-1"])
            )
    return bytes(data)


def make_checkpoint() -> bytes:
    """A small checkpoint."""
    out = Path("whole.pt")
    checkpoint.save(str(out), {"network": {"w": torch.ones(3), "list": [torch.zeros(2), 1, "a"]}}, {"epoch": 3})
    return out.read_bytes()


def bombs() -> list[bytes]:
    """Checkpoints that would run code."""
    packed = io.BytesIO()
    torch.save({"tensors": Bomb(), "facts": "{}"}, packed)
    return [pickle.dumps(Bomb()), pickle.dumps({"tensors": Bomb(), "facts": "{}"}), packed.getvalue()]


_SPACE = {"cell": ["lstm", "gru"], "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}}


def make_study(root: Path) -> bytes:
    """The journal of a study with some trials."""
    search = _search(root)
    for number in range(4):
        suggestion = search.suggest()
        assert suggestion is not None
        search.judge(number, 1, 0.5)
        if number < 3:
            search.tell(number, (State.COMPLETED, State.PRUNED, State.DIVERGED)[number], 0.5, "why")
    search.close()
    return StudyFolder(root).journal.read_bytes()


def make_events() -> bytes:
    """The event file of a run."""
    records: list[dict[str, Any]] = [
        {"event": "created", "run": "trials/00000", "kind": "trial", "number": 0, "seed": 1, "params": {}}
        | {"searched": [], "repairs": {"number": 1, "finding": "dead_units", "change": {"layers": [2, 1]}}},
        {"event": "attempt", "attempt": 1, "worker": "host:1"},
        {"event": "epoch", "attempt": 1, "epoch": 1, "metrics": {"val/loss": 0.5}, "tensors": {}},
        {"event": "rung", "attempt": 1, "epoch": 1, "value": 0.5, "verdict": "CONTINUE", "reason": ""},
        {"event": "error", "attempt": 1, "reason": "why", "trace": ""},
        {"event": "ended", "attempt": 2, "state": "COMPLETED", "reason": "", "value": 0.5, "epochs": 1, "seconds": 1.0}
        | {"step": 3, "trace": "", "results": {"findings": [{"name": "dead_units"}]}},
    ]  # fmt: skip
    return b"".join(json.dumps({"time": 1.0, **record}).encode() + b"\n" for record in records)


def _search(root: Path) -> Search:
    return Search(
        StudyFolder(root),
        Space.parse(_SPACE, lambda _: "space.yaml:1"),
        objective=Objective(),
        sampler=("random", SAMPLERS["random"].options()),
        pruner=("asha", PRUNERS["asha"].options()),
        seed=0,
    )


# what may happen --------------------------------------------------------------------------------------------------


def told_in_a_line(action: Callable[[], object], *kinds: type[Exception]) -> None:
    """Nothing happens, or one of the errors that are told in a line; and no code was run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action()
    except kinds as error:
        line = str(error).strip()
        if not line or "\n" in line:
            raise AssertionError("not one line") from error
    assert not CANARY.exists(), "code was run"


def check_task(text: str) -> None:
    """A task file is resolved or refused."""
    Path("waves.csv").write_text(_WAVES)
    Path("task.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    told_in_a_line(lambda: resolve_task("task.yaml"), UserError)


def check_space(text: str) -> None:
    """A search space in a file of its own is parsed or refused."""
    Path("waves.csv").write_text(_WAVES)
    Path("space.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    Path("task.yaml").write_text(_TASK[: _TASK.index("search_space")] + "search_space: space.yaml\n")
    told_in_a_line(lambda: resolve_task("task.yaml"), UserError)


def check_set(change: str) -> None:
    """A --set is taken or refused."""
    Path("waves.csv").write_text(_WAVES)
    Path("task.yaml").write_text(_TASK)
    told_in_a_line(lambda: resolve_task("task.yaml", [change]), UserError)


def check_checkpoint(data: bytes) -> None:
    """A checkpoint is read as tensors and JSON, or refused."""
    Path("damaged.pt").write_bytes(data)
    told_in_a_line(lambda: checkpoint.load("damaged.pt", torch.device("cpu")), TrialError)


def check_events(data: bytes) -> None:
    """An event file is read or refused, by all who read it; `top` shows what it holds."""
    folder = StudyFolder(Path("study-of-events"))
    path = folder.events("trials/00000")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    told_in_a_line(lambda: read(path), UserError)
    told_in_a_line(lambda: read_run(path), UserError)
    told_in_a_line(lambda: json.dumps(study_rows(folder)), UserError)


def check_study(data: bytes) -> None:
    """A journal is opened, and then a trial can be added, or it is refused and left alone."""
    root = Path("study")
    StudyFolder(root).journal.parent.mkdir(exist_ok=True)
    StudyFolder(root).journal.write_bytes(data)

    def use() -> None:
        search = _search(root)
        try:
            search.running()
            search.counted()
            search.suggest()
        finally:
            search.close()

    told_in_a_line(use, UserError)
