"""A model exported to ONNX answers as it does in torch, whatever the batch and its lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from tests.support.models import made_model
from tests.support.networks import Task
from tuner.adapters.base import Graph
from tuner.cli import main
from tuner.errors import StudyError
from tuner.nets.catalog import CELLS, POOLINGS, NetOptions
from tuner.nets.cell import Cell, State
from tuner.nets.network import Network, build_network
from tuner.predict import load
from tuner.predict.onnx_export import write_onnx
from tuner.predict.onnx_graph import ExportError, onnx_graph, opened

INPUTS, HIDDEN = 5, 6
pytestmark = pytest.mark.usefixtures("one_registry")


def slow(*values: object) -> Any:
    """A case that is left out where time is short."""
    return pytest.param(*values, marks=pytest.mark.slow)


def network_of(cell: str, options: Mapping[str, Any] | None = None, task: Task | None = None, **net: Any) -> Network:
    """A network in evaluation mode, none of whose parameters has a value that hides its part."""
    torch.manual_seed(3)
    made = build_network(
        NetOptions(cell=cell, hidden_size=HIDDEN, **net),
        CELLS[cell].options.model_validate(options or {}),
        {"dropout.input": 0.2, "dropout.output": 0.3, "dropout.variational": 0.2},
        task or Task(INPUTS),
    )
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made.eval()


def graph_of(network: nn.Module, inputs: int = INPUTS) -> Graph:
    """As it is exported."""
    return Graph(network, lambda items, steps: {"x": torch.randn(items, steps, inputs)})


def check_alike(network: nn.Module, inputs: int = INPUTS) -> bytes:
    """The graph of a network answers as it does: padded items, items alone, and items without lengths.

    Nothing in it tells where on which machine it was made.
    """
    graph = onnx_graph(graph_of(network, inputs))
    assert b".py" not in graph
    session = opened(graph)

    def answers(x: Tensor, lengths: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.numpy(), "lengths": lengths.numpy()})[0])

    with torch.no_grad():
        for lengths in ([9], [1, 1, 1], [2, 31, 17, 1, 5, 31]):
            lengths_B = torch.tensor(lengths)
            x = torch.randn(len(lengths), max(lengths), inputs)
            found, wanted = answers(x, lengths_B), network(x, lengths_B)
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
            for row, length in enumerate(lengths):
                alone = answers(x[row : row + 1, :length], lengths_B[row : row + 1])
                torch.testing.assert_close(alone, network(x[row : row + 1, :length]), rtol=1e-5, atol=1e-5)
                same = found[row : row + 1] if found.ndim == 2 else found[row : row + 1, :length]
                torch.testing.assert_close(alone, same, rtol=1e-5, atol=1e-5)
    return graph


@pytest.mark.parametrize("cell", list(CELLS))
def test_every_cell_answers_alike(cell: str) -> None:
    """Reading forwards, one layer; PyTorch's kernels are operators of ONNX, the steps of others are one Scan."""
    graph = check_alike(network_of(cell))
    assert (b"Scan" in graph) == (cell not in {"lstm", "gru", "rnn"})


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "cifg", "mingru", "sru"])
@pytest.mark.slow
def test_both_directions_answer_alike(cell: str) -> None:
    """PyTorch's kernels, steps, a linear recurrence, and the cell that reads as many inputs as units otherwise.

    How a stack reads backwards does not depend on the cell otherwise.
    """
    check_alike(network_of(cell, task=Task(HIDDEN), bidirectional=True), HIDDEN)


@pytest.mark.parametrize("bidirectional", [False, slow(True)])
@pytest.mark.parametrize("cell", [*map(slow, ("lstm", "mingru")), "cifg"])
def test_a_stack_of_everything_answers_alike(cell: str, bidirectional: bool) -> None:
    """Two layers, residuals, projections: a kernel of torch's, a linear recurrence, and steps of a cell's own.

    What a stack does between its cells does not ask which they are.
    """
    check_alike(network_of(cell, layers=2, bidirectional=bidirectional, residual=True, projection_size=4))


