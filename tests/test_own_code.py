"""A task's own modules: where they are found, and that a study notices when they change."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.command import tuner
from tests.support.sweeps import sweep
from tests.support.tiny import write_task
from tuner.adapters.catalog import ADAPTERS
from tuner.announcements import Summary
from tuner.disk.versions import versions
from tuner.errors import StudyError, TaskFileError
from tuner.nets.catalog import CELLS
from tuner.own_code import changed_files, code_of, find_modules
from tuner.registry import load_target
from tuner.solo import rerun
from tuner.task.code import changed_code, check_code
from tuner.task.resolve import resolve_task

ROOT = Path(__file__).resolve().parents[1]
CELL = '''
from tuner.nets.catalog import RecurrentNoiseOptions
from tuner.nets.cells.stacked import AdditiveCell
from own_steps import KEEP  # a module beside this one

class Leaky(AdditiveCell):
    """Leaky integrator."""

    class Options(RecurrentNoiseOptions):
        """Parameters: weight_drop, dropout.state, zoneout.state."""

    def __init__(self, input_size, hidden_size, options):
        super().__init__(input_size, hidden_size, options, gates=("candidate",), columns=input_size,
                         recurrent_columns=hidden_size)

    def stepper(self, noise):
        def step(a_BG, state):
            return ((1 - KEEP) * state[0] + KEEP * a_BG.tanh(),)
        return step

class Other(Leaky):
    """Another."""
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a cell of one's own, and what it imports; whatever is imported from it is forgotten afterwards."""
    (tmp_path / "own_cell.py").write_text(CELL)
    (tmp_path / "own_steps.py").write_text("KEEP = 0.5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    CELLS._outside.clear()
    ADAPTERS._outside.clear()
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def task_file(folder: Path, cells: str = '"own_cell:Leaky"') -> Path:
    """A task whose space has these cells."""
    more = f"search_space: {{cell: [{cells}], learning_rate: {{low: 1e-3, high: 1e-2}}}}\n"
    return write_task(folder, name="own", more=more)


class Facts(dict[str, Any]):
    """The facts of a study."""

    attribute = dict.get
    set_attribute = dict.__setitem__
    trials: tuple[SimpleNamespace, ...] = ()

    @property
    def count(self) -> int:
        """Of its trials."""
        return len(self.trials)

    def stored(self) -> tuple[SimpleNamespace, ...]:
        """Its trials."""
        return self.trials


def check(path: Path, facts: Facts) -> None:
    """What a driver does when it opens the study."""
    check_code(resolve_task(path), facts)  # type: ignore[arg-type]


class TestAStudy:
    def test_changed_code_is_refused_with_its_file(self, folder: Path) -> None:
        """Of the cell's own module or of one that it imports."""
        facts, path = Facts(), task_file(folder)
        check(path, facts)
        for name, old, new in (("own_cell.py", "(1 - KEEP)", "0.0"), ("own_steps.py", "0.5", "0.9")):
            before = (folder / name).read_text()
            (folder / name).write_text(before.replace(old, new))
            with pytest.raises(StudyError) as caught:
                check(path, facts)
            assert re.fullmatch(
                rf".*own\.yaml:\d+: the code of cell own_cell:Leaky must stay what study own was begun with, but got "
                rf"'changes in {re.escape(name)}'\. Undo them, give the study another name, or start over with "
                r"--fresh\.",
                str(caught.value),
            )
            (folder / name).write_text(before)
            check(path, facts)

    def test_a_module_that_is_imported_by_a_call_counts(self, folder: Path) -> None:
        """Where the name is written out."""
        (folder / "own_cell.py").write_text(f"import importlib\nimportlib.import_module('own_more')\n{CELL}")
        (folder / "own_more.py").write_text("x = 1\n")
        facts, path = Facts(), task_file(folder)
        check(path, facts)
        (folder / "own_more.py").write_text("x = 2\n")
        with pytest.raises(StudyError, match=r"changes in own_more\.py"):
            check(path, facts)

    def test_what_changes_no_program_is_none_of_it(self, folder: Path) -> None:
        """Comments, blank lines, documentation, a file that is not imported."""
        facts, path = Facts(), task_file(folder)
        check(path, facts)
        text = CELL.replace("# a module beside this one", "# here").replace("Leaky integrator.", "A leaky\n    one.")
        (folder / "own_cell.py").write_text(f'"""Cells."""\n\n# mine{text}\n')
        (folder / "notes.py").write_text("x = 1\n")
        check(path, facts)

    def test_a_cell_may_be_added_and_a_study_without_the_fact_takes_it_in(self, folder: Path) -> None:
        """Each cell is held against itself; also one that was dropped in between."""
        facts = Facts()
        check(task_file(folder), facts)
        check(task_file(folder, 'lstm, "own_cell:Leaky", "own_cell:Other"'), facts)
        assert set(facts["code"]) == {"cell own_cell:Leaky", "cell own_cell:Other"}
        check(task_file(folder, '"own_cell:Other"'), facts)
        (folder / "own_steps.py").write_text("KEEP = 0.1\n")
        with pytest.raises(StudyError, match="the code of cell own_cell:Leaky must stay"):
            check(task_file(folder), facts)

    def test_a_name_that_was_installed_must_not_become_ours(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor the reverse: the same name is then another program."""
        path, ours = task_file(folder, "lstm, leaky"), CELLS.entries["gru"]
        installed = EntryPoint("leaky", "own_cell:Leaky", "tuner.cells")
        began_with_theirs, began_with_ours = Facts(), Facts()
        with monkeypatch.context() as patch:
            patch.setattr("tuner.registry._entry_points", lambda group: (installed,) * (group == installed.group))
            check(path, began_with_theirs)
            check(path, began_with_theirs)
            before = began_with_theirs["code"]
            check(path, began_with_ours)  # a cell that is new in the study
            began_with_ours.clear()
            began_with_ours.trials = (SimpleNamespace(user_attrs={"params": {"cell": "leaky"}}),)
            with pytest.raises(StudyError, match=r"cell leaky must stay .* 'own_cell:Leaky of an installed package'"):
                check(path, began_with_ours)
        with monkeypatch.context() as patch:
            patch.setitem(CELLS.entries, "leaky", ours)
            check(path, began_with_ours)
            with pytest.raises(StudyError, match=f"cell leaky must stay .* got '{ours.target} of this package'"):
                check(path, began_with_theirs)
            assert changed_code(resolve_task(path), before) == {"cell leaky": ["own_cell.py", "own_steps.py"]}

    def test_a_rerun_names_what_has_changed_since(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Other versions and other code of one's own, as they were when the trial was trained."""
        monkeypatch.chdir(folder)
        path = task_file(folder)
        sweep(path, "budget.trials=1", "confirm.top=0", "tracking.uri=none")
        task = resolve_task(path)
        assert rerun(task, 0).changed == []
        events = task.folder.sweep_events
        now = versions()["torch"]
        events.write_text(events.read_text().replace(f'"torch": "{now}"', '"torch": "1.0"'))
        (folder / "own_steps.py").write_text("KEEP = 0.1\n")
        assert rerun(task, 0).changed == [
            f"since trial 0 was trained, torch 1.0 is now {now}: numbers may differ",
            "since trial 0 was trained, the code of cell own_cell:Leaky changed in own_steps.py: numbers may differ",
        ]
        monkeypatch.setattr(sys.modules["own_cell"], "KEEP", None)
        with pytest.raises(
            TaskFileError, match=r"^trial 0 must train, but it failed: TypeError.* \(own_cell.py:18\)\.$"
        ):
            rerun(task, 0)

    def test_printed_commands_run_as_they_stand(self, folder: Path) -> None:
        """Of a study in another folder, run with changes, whose cell lies beside a task file elsewhere."""
        (folder / "deep").mkdir()
        for name in ("own_cell.py", "own_steps.py"):
            (folder / name).rename(folder / "deep" / name)
        space = "search_space: {cell: own_cell:Leaky, hidden_size: {low: 3, high: 9}}"
        task = write_task(folder / "deep", trials=9, more=f"{space}\nconfirm: {{top: 1, seeds: 1}}")
        _, told = sweep(Path("deep") / task.name, "storage=my studies", "budget.trials=1", "budget.epochs=2")
        (summary,) = told.of(Summary)
        shown = tuner("show", "tiny", "--storage", "my studies").output.splitlines()
        command = shown[shown.index("to use it:") + 1].strip()
        assert command == (
            "PYTHONPATH=deep python -m tuner predict 'my studies/tiny/model' FILE -o answers.csv --own-code"
        )
        done = subprocess.run(
            command.replace("FILE", "deep/waves.csv"),
            shell=True,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert len((folder / "answers.csv").read_text().splitlines()) == 61
        assert "answers.csv --own-code\n" in (folder / "my studies/tiny/model/README.md").read_text()
        again = [shlex.split(line) for _, line in summary.verdict["next"]]
        assert again
        for words in again:
            assert words[:3] == ["python", "-m", "tuner"]
            if words[3] == "diagnose":
                tuner(*words[3:])
            if words[3] in ("run", "lr-range"):
                resolved = resolve_task(words[4], words[6::2])
                assert (resolved.folder.root, resolved.file.budget.epochs) == (folder / "my studies/tiny", 2)

    def test_a_task_without_code_of_its_own_keeps_none(self, folder: Path) -> None:
        """Nothing is written for it."""
        facts = Facts()
        check(task_file(folder, "lstm, gru"), facts)
        assert facts == {}


ADAPTER = """
from tuner.adapters.classification import METRICS
from tuner.config.options import Options

class Own:
    class Options(Options):
        path: str = ""

    metrics = METRICS

    def __init__(self, options):
        self.options = options.paths

    def fingerprint(self):
        return gone
"""


def test_a_parameter_of_an_own_cell_is_offered_as_the_nearest(folder: Path) -> None:
    """Although no list has it."""
    (folder / "own_cell.py").write_text(CELL.replace('state."""\n', 'state."""\n\n        floor: float = 0.0\n', 1))
    path = write_task(folder, more='search_space: {cell: "own_cell:Leaky", flor: 0.5}')
    with pytest.raises(TaskFileError, match=r"flor must be a known parameter\. Did you mean 'floor'"):
        resolve_task(path)


class TestCodeThatFails:
    @pytest.mark.parametrize(
        ("command", "rule"),
        [
            (("validate",), "cell own_cell:Leaky must train"),
            (("validate", "--no-timing", "--dry-run"), "configuration {.*} must train"),
            (("lr-range",), "the baseline must train"),
        ],
    )
    def test_a_cell_is_told_in_a_line(self, folder: Path, command: tuple[str, ...], rule: str) -> None:
        """With the place of the error in it, as in a sweep."""
        (folder / "own_cell.py").write_text(CELL.replace("tanh()", "tanhh()"))
        path = task_file(folder)
        path.write_text(f"{path.read_text()}baseline: {{cell: 'own_cell:Leaky', hidden_size: 4}}\n")
        told = tuner(command[0], path.name, *command[1:], status=2).stderr
        error = "AttributeError: 'Tensor' object has no attribute 'tanhh'"
        assert re.fullmatch(rf"{rule}, but it failed: {error} \(own_cell\.py:18\)\.\n", told)

    def test_an_adapter_is_told_in_a_line(self, folder: Path) -> None:
        """Whichever of its parts fails."""
        path = write_task(folder, more="search_space: quick")
        path.write_text(path.read_text().replace("time_series/classification", "own_adapter:Own"))
        path.write_text(path.read_text().replace(", label: label", ""))
        adapter = folder / "own_adapter.py"
        adapter.write_text(ADAPTER)
        told = tuner("validate", path.name, status=2).stderr
        rule = "adapter own_adapter:Own must take its options, but it failed: AttributeError"
        assert told.startswith(f"{path.name}:2: {rule}")
        assert told.endswith(" (own_adapter.py:12).\n")
        load_target("own_adapter:Own").__init__ = lambda *_: None
        told = tuner("validate", path.name, status=2).stderr
        rule = "adapter own_adapter:Own must prepare the data, but it failed: NameError: name 'gone' is not defined"
        assert told == f"{path.name}:3: {rule} (own_adapter.py:15).\n"

    def test_an_adapter_that_proposes_nothing_is_told_by_init(self, folder: Path) -> None:
        """Without advice on the form of the file, which another adapter would read."""
        (folder / "own_adapter.py").write_text(ADAPTER)
        (folder / "lines.txt").write_text("sine: 0.1 0.5\n")
        asked = ("init", "lines.txt", "--adapter", "own_adapter:Own")
        assert tuner(*asked, status=2).stderr == (
            "init needs an adapter with the attribute `propose`, but got 'own_adapter:Own'. "
            "Write the task file by hand, as docs/extending.md does.\n"
        )
        load_target("own_adapter:Own").propose = lambda seen: seen.gone
        rule = "adapter own_adapter:Own must propose a task file, but it failed: AttributeError"
        assert tuner(*asked, status=2).stderr.startswith(rule)


class TestModules:
    def test_a_package_with_relative_imports(self, folder: Path) -> None:
        """All of its files that are imported, and none that is hidden by what is installed."""
        package = folder / "own" / "cells"
        package.mkdir(parents=True)
        (folder / "own" / "__init__.py").write_text("from . import names\n")
        (folder / "own" / "names.py").write_text("A = 1\n")
        (folder / "own" / "unused.py").write_text("B = 1\n")
        (package / "__init__.py").write_text("")
        (package / "one.py").write_text("import numpy, tuner.nets.catalog\nfrom ..names import A\nfrom .two import *\n")
        (package / "two.py").write_text("C = 1\n")
        (folder / "numpy.py").write_text("raise RuntimeError\n")
        find_modules([str(folder)])
        load_target("own.cells.one:A")
        before = code_of("own.cells.one")
        assert set(before) == {
            "own/__init__.py", "own/names.py", "own/cells/__init__.py", "own/cells/one.py", "own/cells/two.py"
        }  # fmt: skip
        (package / "two.py").write_text("C = 2\n")
        (package / "one.py").write_text("from ..names import A\n")
        assert changed_files(before, code_of("own.cells.one")) == ["own/cells/one.py", "own/cells/two.py"]

    def test_an_installed_package_is_its_own_modules_only(self) -> None:
        """Not all that is installed beside it."""
        found = code_of("click.types")
        assert "click/types.py" in found
        assert all(name.startswith("click/") for name in found)

    def test_folders_come_last_and_those_of_an_earlier_task_are_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No file there hides a package."""
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        find_modules([str(tmp_path), str(tmp_path / "a")])
        assert sys.path[-2:] == [str(tmp_path), str(tmp_path / "a")]
        assert sys.path.count(str(tmp_path)) == 1
        find_modules([str(tmp_path / "b")])
        assert sys.path[-1] == str(tmp_path / "b")
        assert str(tmp_path / "a") not in sys.path

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("def f(:\n", r"but got 'SyntaxError: .*own_bad\.py, line 1.*'"),
            ("1 / 0\n", "but got 'ZeroDivisionError: division by zero'"),
            ("import nothing_of_that_name\n", "but got \"No module named 'nothing_of_that_name'\""),
            ("import sys; sys.exit(3)\n", "but got 'SystemExit: 3'"),
            ("", r"but got 'no Cell in .*"),
        ],
    )
    def test_a_module_that_cannot_be_imported_is_told_in_one_line(self, folder: Path, text: str, told: str) -> None:
        """Whatever it raises."""
        (folder / "own_bad.py").write_text(text)
        find_modules([str(folder)])
        with pytest.raises(TaskFileError, match=rf"own_bad:Cell must be importable, {told}"):
            load_target("own_bad:Cell")

    def test_options_that_are_no_model_are_told_in_one_line(self, folder: Path) -> None:
        """A plain class, an instance, none at all."""
        for number, options in enumerate(("class Options: pass", "Options = 5", "pass")):
            (folder / f"own_bare{number}.py").write_text(f"class Cell:\n    {options}\n")
            with pytest.raises(TaskFileError, match="must carry its options model as the class attribute `Options`"):
                resolve_task(task_file(folder, f'"own_bare{number}:Cell"'))


HIDING = ("json", "torch", "numpy", "psutil", "click", "ast", "hashlib", "ray", "mlflow")
"""Names of packages that a file of one's own may have."""


def command(folder: Path, *arguments: str, module: bool) -> subprocess.CompletedProcess[str]:
    """`python -m tuner`, or what the installed script does."""
    program = ["-m", "tuner"] if module else ["-P", "-c", "from tuner.cli import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_both_commands_find_a_module_beside_the_task_or_in_the_current_folder(
    tmp_path: Path, module: bool, beside: bool
) -> None:
    """And no file there hides a package."""
    tasks, own = tmp_path / "tasks", tmp_path / "tasks" if beside else tmp_path
    tasks.mkdir()
    (own / "own_cell.py").write_text(CELL)
    (own / "own_steps.py").write_text("KEEP = 0.5\n")
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name}.py is not meant')\n")
        (tasks / f"{name}.py").write_text(f"raise RuntimeError('{name}.py is not meant')\n")
    task_file(tasks)
    done = command(tmp_path, "validate", "--no-timing", "tasks/own.yaml", "--json", module=module)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.ray
def test_workers_find_the_same_modules(tmp_path: Path) -> None:
    """In processes of Ray's, which puts the driver's folder first."""
    (tmp_path / "own_cell.py").write_text(CELL)
    (tmp_path / "own_steps.py").write_text("KEEP = 0.5\n")
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name}.py is not meant')\n")
    more = 'search_space: {cell: "own_cell:Leaky", learning_rate: [0.01, 0.02]}\nconfirm: {top: 0}\nray: {}\n'
    write_task(tmp_path, name="own", trials=1, epochs=1, mlflow=True, more=f"{more}resources: {{workers: 1}}\n")
    done = command(tmp_path, "run", "own.yaml", "--json", module=True)
    assert done.returncode == 0, done.stderr
    assert '"state": "COMPLETED"' in done.stdout
    assert "is not meant" not in (tmp_path / "mlruns/studies/own/recording.log").read_text()
