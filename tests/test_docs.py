"""What the documents and the shipped files say is true."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from pathlib import Path

import pytest
import torch

import tuner
from tests.tiny import write_task
from tuner.cli import main
from tuner.config import load_task_file, parse_yaml, read_yaml, ready_search_spaces, ready_tasks
from tuner.config.task import TaskFile
from tuner.events import read_run
from tuner.folder import StudyFolder
from tuner.messages import State
from tuner.nets.catalog import CELLS
from tuner.space import Space
from tuner.sweep import Sweep
from tuner.sweep.task import resolve_task

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_the_readmes_task_file_is_one(tmp_path: Path) -> None:
    """The example under "Your own data" loads."""
    path = tmp_path / "task.yaml"
    path.write_text(BLOCKS[0])
    assert load_task_file(path).task.name == "machine-faults"


def test_the_readmes_search_space_is_one() -> None:
    """The example of the grammar parses, and its conditions hold."""
    document = parse_yaml(BLOCKS[1], "README.md")
    space = Space.parse(document.value, document.place)
    assert {"forget_bias", "dropout.between", "learning_rate"} <= set(space.searched)


@pytest.fixture
def own_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The README's cell, in a file beside a task file; its name there."""
    (text,) = re.findall(r"```python\n(# my_cells\.py\n.*?)```", README, re.DOTALL)
    assert len(text.splitlines()) < 40
    (tmp_path / "my_cells.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_cells", raising=False)
    return "my_cells:UGRNN"


def test_the_readmes_cell_computes_its_equations(own_cell: str) -> None:
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


def test_the_readmes_cell_is_searched(own_cell: str, tmp_path: Path, migrated: Path) -> None:
    """Beside the LSTM, with the README's `space:`, as a sweep of the program."""
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    path = write_task(tmp_path, more=f'space: {{cell: [lstm, "{own_cell}"]}}\nsampler: {{name: grid}}')
    sets = ["search_space={cell: [lstm], hidden_size: 8}", "confirm.top=0", "budget.trials=2"]
    outcome = Sweep(resolve_task(path, sets), lambda *_, **__: None).run()
    assert outcome.usable
    states = {
        run: read_run(StudyFolder(tmp_path / "mlruns/studies/tiny").events(f"trials/0000{run}")) for run in (0, 1)
    }
    assert {record.params["cell"] for record in states.values()} == {"lstm", own_cell}
    assert {record.state for record in states.values()} == {State.COMPLETED}


def test_every_command_that_the_readme_names_exists() -> None:
    """`python -m tuner X` is a command for every X in the documents."""
    named = set(re.findall(r"python -m tuner ([a-z-]+)", README + (ROOT / "ARCHITECTURE.md").read_text()))
    assert named <= set(main.commands)
    assert set(main.commands) <= set(re.findall(r"[a-z-]+", README + (ROOT / "CHANGELOG.md").read_text()))


def test_the_readme_documents_every_key_of_a_task_file() -> None:
    """The table of keys names each of them."""
    table = README[README.index("| key | meaning") : README.index("`--set key=value`")]
    assert set(TaskFile.model_fields) <= set(re.findall(r"`([a-z_]+)`", table))


@pytest.mark.parametrize("name", sorted(ready_tasks()))
def test_every_ready_task_resolves(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its space, adapter, metric and parameters are known, connected and within their intervals."""
    monkeypatch.chdir(tmp_path)
    task = resolve_task(ready_tasks()[name])
    assert task.space.searched


@pytest.mark.parametrize("name", sorted(ready_search_spaces()))
def test_every_ready_search_space_resolves(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parameter of it acts, for a task of any kind; those for texts that run on, for such."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "task.yaml"
    adapter = "nlp/language_modelling" if name == "language_model" else "time_series/classification"
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
    """Paths in ARCHITECTURE.md exist."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for path in set(re.findall(r"`((?:\w+/)+\w+\.py)", text)):
        assert (ROOT / "tuner" / path).exists(), path
