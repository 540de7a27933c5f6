"""Files damaged in their structure: types, order, absence, and what kind of thing stands where a file belongs."""

from __future__ import annotations

import copy
import datetime
import json
import os
import shutil
import socket
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner
from hypothesis import strategies as st

from tests.support.fuzzing import told_in_a_line
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare
from tuner.adapters.speech.features import read_features
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.reading import read_items
from tuner.cli import main
from tuner.errors import DataError, UserError

ODD: st.SearchStrategy[Any] = st.sampled_from(
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
                value = copy.deepcopy(draw(ODD))
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
            holder[path[-1]] = copy.deepcopy(draw(ODD))
    return value


def as_lines(value: Any) -> bytes:
    """A JSON line for each item."""
    return b"".join(json.dumps(item).encode() + b"\n" for item in (value if isinstance(value, list) else [value]))


# what stands where a file belongs ---------------------------------------------------------------------------------


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


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
    "an empty file": lambda path: _put(path, b""),
    "zeros": lambda path: _put(path, bytes(5000)),
    "a line of null": lambda path: _put(path, b"null\n"),
    "a list": lambda path: _put(path, b"[]\n"),
    "a text": lambda path: _put(path, b'"x"\n'),
    "no UTF-8": lambda path: _put(path, b"\xff\xfe\x00\xd8\n" * 9),
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
        "rows": [{"name": "x", "score": "1", "test": "-", "seeds": "1 of 1"}],
        "sentences": ["trial 0 is best."],
        "winner": "trial 0",
        "model": "/there/model",
        "models": {"baseline": "/there/models/baseline"},
        "model_run": "confirm/00000-1",
        "other_runs": ["confirm/baseline-1"],
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
        *(
            "trials/00000/checkpoint.pt",
            "trials/00000",
            "trials/00000/artifacts",
            "recording.lock",
            "diagnose",
            "models",
        ),
        *("trials/00001/output.txt", "artifacts/leaderboard.json", "trials/00000/x.tmp", "versions.tmp"),
        *(run + "/events.jsonl" for run in RUNS),
    ]
)
COMMANDS = (
    "top whole",
    "top whole --json",
    "show whole",
    "show whole --json",
    "diagnose whole",
    "diagnose whole --json",
    "gc whole",
)


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


# arrays -----------------------------------------------------------------------------------------------------------

_ARRAYS = {
    "X": np.arange(36.0).reshape(12, 3) / 7,
    "y": np.array(["a", "b"] * 6),
    "lengths": np.array([3, 4, 5]),
}
_DESCRIPTIONS = (
    *("'<f8'", "'>f4'", "'<f2'", "'|b1'", "'<i8'", "'<u8'", "'|O'", "'<U3'", "'<U0'", "'|S4'", "'|V8'", "'<c16'"),
    *("'<M8[ns]'", "[('a', '<f8')]", "('<f8', (2,))", "'x'", "1", "None", "'<U999999999'", "{}"),
)
_SHAPES = (
    *("(12, 3)", "()", "(0,)", "(0, 3)", "(1000000000000, 8)", "(1000000000000000000, 0)", "(-1,)", "(-12, -3)"),
    *(
        "(36,)",
        "(True, 36)",
        "(1.5,)",
        "'x'",
        "None",
        "(1, 1, 1, 1, 36)",
        "(" + "1, " * 70 + ")",
        "(9" + "0" * 30 + ",)",
    ),
)