@pytest.mark.parametrize("pooling", [name for name in POOLINGS if name != "last"])
def test_every_pooling_answers_alike(pooling: str) -> None:
    """Padding never counts. `last` is what the others have."""
    check_alike(network_of("gru", pooling=pooling, task=Task(INPUTS, every_step=pooling == "every")))


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("lstm", {"zoneout_state": 0.3, "zoneout_cell": 0.2}),
        slow("mingru", {"zoneout_state": 0.3}),
        slow("rnn", {"nonlinearity": "relu"}),
        slow("gru", {"zoneout_state": 0.3}),
        slow("sru", {"zoneout_state": 0.3}),
        slow("indrnn", {"nonlinearity": "tanh"}),
        slow("slstm", {"heads": 2}),
        slow("qrnn", {"filter_width": 3}),
        slow("lstm_ablation", {"peepholes": True, "full_gate_recurrence": True}),
        slow("lstm_ablation", {"coupled_gates": True, "output_gate": False}),
        slow("lstm_ablation", {"output_activation": False, "output_gate": False}),
    ],
)
def test_options_that_act_in_evaluation_answer_alike(cell: str, options: dict[str, Any]) -> None:
    """What a cell's options change of its equations is exported."""
    plain, changed = network_of(cell), network_of(cell, options)
    x = torch.randn(2, 5, INPUTS)
    assert not torch.allclose(plain(x), changed(x), atol=1e-4)
    check_alike(changed)


class Looping(Cell):
    """Takes its steps by a loop that an exporter does not see."""

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        h_BH = x_BTI.new_zeros(len(x_BTI), self.hidden_size) if state is None else state[0]
        outputs = []
        for x_BI in x_BTI.unbind(1):
            h_BH = torch.tanh(x_BI.sum(1, keepdim=True) + h_BH)
            outputs.append(h_BH)
        return torch.stack(outputs, 1), (h_BH,)

    def gates(self) -> Mapping[str, slice]:
        return {}

    def input_weights(self) -> Tensor:
        return torch.zeros(0)

    def recurrent_weights(self) -> None:
        return None

    def biases(self) -> tuple[Tensor, ...]:
        return ()


