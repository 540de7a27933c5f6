from __future__ import annotations

import json
import re
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import jsonschema
import pytest

from tests.support.command import output, tuner
from tuner.api.study import open as open_study
from tuner.cli import main
from tuner.cli.catalogs import describe, kinds
from tuner.cli.explaining import explain
from tuner.config import read_yaml, ready_search_spaces, ready_tasks
from tuner.disk.lock import DriverLock
from tuner.errors import StudyError, missing_package
from tuner.optim.catalog import OPTIMIZERS

STORED = "\n\nstored in mlruns/studies/tiny"
COMMANDS = sorted(main.commands)
KEYS = ["name", "summary", "parameters", "source"]


@pytest.fixture
def here(study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the study is the current one."""
    monkeypatch.chdir(study)
    return study


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    """The help of every command says what it does, and has an example that names the command."""
    text = tuner(command, "--help").stdout
    _, _, examples = text.partition("Examples:")
    assert main.commands[command].help
    assert f"python -m tuner {command}" in examples


def test_help_lists_every_command() -> None:
    """The help of the program has a line for each command."""
    lines = tuner("--help").stdout.splitlines()
    for command in COMMANDS:
        assert any(line.split()[:1] == [command] and len(line.split()) > 3 for line in lines), command


def test_a_command_without_its_argument_is_the_users_mistake() -> None:
    """A missing task file and an unknown command exit with status 2."""
    assert "Missing argument 'TASK.yaml'" in tuner("run", status=2).stderr
    assert "No such command 'runn'" in tuner("runn", status=2).stderr


@pytest.mark.parametrize("kind", kinds())
def test_list_tells_name_and_summary_in_a_line(kind: str) -> None:
    """Each kind has entries, a line each; JSON has parameters and source, too."""
    entries = output("list", kind, "--json")
    assert entries
    lines = tuner("list", kind).stdout.splitlines()
    for line, entry in zip(lines, entries, strict=True):
        assert list(entry) == KEYS
        assert entry["source"]
        assert all(isinstance(name, str) and name for name in entry["parameters"])
        assert re.fullmatch(rf"{re.escape(entry['name'])} +{re.escape(entry['summary'])}", line)


def test_list_without_a_kind_lists_the_kinds() -> None:
    """The kinds are named, and an unknown one is refused with the nearest."""
    assert [line.split()[0] for line in tuner("list").stdout.splitlines()] == kinds()
    assert tuner("list", "cels", status=2).stderr.startswith(
        "KIND must be a known kind, but got 'cels'. Did you mean 'cells'? `python -m tuner list` lists all "
    )


def test_all_that_is_listed_is_explained() -> None:
    """Each entry of each kind has a story that begins with its name; `explain` knows it, too."""
    for kind in kinds():
        for entry in describe(kind):
            if ":" in entry["name"]:  # which another test has named
                continue
            (story,) = explain(entry["name"], kind)
            assert story["name"] == entry["name"]
            assert story["summary"]
            assert entry["name"] in {each["name"] for each in explain(entry["name"])}


def test_a_parameter_is_explained_whole() -> None:
    """Meaning, legal interval, default, when it acts, ready ranges and the source of the method."""
    told = tuner("explain", "dropout.between").stdout
    for part in (
        "set to 0 on the way to the next layer",
        "allowed: 0 to below 1\n",
        "default: 0\n",
        "acts: only with layers 2 or more\n",
        "gated_rnn: 0 to 0.6, with layers 2 or more\n",
        "source: Zaremba et al. 2014\n",
    ):
        assert part in told
    (rate,) = output("explain", "learning_rate", "--json")
    assert {each["space"] for each in rate["spaces"]} >= {"gated_rnn", "quick"}
    assert {"space": "gated_rnn", "range": "1e-4 to 1e-2, on a log scale", "when": "optimizer rmsprop"} in rate[
        "spaces"
    ]
    owners = [owner for use in rate["uses"] for owner in use["with"]]
    assert sorted(owners) == sorted(OPTIMIZERS)
    (sgd,) = (use for use in rate["uses"] if use["with"] == ["sgd"])
    assert (sgd["legal"], sgd["default"]) == ("above 0, up to 100", "0.1")


def test_entries_keys_and_files_are_explained() -> None:
    """A cell has its parameters, a key of the task file its interval, a ready file its text."""
    cell = tuner("list", "cells", "gru").stdout
    assert cell.startswith("gru: a cell\n")
    assert "source: Cho et al. 2014, arXiv:1406.1078v1\n" in cell
    assert re.search(r"^  a choice in: .*\bodyssey\b", cell, re.MULTILINE)
    assert "  zoneout.state: 0 to below 1; default 0\n" in cell
    assert "whole number, 1 to 1,000,000\n  default: 30\n" in tuner("explain", "budget.trials").stdout
    assert ready_search_spaces()["quick"].read_text().rstrip() in tuner("explain", "quick").stdout
    assert {"data.window", "data.num_mels", "cell", "weight_decay"} <= {row["name"] for row in describe("parameters")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("explain", "learning_rat"),
            "a key or an entry of `list`, but got 'learning_rat'. Did you mean 'learning_rate'",
        ),
        (("list", "cells", "gruu"), "NAME must be an entry of cells, but got 'gruu'. Did you mean 'gru'"),
    ],
)
def test_an_unknown_name_is_not_explained(arguments: tuple[str, ...], message: str) -> None:
    """It is answered with the nearest, in one line."""
    told = tuner(*arguments, status=2).stderr
    assert message in told
    assert told.count("\n") == 1


def test_schema_accepts_every_ready_task() -> None:
    """The printed schema is a JSON Schema, every ready task fits it, and broken ones do not."""
    schema = output("schema")
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert ready_tasks()
    for path in ready_tasks().values():
        task = read_yaml(path).value
        validator.validate(task)
        assert not validator.is_valid({**task, "bugdet": {}})
        assert not validator.is_valid({**task, "budget": {"trials": "many"}})
        assert not validator.is_valid({**task, "data": {"sorce": "x"}})
        assert not validator.is_valid({**task, "storage": "http://host/studies"})


def test_validate_says_what_would_be_run(here: Path) -> None:
    """Data, space, trainings and folder are told, and nothing is written but prepared data."""
    before = sorted(path for path in here.rglob("*") if "prepared" not in path.parts)
    facts = output("validate", "tiny.yaml", "--json")
    assert {split: facts["data"][split] for split in ("train", "val", "test")} == {"train": 36, "val": 12, "test": 12}
    assert facts["objective"] == "val/accuracy, higher is better"
    assert facts["search space"]["searched"] == "cell, hidden_size, learning_rate"
    assert facts["confirmation"] == "2 trainings"
    assert facts["ranges"]["learning_rate"] == ["1e-3 to 0.1, on a log scale"]
    changes = ("budget.trials=60", "budget.epochs=20", "refit=train+val", "search_space.patience=null")
    text = tuner("validate", "tiny.yaml", *(part for each in changes for part in ("--set", each))).stdout
    for part in (
        "study tiny in mlruns/studies/tiny\n",
        "read by time_series/classification: 36 for training, 12 for validation, 12 for the test\n",
        '2 classes in the training split: "fast" 18 (50%), "slow" 18 (50%); balanced\n',
        "12 steps each\n",
        "learning_rate: 1e-3 to 0.1, on a log scale\n",
        "search: 60 trials of up to 20 epochs, sampler tpe\n",
        "confirmation on fresh seeds: 2 trainings\n",
        "fixed: batch_size 16, patience off\n",
        "refit: the winner's seeds trained once more, on training and validation data together\n",
        "3 steps per epoch\n",
        "expected time of all trainings: ",
        " with one training at once, by the cells' measured steps; without pruning at most ",
        "; starting workers, the test and figures come on top",
        "GB for a training of the baseline's size",
    ):
        assert part in text
    assert len(re.findall(r'^    "(?:slow|fast)": \S+ [-.0-9 ]+ … \(12 steps\)$', text, re.MULTILINE)) == 3
    assert sorted(path for path in here.rglob("*") if "prepared" not in path.parts) == before


@pytest.mark.usefixtures("here")
def test_validate_measures_a_step_of_every_cell() -> None:
    """Milliseconds per step, the cheapest cell first, also with options that other cells do not have."""
    space = "space={cell: [ln_lstm, lstm, mingru], forget_bias: {low: 0, high: 2, when: {cell: lstm}}}"
    costs = output("validate", "tiny.yaml", "--json", "--set", space)["milliseconds per step"]
    assert set(costs) == {"ln_lstm", "lstm", "mingru"}
    values = [float(cost) for cost in costs.values()]
    assert values == sorted(values)
    assert values[0] > 0
    assert "milliseconds per step" not in output("validate", "tiny.yaml", "--json", "--no-timing")


@pytest.mark.usefixtures("here")
def test_validate_can_train_a_batch() -> None:
    """A dry run trains the baseline and configurations of the space."""
    assert "dry run: 13 configurations trained for an epoch" in tuner("validate", "tiny.yaml", "--dry-run").stdout
    assert "dry run" not in output("validate", "tiny.yaml", "--json")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["tiny", "tiny.yaml"])
def test_top_shows_confirmations_then_trials(name: str) -> None:
    """A study is named by its name or its task file; the winner's trainings come first, trials best first."""
    rows = output("top", name, "--json")
    trials = [row for row in rows if row["kind"] == "trial"]
    assert [row["kind"] for row in rows] == ["confirm"] * 2 + ["trial"] * 3
    assert [row["winner"] for row in rows[:2]] == [True, False]
    assert sorted(row["number"] for row in trials) == [0, 1, 2]
    completed = [row["value"] for row in trials if row["state"] == "COMPLETED"]
    assert completed == sorted(completed, reverse=True)
    for row in rows:
        assert set(row) >= {"number", "state", "reason", "value", "values", "params", "epochs", "seconds", "findings"}
        assert row["epochs"] == (1 if row["state"] == "PRUNED" else 2)
    assert trials[0]["params"].keys() == {"cell", "hidden_size", "learning_rate", "batch_size"}
    table = tuner("top", name).stdout
    assert "study tiny" in table
    assert "baseline confirm" in table
    assert "* the winner and its trainings on fresh seeds" in table
    assert len(output("top", name, "--limit", "2", "--json")) == 2


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("top", "tinny"), "STUDY must be the name or the task file of a study, but got 'tinny'. Did you mean 'tiny'?"),
        (("sync", "other"), "STUDY must be the name or the task file of a study, but got 'other'. Known: tiny."),
        (("top", "tiny", "--storage", "nowhere"), "but got 'tiny'. There is no study in nowhere yet."),
        (("top", "gone.yaml"), "gone.yaml: cannot be read: no such file. Check the path."),
        (("rerun", "tiny.yaml", "99"), "trial 99 of study tiny must have at least one recorded epoch. `python -m"),
        (("ui", "--host", "0.0.0.0"), "host must be 127.0.0.1, as MLflow's pages have no login, but got '0.0.0.0'."),
        (("ui", "--uri", "file:./mlruns"), "tracking.uri must not be a folder of files, which MLflow"),
        (("ui", "--uri", "http://host:5000"), "tracking.uri must be a database to be shown here, but got 'http:"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    """Every command answers a wrong argument with one line and status 2."""
    result = tuner(*arguments, status=2)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.usefixtures("here")
def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only what models need is installed, what takes more says what; another import that fails is no mistake."""
    for module in ("tables", "top_rows"):
        monkeypatch.delitem(sys.modules, f"tuner.cli.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)
    told = tuner("top", "tiny", status=2).output
    assert told == (
        "the package rich must be installed. Install it (pip install rich), or tuner with all its dependencies.\n"
    )
    assert missing_package(ImportError(name="kaldi_native_fbank")) is not None
    assert missing_package(ImportError(name="tuner.cli")) is missing_package(ImportError()) is None


@pytest.mark.usefixtures("here")
def test_rerun_repeats_a_trial() -> None:
    """A recorded trial trains again to the same numbers, bit for bit."""
    assert tuner("rerun", "tiny.yaml", "1").stdout == "trial 1: 2 epochs repeated, every number equal\n"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", [("rerun", "tiny", "1"), ("run", "tiny"), ("validate", "tiny")])
def test_a_study_in_place_of_a_task_file_is_told_its_file(command: tuple[str, ...], tmp_path: Path) -> None:
    """The file that the study was run with, where it is there."""
    wanted = "TASK.yaml must be a task file, but got 'the name of a study, tiny'. Name "
    assert tuner(*command, status=2).output == f"{wanted}tiny.yaml, which it was run with.\n"
    shutil.copytree("mlruns/studies/tiny", tmp_path / "mlruns/studies/tiny")
    with chdir(tmp_path):
        assert tuner(*command, status=2).output == f"{wanted}the file that it was run with.\n"


@pytest.mark.usefixtures("here")
def test_rerun_notices_another_number() -> None:
    """Another split of the data gives other numbers, which are named, and status 1."""
    result = tuner("rerun", "tiny.yaml", "1", "--set", "data.split_seed=1", status=1)
    assert "epoch 1: train/loss" in result.stdout
    assert "numbers differ in 2 epochs" in result.stdout


def test_rerun_tells_of_other_versions(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where every number is equal."""
    folder = shutil.copytree(study, tmp_path / "copy")
    monkeypatch.chdir(folder)
    events = folder / "mlruns/studies/tiny/sweep.jsonl"
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    lines[0]["versions"]["numpy"] = "1.0"
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    note, told = tuner("rerun", "tiny.yaml", "1").stdout.splitlines()
    assert note.startswith("note: since trial 1 was trained, numpy 1.0 is now ")
    assert told == "trial 1: 2 epochs repeated, every number equal"


@pytest.mark.usefixtures("here")
def test_run_has_nothing_to_do_when_all_is_done() -> None:
    """An unchanged finished study is left alone: its summary is told once more, in words or as JSON."""
    before = output("top", "tiny", "--json")
    told = tuner("run", "tiny.yaml").stdout
    assert "study tiny is finished" in told
    assert tuner("show", "tiny").stdout.rstrip() == told.partition("study tiny is finished")[0].rstrip() + STORED
    summary, nothing = map(json.loads, tuner("run", "tiny.yaml", "--json").stdout.splitlines())
    assert nothing["event"] == "nothing"
    assert summary.items() >= output("show", "tiny", "--json")["summary"].items()
    assert output("top", "tiny", "--json") == before


@pytest.mark.usefixtures("here")
def test_show_tells_the_summary_of_a_finished_study() -> None:
    """Headline, table, sentences, the winner and where the study is."""
    told = tuner("show", "tiny.yaml").stdout
    assert told.startswith("\nstudy tiny: 3 trials (")
    assert told.endswith(f"{STORED}\n")
    found = output("show", "tiny", "--json")
    assert (found["study"], found["finished"], found["running"], found["confirmed"]) == ("tiny", True, False, 2)
    for text in (*found["summary"]["sentences"], f"{found['summary']['winner']}: ", "most frequent class"):
        assert text in " ".join(told.split())


def test_show_tells_how_far_an_unfinished_study_is(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, killed or at work; trials by their states, the best so far."""
    monkeypatch.chdir(shutil.copytree(study, tmp_path / "copy"))
    folder = Path("mlruns/studies/tiny")
    sweep = folder / "sweep.jsonl"
    begun = sweep.read_text().splitlines()[0]
    shutil.rmtree(folder / "confirm")
    (trial,) = (folder / "trials").glob("*2")
    lines = (trial / "events.jsonl").read_text().splitlines()
    (trial / "events.jsonl").write_text("\n".join(lines[:2]) + "\n")
    stopped = json.dumps({"event": "stopped", "time": 1.0, "reason": "Ctrl+C", "seconds": 1.0})
    sweep.write_text(f"{begun}\n{stopped}\n")
    told = tuner("show", "tiny").stdout.splitlines()
    assert told[0] == "study tiny is not finished: it was stopped (Ctrl+C); `run` resumes it"
    shutil.rmtree(folder / "model")
    for command in (("predict", "tiny", "waves.csv"), ("export", "tiny", "-o", "x"), ("serve", "tiny", "--ensemble")):
        assert tuner(*command, status=2).output == (
            "study tiny must be finished to have a model, but got 'it was stopped (Ctrl+C)'. "
            "This resumes it: python -m tuner run tiny.yaml\n"
        )
    with pytest.raises(StudyError, match=r"tiny must be finished to have a model, but got 'it was stopped \(Ctrl"):
        open_study("tiny").model()
    assert re.fullmatch(r"2 of 3 trials done \(2 completed\), 1 begun", told[1])
    assert re.fullmatch(r"best so far: val/accuracy [0-9.]+ \(trial [01]\)", told[2])
    sweep.write_text(f"{begun}\n")
    assert "its driver was killed" in tuner("show", "tiny").stdout
    lock = DriverLock(folder / "driver.lock")
    assert "it is running" in tuner("show", "tiny").stdout
    assert output("show", "tiny", "--json")["running"]
    lock.release()
    found = output("show", "tiny", "--json")
    assert (found["finished"], found["running"], found["begun"], found["summary"]) == (False, False, 1, None)


@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy
def test_sync_writes_once(tmp_path: Path, migrated: Path) -> None:
    """A sync into an empty database writes every run, the next one finds nothing missing."""
    database = shutil.copy(migrated, tmp_path / "other.db")
    first, second = (tuner("sync", "tiny", "--uri", f"sqlite:///{database}").stdout for _ in range(2))
    assert re.fullmatch(r"study tiny: 6 runs, [1-9]\d* events written\n", first)
    assert second == "study tiny: 6 runs, nothing was missing\n"