@st.composite
def damaged_npz(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The members of an .npz file, some of them changed; see `write_npz`."""
    names = draw(st.sampled_from([("X", "y"), ("X", "y", "lengths"), ("X", "y", "lengths", "speaker"), ("X",), ()]))
    members: list[dict[str, Any]] = [{"name": f"{name}.npy", "array": name} for name in names]
    changes = st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["X.npy", "y.npy", "x.txt", "X", "../X.npy", "d/", "\udce9.npy", "a\0b.npy", ""]),
            "array": st.sampled_from(["X", "y", "lengths"]),
            "descr": st.sampled_from(_DESCRIPTIONS),
            "shape": st.sampled_from(_SHAPES),
            "order": st.sampled_from(["True", "False", "1", "x"]),
            "header": st.sampled_from(["{", "{}", "[" * 2000, "os.system('touch canary')", "x" * 70_000, "\0"]),
            "magic": st.sampled_from(
                [b"\x93NUMPY\x03\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x09\x00", b"\x80\x04K\x01."]
            ),
            "payload": st.sampled_from(["short", "long", "none", "odd"]),
            "method": st.sampled_from(["deflated", "bzip2", "lzma", "unknown"]),
            "claimed": st.sampled_from([0, 1, 10**6, 2**32 - 2]),
            "encrypted": st.just(True),
            "checksum": st.just(1),
        },
    )
    for _ in range(draw(st.integers(1, 2))):
        changed: int = draw(st.integers(0, 4))
        if members and changed:
            members[draw(st.integers(0, len(members) - 1))].update(draw(changes))
        else:
            members.append({"name": "more.npy", "array": "X", **draw(changes)})
    return members


_METHODS = {"deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}


def write_npz(path: Path, members: list[dict[str, Any]]) -> None:
    """An archive of members as they are asked for, which numpy.savez would not write."""
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        for member in members:
            info = zipfile.ZipInfo(member["name"].encode("utf-8", "replace").decode() or "x")
            info.compress_type = _METHODS.get(member.get("method", ""), zipfile.ZIP_STORED)
            archive.writestr(info, _member_bytes(member))
            info.flag_bits |= member.get("encrypted", 0)
            info.file_size = member.get("claimed", info.file_size)
            info.CRC ^= member.get("checksum", 0)
            if member.get("method") == "unknown":
                info.compress_type = 97
    if any("method" in member or "encrypted" in member for member in members):
        _patch_local(path, members)


def _patch_local(path: Path, members: list[dict[str, Any]]) -> None:
    """The headers in front of the members say the same as the directory at the end."""
    content = bytearray(path.read_bytes())
    at = 0
    for member in members:
        if (at := content.find(b"PK\x03\x04", at)) < 0:
            break
        content[at + 6] |= member.get("encrypted", 0)
        if member.get("method") == "unknown":
            content[at + 8 : at + 10] = (97).to_bytes(2, "little")
        at += 4
    path.write_bytes(bytes(content))


def _member_bytes(member: dict[str, Any]) -> bytes:
    array = _ARRAYS.get(member["array"], _ARRAYS["y"])
    header = "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (  # noqa: UP031 - braces
        member.get("descr", repr(array.dtype.str)),
        member.get("order", "False"),
        member.get("shape", repr(array.shape)),
    )
    text = member.get("header", header).encode()
    magic = member.get("magic", b"\x93NUMPY\x01\x00")
    size = len(text).to_bytes(4 if magic[6:7] == b"\x02" else 2, "little") if len(text) < 65_000 else b"\xff\xff"
    payload = {
        "short": array.tobytes()[:-5],
        "long": array.tobytes() + bytes(9),
        "none": b"",
        "odd": b"\xff" * array.nbytes,
    }
    return magic + size + text + payload.get(member.get("payload", ""), array.tobytes())


def check_npz(members: list[dict[str, Any]]) -> None:
    """Items, with and without features, or a line."""
    path = Path("damaged.npz")
    write_npz(path, members)
    told_in_a_line(lambda: read_items(path, ClassificationOptions(path="damaged.npz")), DataError)
    told_in_a_line(lambda: read_features(path), DataError)


# tables -----------------------------------------------------------------------------------------------------------

_COLUMNS: dict[str, Any] = {
    "numbers": pa.array([0.5 * row for row in range(12)]),
    "halves": pa.array(np.arange(12, dtype=np.float16)),
    "texts": pa.array(["a", "b"] * 6),
    "dictionary": pa.array(["a", "b"] * 6).dictionary_encode(),
    "numbers by dictionary": pa.array([1.0, 2.0] * 6).dictionary_encode(),
    "decimal": pa.array([Decimal("1.5"), Decimal("2.5")] * 6),
    "lists": pa.array([[1.0, 2.0]] * 12),
    "structs": pa.array([{"x": 1}] * 12),
    "maps": pa.array([[("k", 1)]] * 12, pa.map_(pa.string(), pa.int64())),
    "bytes": pa.array([b"\xff\x00"] * 12),
    "nulls": pa.nulls(12),
    "some nulls": pa.array([None, 1.0] * 6),
    "days": pa.array([datetime.date(2024, 1, 1 + row) for row in range(12)]),
    "far times": pa.array([2**62 + row for row in range(12)], pa.timestamp("s")),
    "times": pa.array(range(12), pa.timestamp("us", tz="UTC")),
    "clock": pa.array(range(12), pa.time32("s")),
    "spans": pa.array(range(12), pa.duration("s")),
    "truths": pa.array([True, False] * 6),
    "large": pa.array([2**64 - 1] * 12, pa.uint64()),
    "none": pa.array([], pa.float64()),
}
_PANDAS: dict[str, Any] = {
    "index_columns": ["t"],
    "column_indexes": [
        {
            "name": None,
            "field_name": None,
            "pandas_type": "unicode",
            "numpy_type": "object",
            "metadata": {"encoding": "UTF-8"},
        }
    ],
    "columns": [
        {"name": "t", "field_name": "t", "pandas_type": "float64", "numpy_type": "float64", "metadata": None},
        {"name": "label", "field_name": "label", "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
    ],
    "creator": {"library": "pyarrow", "version": "18.0.0"},
    "pandas_version": "2.2.3",
}


@st.composite
def damaged_parquet(draw: st.DrawFn) -> dict[str, Any]:
    """Columns by name, what pandas says of them, and damage to the bytes."""
    names = st.lists(st.sampled_from(["label", "t", "x", "label", "", "\udce9", "a.b"]), min_size=1, max_size=4)
    stored: Any = draw(changed(_PANDAS) | st.sampled_from([{}, [], None, "x", {"index_columns": [{"kind": "range"}]}]))
    return {
        "columns": [(name, draw(st.sampled_from(sorted(_COLUMNS)))) for name in draw(names)],
        "pandas": draw(st.sampled_from([None, json.dumps(stored).encode(), b"{", b"\xff", b"[" * 3000])),
        "cut": draw(st.sampled_from([0, 0, 0, 0, 1, 9, 200])),
    }


def check_parquet(damage: dict[str, Any]) -> None:
    """Items by row and by id, or a line."""
    path = Path("damaged.parquet")
    columns = [(name.encode("utf-8", "replace").decode(), _COLUMNS[kind]) for name, kind in damage["columns"]]
    size = len(columns[0][1])
    columns = [(name, column) for name, column in columns if len(column) == size]
    table = pa.Table.from_arrays([column for _, column in columns], names=[name for name, _ in columns])
    if damage["pandas"] is not None:
        table = table.replace_schema_metadata({b"pandas": damage["pandas"]})
    try:
        pq.write_table(table, path)
    except (pa.ArrowException, ValueError):
        return  # nobody can write that either
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - damage["cut"]])
    for options in ({}, {"id": "t"}, {"id": "x", "time": "t"}):
        told_in_a_line(partial(read_items, path, ClassificationOptions(path="x", **options)), DataError)


# folders, manifests and recordings --------------------------------------------------------------------------------


def recording(rate: int = 8000, claimed: int | None = None, samples: int = 800, channels: int = 1) -> bytes:
    """A WAV file of 16 bits that claims a rate and a number of bytes."""
    data = b"\1\0" * samples * channels
    size = len(data) if claimed is None else claimed
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, min(2 * rate, 2**32 - 1), 2 * channels, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", min(36 + size, 2**32 - 1), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", size)
        + data
    )


_RECORDINGS = {
    "sound": recording(),
    "fast": recording(2_000_000_000),
    "slow": recording(1),
    "still": recording(0),
    "hours": recording(claimed=2**31 - 1, samples=0),
    "stream": recording(claimed=2**32 - 1),
    "many channels": recording(channels=1000, samples=3),
    "no channel": recording(channels=0),
    "empty": b"",
    "junk": b"RIFF" * 20,
}
_NAMES = ("n9.wav", "\udcff.wav", "a\nb.wav", "\x1b[31m.wav", "x" * 250 + ".wav", ".wav", "n0.txt", "n0.mp3")
_LABELS = ("no", "yes", "\udcff", "a\nb", "x" * 250, " ")


@st.composite
def damaged_folder(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """Label, name and content or kind of what stands in a folder of recordings or texts beside what is sound."""
    what = st.sampled_from([*_RECORDINGS, *KINDS])
    entry = st.tuples(st.sampled_from(_LABELS), st.sampled_from(_NAMES), what)
    return draw(st.lists(entry, min_size=1, max_size=4))


def check_folder(entries: list[tuple[str, str, str]]) -> None:
    """Prepared, or a line."""
    shutil.rmtree("words", ignore_errors=True)
    for label in ("no", "yes"):
        for number in range(4):
            path = Path("words", label, f"n{number}.wav")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_RECORDINGS["sound"])
            path.with_suffix(".txt").write_text(f"{label} {number}")
    for label, name, what in entries:
        path = Path("words", label, name)
        path.parent.mkdir(exist_ok=True)
        put(path, "nothing")
        if what in _RECORDINGS:
            path.write_bytes(_RECORDINGS[what])
        else:
            put(path, what)
    for adapter in ("speech/classification", "nlp/classification", "nlp/language_modelling"):
        prepared_or_told(adapter, path="words")


def prepared_or_told(name: str, **options: Any) -> None:
    """The data are prepared, or it is said in a line why they are not."""

    def act() -> None:
        with tempfile.TemporaryDirectory() as folder:
            entry = ADAPTERS[name]
            prepare(name, entry.load()(entry.options(**options)), Path(folder))

    told_in_a_line(act, UserError)


_PATHS = (
    "n0.wav",
    "nowhere.wav",
    "pipe",
    "/dev/zero",
    "..",
    "",
    "x" * 5000,
    "a\0b",
    "\udcff",
    "\ud800",
    "n0.wav\n",
    "~/x",
)
_ROW: dict[str, Any] = {"path": "n0.wav", "label": "yes", "speaker": "s1", "text": "so"}


@st.composite
def damaged_manifest(draw: st.DrawFn) -> tuple[str, bytes]:
    """The name's ending and the content of a list of recordings or texts."""
    rows = [{**_ROW, "label": "ab"[index % 2], "speaker": f"s{index % 4}", "text": f"t{index}"} for index in range(9)]
    rows[0]["path"] = draw(st.sampled_from(_PATHS))
    changed_rows = draw(changed(rows))
    if draw(st.booleans()):
        return ".jsonl", as_lines(changed_rows)
    if not isinstance(changed_rows, list) or not all(isinstance(row, dict) for row in changed_rows):
        changed_rows = rows
    lines = [",".join(_ROW), *(",".join(f'"{row.get(name)}"' for name in _ROW) for row in changed_rows)]
    return ".csv", "\n".join(lines).encode("utf-8", "surrogateescape" if "\ud800" not in "".join(lines) else "replace")


def check_manifest(manifest: tuple[str, bytes]) -> None:
    """Prepared, or a line."""
    ending, content = manifest
    Path("n0.wav").write_bytes(_RECORDINGS["sound"])
    put(Path("pipe"), "a named pipe")
    Path(f"list{ending}").write_bytes(content)
    prepared_or_told("speech/classification", path=f"list{ending}")
    prepared_or_told("nlp/classification", path=f"list{ending}")
