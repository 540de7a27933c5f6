"""What the documents and the shipped files say is true."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from pathlib import Path

import pytest
import torch

import tuner
from tests.support.tiny import write_task
from tuner.cli import main
from tuner.config import parse_yaml, read_yaml, ready_search_spaces, ready_tasks
from tuner.config.task import TaskFile
from tuner.disk.events import read_run
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.nets.catalog import CELLS
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import make_schedule
from tuner.solo.preview import preview
from tuner.space import Space
from tuner.sweep import Sweep
from tuner.task.resolve import resolve_task

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PAGES = {path.relative_to(ROOT / "docs").as_posix(): path.read_text() for path in (ROOT / "docs").rglob("*.md")}


def test_the_grammars_example_searches_what_it_says() -> None:
    """The example of the grammar parses, and its conditions hold."""
    text = PAGES["search-spaces.md"].partition("## The grammar")[2]
    document = parse_yaml(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0], "search-spaces.md")
    space = Space.parse(document.value, document.place)
    assert {"forget_bias", "dropout.between", "learning_rate"} <= set(space.searched)


def code(module: str) -> str:
    """A module that the page about extensions shows."""
    (text,) = re.findall(rf"```python\n(# {module}\.py\n.*?)```", PAGES["extending.md"], re.DOTALL)
    return str(text)


@pytest.fixture
def own_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The documents' cell, in a file beside a task file; its name there."""
    text = code("my_cells")
    assert len(text.splitlines()) < 40
    (tmp_path / "my_cells.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_cells", raising=False)
    return "my_cells:UGRNN"


def test_the_documents_cell_computes_its_equations(own_cell: str) -> None:
    """It is the cell that it says it is; its gradients are those of the equations; its options name its noise."""
    entry = CELLS[own_cell]
    assert set(entry.parameters()) == {
        "forget_bias", "gate_bias", "max_lag", "weight_drop", "dropout.state", "zoneout.state"
    }  # fmt: skip
    torch.manual_seed(0)
    cell = entry.load()(3, 4, entry.options()).double()
    x_BTI = torch.randn(2, 5, 3, dtype=torch.float64)
    h_BH, outputs = torch.zeros(2, 4, dtype=torch.float64), []
    for x_BI in x_BTI.unbind(1):
        a_g, a_c = (x_BI @ cell.weight_ih.T + h_BH @ cell.weight_hh.T + cell.bias).split(4, 1)
        h_BH = a_g.sigmoid() * h_BH + (1 - a_g.sigmoid()) * a_c.tanh()
        outputs.append(h_BH)
    expected = torch.stack(outputs, 1)
    torch.testing.assert_close(cell(x_BTI)[0], expected)
    gradients = [torch.autograd.grad(y.square().sum(), list(cell.parameters())) for y in (cell(x_BTI)[0], expected)]
    torch.testing.assert_close(*gradients)


def test_the_documents_cell_is_searched(own_cell: str, tmp_path: Path) -> None:
    """Beside the LSTM, with a `space:` as the page has it, as a sweep of the program."""
    path = write_task(tmp_path, more=f'space: {{cell: [lstm, "{own_cell}"]}}\nsampler: {{name: grid}}')
    sets = ["search_space={cell: [lstm], hidden_size: 8}", "confirm.top=0", "budget.trials=2"]
    outcome = Sweep(resolve_task(path, sets), lambda _: None).run()
    assert outcome.usable
    states = {
        run: read_run(StudyFolder(tmp_path / "mlruns/studies/tiny").events(f"trials/0000{run}")) for run in (0, 1)
    }
    assert {record.params["cell"] for record in states.values()} == {"lstm", own_cell}
    assert {record.state for record in states.values()} == {State.COMPLETED}


def test_every_command_that_the_documents_name_exists() -> None:
    """`python -m tuner X` is a command for every X in the documents, and every command is in one that is read first."""
    by_hand = README + "".join(text for name, text in PAGES.items() if not name.startswith("reference/"))
    named = set(re.findall(r"python -m tuner ([a-z-]+)", by_hand + ARCHITECTURE))
    assert named == set(main.commands)


def test_the_documents_name_every_key_of_a_task_file() -> None:
    """The table of keys names each of them."""
    table = PAGES["task-file.md"].partition("| key | meaning")[2].partition("\n\n")[0]
    assert set(TaskFile.model_fields) <= set(re.findall(r"`([a-z_]+)`", table))