def test_a_loop_that_would_be_frozen_is_refused_with_the_cells_name(tmp_path: Path) -> None:
    """A cell that the exporter can only unroll is named in one line; nothing is written."""
    model = load(made_model(tmp_path / "made"))
    network = model.network
    assert isinstance(network, Network)
    cell = network.stack.forward_cells[0]
    assert isinstance(cell, Cell)
    network.stack.forward_cells[0] = Looping(cell.input_size, cell.hidden_size)
    with pytest.raises(StudyError, match="the cell gru must have a graph of ONNX, but got") as raised:
        write_onnx(model, tmp_path / "made/model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "made/model/model.onnx").exists()


class Drifting(nn.Module):
    """Answers otherwise while it is exported: as a decomposition does that is exact at the example's length only."""

    def forward(self, x_BTI: Tensor, lengths_B: Tensor) -> Tensor:
        from tuner.nets.cells.scanned import is_exported

        y_BT = x_BTI.sum(2) * lengths_B[:, None]
        return y_BT.cumsum(1)[:, -1:] + (1e-3 * x_BTI.shape[1] if is_exported() else 0.0)


def test_a_graph_that_answers_otherwise_is_not_given_out() -> None:
    """It is run at other sizes, and compared."""
    with pytest.raises(ExportError, match="with an error of"):
        onnx_graph(graph_of(Drifting()))


def export(*arguments: object) -> tuple[int, str]:
    """Exit status, and what is said."""
    done = CliRunner().invoke(main, ["export", *map(str, arguments)])
    return done.exit_code, done.output


def shown() -> tuple[str, str]:
    """What the page shows: a program for texts, and what takes a part's place with words."""
    page = (Path(__file__).parents[2] / "docs/using-the-model.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (at,) = (number for number, block in enumerate(blocks) if "onnx" in block)
    return blocks[at], blocks[at + 1]


@pytest.mark.parametrize("case", ["words", "characters"])
def test_what_the_page_shows_holds_for_other_units(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short and long words, known and unknown ones, digits, signs; of characters the text is not cut."""
    texts = ["Rain, snow-rain 12!", "fog's overwhelmingly long 3rd \u96e8"] if case == "words" else ["Rain 12", "fog"]
    model = made_model(tmp_path / "made", f"nlp/classification: {case}")
    assert export(model, "-o", tmp_path / "out", "--onnx")[0] == 0
    wanted = load(model).predict(texts, proba=True)
    code, words = shown()
    code = re.sub(r"^texts = .*$", lambda _: f"texts = {texts!r}", code, flags=re.MULTILINE)
    if case == "words":
        before, _, rest = code.partition("tokenizer = ")
        code = before + words + "for row, " + rest.partition("for row, ")[2]
    monkeypatch.chdir(tmp_path / "out")
    names: dict[str, Any] = {}
    exec(code, names)
    found = torch.from_numpy(names["logits"]).double().softmax(1).numpy()
    columns = [f"p({name})" for name in names["about"]["facts"]["classes"]]
    np.testing.assert_allclose(found, wanted[columns].to_numpy(), atol=1e-5)


def test_a_study_is_exported_and_answers_from_its_files_alone(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows is run in the exported folder, and gives the classes and logits that `predict` has."""
    folder: Path = request.getfixturevalue("study")
    monkeypatch.chdir(folder)
    status, said = export("words", "-o", tmp_path / "out", "--onnx")
    assert status == 0, said
    wanted = load(tmp_path / "out").predict(["a lovely film", "a dull one"], proba=True)

    code, _ = shown()
    monkeypatch.chdir(tmp_path / "out")
    names: dict[str, Any] = {}
    exec(code, names)
    logits, classes = torch.from_numpy(names["logits"]).double(), names["about"]["facts"]["classes"]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"a lovely film {wanted['class'][0]}",
        f"a dull one {wanted['class'][1]}",
    ]
    found = logits.softmax(1).numpy()
    np.testing.assert_allclose(found, wanted[[f"p({name})" for name in classes]].to_numpy(), atol=1e-5)
    for named in names["about"]["inputs"].values():
        assert named["dtype"] == "int64"
        assert named["is"]
    assert names["about"]["inputs"]["x"]["axes"] == ["batch", "steps"]


class _Meant(nn.Module):
    """Takes a mean, and an input of that name."""

    def forward(self, x_BTI: Tensor, lengths_B: Tensor, *others: Tensor) -> Tensor:
        """(B, I)."""
        return torch.stack((x_BTI.sum(1), x_BTI[:, 0])).mean(0) / lengths_B[:, None] + others[0]


def test_an_input_may_be_called_as_an_operation_is() -> None:
    """The exporter calls what an operation gives by the operation's name."""

    def example(items: int, steps: int) -> dict[str, Tensor]:
        return {"x": torch.randn(items, steps, INPUTS), "mean": torch.randn(items, INPUTS)}

    session = opened(onnx_graph(Graph(_Meant().eval(), example)))
    assert [each.name for each in session.get_inputs()] == ["x", "lengths", "mean"]


def test_export_copies_the_folder_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file; not into a folder that holds something, no link, and nothing is left of what failed."""
    model = made_model(tmp_path / "made")
    assert export(model, "-o", tmp_path / "new/copy") == (0, f"model written to {tmp_path}/new/copy\n")
    files = sorted(path.relative_to(model) for path in model.rglob("*") if path.is_file())
    assert sorted(path.relative_to(tmp_path / "new/copy") for path in (tmp_path / "new/copy").rglob("*.*")) == files
    assert all((tmp_path / "new/copy" / file).read_bytes() == (model / file).read_bytes() for file in files)

    status, said = export(model, "-o", tmp_path / "new/copy")
    assert (status, said.count("\n")) == (2, 1)
    assert "the folder to export to must be new or empty" in said
    monkeypatch.setattr("tuner.predict.onnx_export.find_spec", lambda name: None if name == "onnxscript" else name)
    status, said = export(model, "-o", tmp_path / "other", "--onnx")
    assert (status, said.count("\n")) == (2, 1)
    assert "ONNX must be installed, but got 'no onnxscript'. Install the extra: pip install 'tuner[onnx]'." in said
    (model / "preprocess/more.txt").symlink_to("/etc/hostname")
    status, said = export(model, "-o", tmp_path / "other")
    assert (status, said.count("\n")) == (2, 1)
    assert "more.txt: the model's file must be as it was written, but got 'a link'" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "new"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]
