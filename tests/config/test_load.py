import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.config import (
    Options,
    TaskFile,
    load_task_file,
    parse_value,
    ready_folder,
    ready_search_spaces,
    ready_tasks,
    validate_options,
)
from tuner.config.task import duration_seconds
from tuner.errors import TaskFileError

FULL = """\
name: digits
adapter: speech/classification
data: {source: x, "mel.bands": 40}
search_space: quick
space:
  dropout.input: 0.1
baseline: {cell: gru}
objective: [{metric: val/accuracy, direction: maximize}]
budget: {trials: 60, epochs: 40, timeout: 1h30m}
sampler: {name: tpe, seed: 7, multivariate: true}
pruner: {name: asha, eta: 3}
confirm: {top: 0, seeds: 1}
refit: train+val
resources: {workers: 4, cpus: 2, gpus: 0.5}
ray: {address: "ray://head:10001", temp_dir: /tmp/r}
storage: studies
tracking: {uri: "http://localhost:5000"}
portfolio: none
warm_start: [other]
device: cuda:1
report: {figures: 5}
attempts: {errors: 2, stall: 5m}
disk: {checkpoints: 1.5GB, output: 512kiB}
diagnostics: {level: "off"}
"""

MISTAKES = {
    "adaptor: x": r"task\.yaml:1: the top level must have known keys only, but got 'adaptor'\. Did you mean",
    "data: {}\nadaptr: x": r"task\.yaml:2: the top level must have .*Did you mean 'adapter' or 'data'\? `python",
    "name: x": r"task\.yaml:1: adapter must be given\. Add `adapter:` to the top level",
    "adapter: x\nbudget:\n  trials: 0": r"task\.yaml:3: budget\.trials must be >= 1, but got 0\.$",
    "adapter: x\nbudget: {epochs: 0}": r"task\.yaml:2: budget\.epochs must be >= 1, but got 0",
    "adapter: x\nbudget: {timeout: 3x}": r"task\.yaml:2: budget\.timeout must be seconds, or text such as",
    "adapter: x\nbudget: {timeout: -1}": r"budget\.timeout must be > 0, but got -1",
    "adapter: x\nbudget: {timeout: true}": r"budget\.timeout must be a number, but got True",
    "adapter: x\nbudget:": r"task\.yaml:2: budget must be a mapping, but got None\. Fill it in",
    "adapter: x\nsampler: {seed: -1}": r"sampler\.seed must be >= 0, but got -1",
    "adapter: x\nconfirm: {seeds: 0}": r"confirm\.seeds must be 'auto' or >= 1, but got 0",
    "adapter: x\ndisk: {checkpoints: 20G}": r"disk\.checkpoints must be bytes, or text such as \"500MB\"",
    "adapter: x\ndisk: {checkpoints: '1,5GB'}": r"disk\.checkpoints must be bytes, or .* but got '1,5GB'",
    "adapter: x\ndisk: {checkpoints: 20 GB or so}": r"disk\.checkpoints must be bytes, or .* but got '20 GB or so'",
    "adapter: x\ndisk: {checkpoints: 20XB}": r"disk\.checkpoints must be bytes, or .* but got '20XB'",
    "adapter: x\ndisk: {checkpoints: true}": r"disk\.checkpoints must be bytes, or .* but got True",
    "adapter: x\ndisk: {output: 1.5}": r"disk\.output must be bytes, or .* but got 1\.5",
    "adapter: x\ndisk: {output: 0}": r"disk\.output must be >= 1, but got 0",
    "adapter: x\nresources: {workers: all}": r"resources\.workers must be 'auto' or a whole number",
    "adapter: x\nresources: {gpus: 1.5}": r"resources\.gpus must be 0, a share of one GPU from 0\.001 up, or a whole",
    "adapter: x\nray: {address: cluster}": r"ray\.address must be local, auto, in-process, host:port or ray:",
    "adapter: x\ndevice: gpu": r"device must be auto, cpu, cuda, cuda:N or mps, but got 'gpu'",
    "adapter: x\ndiagnostics: {level: ful}": r"diagnostics\.level must be 'off', .*Did you mean 'full'",
    "adapter: x\ndiagnostics: {level: off}": r"task\.yaml:2: a word that some YAML readers .*\"off\" for the text",
    "adapter: x\nobjective: [{metric: val/a}, {metric: val/b}]": r"objective must be a single objective",
    "adapter: x\nobjective: [{metric: test/a}]": r"objective\[0\]\.metric must be a score on the val",
    "adapter: x\nsearch_space: 5": r"search_space must be text or a mapping, but got 5",
    "adapter: x\nname: a/b": r"task\.yaml:2: name must be 1 to 64 letters, digits, .* but got 'a/b'",
    "adapter: x\nname: a..b": r"name must be 1 to 64 letters",
    "adapter: x\nname: .a": r"name must be 1 to 64 letters",
    "adapter: x\nspace: [a]": r"space must be a mapping, but got \['a'\]",
}


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    """A minimal task file."""
    path = tmp_path / "task.yaml"
    path.write_text("adapter: a\nspace:\n  cell: gru\n")
    return path