def test_the_documents_schedule_falls_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the catalog, it is found, its option acts, and its factors are those of its formula."""
    (tmp_path / "my_schedule.py").write_text(code("my_schedule"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_schedule", raising=False)
    entry = importlib.import_module("my_schedule").ENTRY
    monkeypatch.setitem(SCHEDULES.entries, "inverse_sqrt", entry)
    schedule = make_schedule("inverse_sqrt", entry.options(warmup=0.1, half_epochs=2), 200, 10)
    expected = [(t + 1) / 21 if t < 20 else (1 + (t - 20) / 20) ** -0.5 for t in range(200)]
    assert [schedule.factor(step) for step in range(200)] == pytest.approx(expected)
    assert schedule.peak_step == 20
    assert {"warmup", "half_epochs"} == set(SCHEDULES["inverse_sqrt"].parameters())


def test_the_documents_adapter_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its data are prepared, and a network of it learns for an epoch."""
    (tmp_path / "my_adapter.py").write_text(code("my_adapter"))
    rows = [f"{label}: {' '.join(str(level + i % 3) for i in range(5 + n))}" for n in range(6)
            for label, level in (("low", 0), ("high", 9))]  # fmt: skip
    (tmp_path / "lines.txt").write_text("\n".join(rows))
    (tmp_path / "task.yaml").write_text(
        "adapter: my_adapter:Lines\ndata: {path: lines.txt}\nsearch_space: {hidden_size: [4, 8]}\n"
        "budget: {trials: 1, epochs: 2}\nray: {address: in-process}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_adapter", raising=False)
    facts = preview(resolve_task("task.yaml"), timing=False, dry_run=True)
    assert facts["data"]["classes"] == ["high", "low"]
    assert "configurations trained" in facts["dry run"]


@pytest.mark.parametrize("name", sorted(ready_tasks()))
def test_every_ready_task_resolves(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its space, adapter, metric and parameters are known, connected and within their intervals."""
    monkeypatch.chdir(tmp_path)
    task = resolve_task(ready_tasks()[name])
    assert task.space.searched


@pytest.mark.parametrize("name", sorted(ready_search_spaces()))
def test_every_ready_search_space_resolves(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parameter of it acts, for a task of any kind; those for texts that run on and for forecasts, for such."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "task.yaml"
    own = {"language_model": "nlp/language_modelling", "forecasting": "time_series/forecasting"}
    adapter = own.get(name, "time_series/classification")
    path.write_text(f"adapter: {adapter}\ndata: {{path: x.csv}}\nsearch_space: {name}\n")
    assert resolve_task(path).space.searched


def test_every_cell_is_in_a_ready_search_space() -> None:
    """No cell of the catalog is left out of the large space; its priors are about choices that exist."""
    document = read_yaml(ready_search_spaces()["odyssey"])
    space = Space.parse(document.value, document.place)
    (cell,) = [each for each in space.definitions if each.name == "cell"]
    assert set(cell.domain.values() or ()) == set(CELLS.entries)


def test_exports_are_true() -> None:
    """Every name in an `__all__` exists."""
    for module in pkgutil.walk_packages(tuner.__path__, "tuner."):
        if module.name != "tuner.__main__":
            loaded = importlib.import_module(module.name)
            missing = [name for name in getattr(loaded, "__all__", ()) if not hasattr(loaded, name)]
            assert missing == [], module.name


def test_documents_name_no_file_that_is_not_there() -> None:
    """Paths in ARCHITECTURE.md exist, and so do the classes and functions that are named with them."""
    found = set(re.findall(r"`((?:\w+/)+\w+\.py)(?::(\w+))?`", ARCHITECTURE))
    assert len(found) > 20
    for path, name in found:
        assert (ROOT / "tuner" / path).exists(), path
        assert not name or name in definitions(path), f"{path}:{name}"


def test_the_way_of_a_trial_is_at_most_twelve_files() -> None:
    """Each step begins with the one place to read, a file that no other step names first."""
    way = ARCHITECTURE.partition("## The way of one trial\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^(\d+)\. (.*)$", way, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert 5 < len(steps) <= 12
    places = [re.match(r"`((?:\w+/)+\w+\.py):(\w+)` ", step) for _, step in steps]
    assert len({place[1] for place in places if place}) == len(steps)
    for place in places:
        assert place is not None
        assert place[2] in definitions(place[1]), place[0]


def test_every_room_is_in_the_list_of_rooms() -> None:
    """Folders and single files of the package; none is listed that is gone."""
    table = ARCHITECTURE.partition("## Rooms\n")[2].partition("\n## ")[0]
    cells = "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    package = [path for path in (ROOT / "tuner").iterdir() if not path.name.startswith("__")]
    rooms = {f"{path.name}/" for path in package if path.is_dir()} | {path.stem for path in package if path.is_file()}
    assert set(re.findall(r"`([\w/]+)`", cells)) == rooms


def definitions(path: str) -> set[str]:
    """The classes and functions of a file of the package."""
    body = ast.parse((ROOT / "tuner" / path).read_text()).body
    return {each.name for each in body if isinstance(each, ast.ClassDef | ast.FunctionDef)}