def test_full_task_file(tmp_path: Path) -> None:
    """Every key of a task file is read."""
    (tmp_path / "task.yaml").write_text(FULL)
    task = load_task_file(tmp_path / "task.yaml").task
    assert (task.name, task.budget.timeout, task.device, task.diagnostics.level) == (
        "digits",
        5400,
        "cuda:1",
        "off",
    )
    assert task.sampler.options == {"multivariate": True}
    assert task.pruner.options == {"eta": 3}
    assert (task.disk.checkpoints, task.disk.output) == (1_500_000_000, 524_288)
    assert task.objective is not None
    assert task.objective.metric == "val/accuracy"
    assert set(TaskFile.model_fields) == set(load_task_file(tmp_path / "task.yaml").document.value)


def test_defaults(task_file: Path) -> None:
    """Only the adapter is needed; the name is the file's."""
    task = load_task_file(task_file).task
    assert (task.name, task.budget.trials, task.budget.epochs, task.confirm.top) == ("task", 30, 20, "auto")
    assert (task.sampler.name, task.pruner.name, task.search_space) == ("tpe", "asha", "gated_rnn")


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes(tmp_path: Path, text: str) -> None:
    """A wrong task file is refused with place, rule, value and fix."""
    path = tmp_path / "task.yaml"
    path.write_text(text)
    with pytest.raises(TaskFileError, match=MISTAKES[text]):
        load_task_file(path)


def test_set(task_file: Path) -> None:
    """`--set` changes nested keys, keeps dots inside entries, and later changes win."""
    sets = [
        "budget.trials=5",
        "space.dropout.input=1e-1",
        "data.a.b=[1, 2]",
        "name=v1",
        "name=v2",
        "space.cell=null",
    ]
    loaded = load_task_file(task_file, sets)
    assert loaded.task.budget.trials == 5
    assert loaded.task.space == {"cell": None, "dropout.input": 0.1}
    assert loaded.task.data == {"a.b": [1, 2]}
    assert loaded.task.name == "v2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("budget.trials=0", r"^--set budget\.trials=0: budget\.trials must be >= 1, but got 0"),
        ("budget={trials: 0}", r"^--set budget=\{trials: 0\}: budget\.trials must be >= 1"),
        ("budget.trails=5", r"^--set budget\.trails=5: budget must have known keys only, but got 'trails'"),
        ("trials", r"^--set: --set must be key=value, but got 'trials'\. For example"),
        ("budget..trials=1", r"^--set: --set must be key=value"),
        ("adapter.x=1", r"^--set adapter\.x=1: adapter must be a mapping to set a key of it"),
        ("budget.trials=[", r"^--set budget\.trials=\[: the value must be YAML, .* in single ones: 'key=\"text\"'"),
        ("budget.trials=", r"^--set budget\.trials=: a YAML value must be there"),
    ],
)
def test_wrong_set(task_file: Path, change: str, message: str) -> None:
    """A wrong `--set` is told by its own text instead of a line."""
    with pytest.raises(TaskFileError, match=message):
        load_task_file(task_file, [change])


class Names(Options):
    """Options of some data."""

    pattern: str = ""
    """Text."""
    column: str | None = None
    """Text, or none."""
    columns: tuple[str, ...] = ()
    """Texts."""
    number: int = 0
    """A number."""


def read_set(task_file: Path, change: str) -> Any:
    """What a change makes of its key."""
    loaded = load_task_file(task_file, [change], lambda _: Names)
    return validate_options(Names, loaded.task.data, key=("data",), place=loaded.document.place)


@pytest.mark.parametrize(
    "text",
    [
        "{label}/{file}",
        "[a",
        "#a",
        "a #b",
        "a: b",
        "*a",
        "&a",
        "%Y%m%d",
        "@a",
        "!a",
        "- a",
        "? a",
        "| a",
        "> a",
        "`a",
        "no",
        "7",
        "1e3",
        "true",
        "a, b",
        "it's",
        '"a" b',
        "null",
    ],
)
def test_text_needs_no_quotes(task_file: Path, text: str) -> None:
    """Where an option takes text, the value of `--set` is that text, whatever YAML makes of it."""
    task_file.write_text("adapter: x")
    assert read_set(task_file, f"data.pattern={text}").pattern == text
    assert read_set(task_file, f"data.column={text}").column == (None if text == "null" else text)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_any_text_is_taken(text: str) -> None:
    """A text option takes any printable text; one in quotes is what YAML reads in them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.yaml"
        path.write_text("adapter: x")
        found = read_set(path, f"data.pattern={text}").pattern
        assert found == text or (text[0] in "'\"" and found == parse_value(text, ""))
        assert read_set(path, f"data.pattern={json.dumps(text, ensure_ascii=False)}").pattern == text


@pytest.mark.parametrize(
    ("change", "name"),
    [("name=7", "7"), ("diagnostics.level=off", "off"), ("tracking.uri=file:///a#b", "file:///a#b")],
)
def test_text_of_the_task_file_needs_no_quotes(task_file: Path, change: str, name: str) -> None:
    """What is text in the task file itself is taken as it stands, too."""
    task_file.write_text("adapter: x")
    task = load_task_file(task_file, [change]).task
    assert name in (task.name, task.diagnostics.level, task.tracking.uri)


def test_advice_on_quotes_works_when_followed(task_file: Path) -> None:
    """A number where a list takes text is refused, and quoted as advised it is read; control characters never are."""
    task_file.write_text("adapter: x")
    with pytest.raises(
        TaskFileError, match=r"must be text, but got 7\. Quote it, and the whole too: --set 'key=\"7\"'"
    ):
        read_set(task_file, "data.columns=[7]")
    assert read_set(task_file, 'data.columns=["7"]').columns == ("7",)
    with pytest.raises(TaskFileError, match="no control characters"):
        read_set(task_file, "data.pattern=a\0b")
    assert load_task_file(task_file, ["data.pattern={a}/{b}"]).task.data == {"pattern": "{a}/{b}"}  # of any adapter


def test_resolve(task_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is looked for beside the task file, then from the current folder; absolute ones stay."""
    loaded = load_task_file(task_file)
    (task_file.parent / "data.csv").write_text("")
    assert loaded.resolve("data.csv") == task_file.parent / "data.csv"
    assert loaded.resolve("other.csv") == Path("other.csv")
    assert loaded.resolve("/x/y.csv") == Path("/x/y.csv")
    monkeypatch.setenv("HOME", "/home/me")
    assert loaded.resolve("~/y.csv") == Path("/home/me/y.csv")


def test_search_space(task_file: Path) -> None:
    """A search space is a ready one, a file beside the task, or written in the task."""
    assert load_task_file(task_file, ["search_space=quick"]).search_space().name.endswith("quick.yaml")
    (task_file.parent / "mine.yaml").write_text("cell: gru\nlayers: 2\n")
    mine = load_task_file(task_file, ["search_space=mine.yaml"]).search_space()
    assert mine.place(("layers",)) == f"{task_file.parent / 'mine.yaml'}:2"
    inline = load_task_file(task_file, ["search_space={cell: lstm}"]).search_space()
    assert (inline.value, inline.place(("cell",))) == ({"cell": "lstm"}, "--set search_space={cell: lstm}")
    task_file.write_text("adapter: a\nsearch_space: quikc")
    unknown = load_task_file(task_file)
    with pytest.raises(TaskFileError, match=r"yaml:2: search_space must be .* got 'quikc'\. Did you mean 'qui"):
        unknown.search_space()


@given(st.floats(0.01, 1e6), st.sampled_from("dhms"))
def test_durations(number: float, unit: str) -> None:
    """A number with a unit is that many seconds."""
    text = f"{number:.3f}"
    assert duration_seconds(f"{text}{unit}") == float(text) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit]


def test_ready_files() -> None:
    """Ready files are found by names that follow their folders."""
    assert {"gated_rnn", "quick"} <= set(ready_search_spaces())
    for name, path in {**ready_tasks(), **ready_search_spaces()}.items():
        assert path.is_file()
        assert path.as_posix().endswith(f"/{name}.yaml")
    assert ready_folder("tasks").is_dir()
