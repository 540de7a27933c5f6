"""The contracts that are shipped hold for what is shipped with them, and fail for what breaks them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tuner.adapters.base import Batch, Dataset
from tuner.config import options
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.nets.catalog import CELLS
from tuner.nets.cell import Cell
from tuner.recording import Recorder, Recording
from tuner.testing.adapters import AdapterContract, Opened, opened_adapter
from tuner.testing.cells import NOISE, CellContract, MakeCell, cell_maker, noisy_makers
from tuner.testing.recorders import RecorderContract, begin_study, begin_trial, end_trial
from tuner.testing.sweeps import run_in_process
from tuner.testing.waves import Waves


class TestWaves(AdapterContract):
    """The tiny adapter is an adapter."""

    adapter = Waves


def test_nothing_else_imports_pytest() -> None:
    """The program runs where pytest is not installed."""
    code = "import sys, tuner.cli, tuner.sweep, tuner.training, tuner.recording; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def broken(forward: Callable[[Cell, Tensor, Any], Any]) -> MakeCell:
    """Cells like the plain one, but for what they make of a sequence."""
    kind: Any = type("Broken", (CELLS["rnn"].load(),), {"forward": forward})
    return lambda inputs, units: kind(inputs, units, CELLS["rnn"].options())


def reads_backwards(cell: Any, x_BTI: Tensor, state: Any = None) -> Any:
    """From right to left."""
    y_BTH, state = CELLS["rnn"].load().forward(cell, x_BTI.flip(1), state)
    return y_BTH.flip(1), state


def forgets(cell: Any, x_BTI: Tensor, state: Any = None) -> Any:  # noqa: ARG001 - that is the mistake
    """Without the state that it is given."""
    return CELLS["rnn"].load().forward(cell, x_BTI, None)


def draws(cell: Any, x_BTI: Tensor, state: Any = None) -> Any:
    """With noise that nothing asks for."""
    return CELLS["rnn"].load().forward(cell, x_BTI + 1e-3 * torch.randn_like(x_BTI), state)


def cuts_gradients(cell: Any, x_BTI: Tensor, state: Any = None) -> Any:
    """Without a gradient for the inputs."""
    return CELLS["rnn"].load().forward(cell, x_BTI.detach() + 0 * x_BTI, state)


@pytest.mark.parametrize(
    ("forward", "test"),
    [
        (reads_backwards, lambda make: CellContract().test_reads_from_left_to_right(make)),
        (reads_backwards, lambda make: CellContract().test_padding_changes_no_item(make)),
        (forgets, lambda make: CellContract().test_state_is_carried(make, [2, 4])),
        (draws, lambda make: CellContract().test_is_deterministic(make)),
        (cuts_gradients, lambda make: CellContract().test_gradients_equal_finite_differences(make)),
    ],
)
def test_a_broken_cell_is_seen(forward: Callable[..., Any], test: Callable[[MakeCell], None]) -> None:
    """A cell with a mistake fails the test that is there for it, which the cell without it passes."""
    test(cell_maker("rnn", {}))
    with pytest.raises((AssertionError, RuntimeError)):
        test(broken(forward))


class Deaf(CELLS["lstm"].load()):  # type: ignore[misc]  # a class of the catalog
    """It has all kinds of noise among its options, and none of them acts."""

    Options = CELLS["lstm"].options

    def forward(self, x_BTI: Tensor, state: Any = None) -> Any:
        """As without options."""
        self.options = CELLS["lstm"].options()
        return super().forward(x_BTI, state)


class Restless(CELLS["lstm"].load()):  # type: ignore[misc]  # a class of the catalog
    """Its noise does not end with training."""

    Options = CELLS["lstm"].options

    def forward(self, x_BTI: Tensor, state: Any = None) -> Any:
        """As in training."""
        self.train()
        return super().forward(x_BTI, state)


@pytest.mark.parametrize(("cell", "said"), [(Deaf, "does not act in training"), (Restless, "acts in evaluation")])
@pytest.mark.parametrize("kind", NOISE)
def test_noise_that_is_not_connected_is_seen(kind: str, cell: type[Cell], said: str) -> None:
    """A cell whose options name a noise that never acts, or always, fails; the cell that it is made from passes."""
    for each, wrong in ((cell, True), ("lstm", False)):
        make, noisy = cell_maker(each, {}), {kind: noisy_makers(each, {})[kind]}
        with pytest.raises(AssertionError, match=f"{kind} {said}") if wrong else nullcontext():
            CellContract().test_noise_acts_in_training(make, noisy)


def test_wrong_equations_are_seen() -> None:
    """Equations of another cell do not pass for this one's."""
    make = cell_maker("rnn", {})
    with pytest.raises(AssertionError):
        CellContract().test_equals_its_equations(make, lambda cell, x_BTI: cell(2 * x_BTI)[0], 5)


class Leaky(Waves):
    """Its test data are training data, padded with ones, in an order that no generator changes."""

    def problem(self, folder: Path) -> Any:
        """A problem whose splits are all the same."""
        problem: Any = super().problem(folder)
        train = Padded(problem.dataset("train"))
        problem.dataset = lambda _: train
        return problem


class Padded:
    """A split padded with ones, in a fixed order."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.num_batches = dataset, dataset.num_batches

    def __len__(self) -> int:
        return len(self.dataset)

    def batches(self, batch_size: int, *, rng: object = None) -> Iterator[Batch]:  # noqa: ARG002 - the mistake
        """One pass."""
        for batch in self.dataset.batches(batch_size):
            yield Batch(batch.x + 1, batch.lengths, batch.y)


@pytest.mark.parametrize(
    "test",
    [
        lambda opened, _: AdapterContract().test_batches_keep_their_shape(opened, "train"),
        lambda opened, _: AdapterContract().test_order_is_fixed_or_the_seeds(opened),
        lambda opened, folder: AdapterContract().test_search_does_not_open_test_data(opened, folder),
    ],
)
def test_a_broken_adapter_is_seen(test: Callable[[Opened, Path], None], tmp_path: Path) -> None:
    """An adapter with a mistake fails the test that is there for it, which the tiny one passes."""
    for name in ("right", "wrong", "again", "broken"):
        (tmp_path / name).mkdir()
    test(opened_adapter(Waves, {}, tmp_path / "right"), tmp_path / "again")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(opened_adapter(Leaky, {}, tmp_path / "wrong"), tmp_path / "broken")


class Uninterested(Waves):
    """It has the options of classes, but neither checks the positive one nor scores it."""

    def __init__(self, chosen: Any) -> None:
        super().__init__(chosen.model_copy(update={"positive": None}))


def test_a_positive_class_that_does_not_act_is_seen(tmp_path: Path) -> None:
    """An adapter that ignores `positive` fails the test that is there for it, which the tiny one passes."""
    for name in ("right", "wrong", "again"):
        (tmp_path / name).mkdir()
    AdapterContract().test_the_positive_class_acts(opened_adapter(Waves, {}, tmp_path / "right"), tmp_path / "again")
    with pytest.raises(AssertionError):
        AdapterContract().test_the_positive_class_acts(opened_adapter(Uninterested, {}, tmp_path / "wrong"), tmp_path)


class Doubling(Recorder):
    """It writes down whatever it is told of, however often."""

    class Options(options.Options):
        """Where."""

        file: str = "told"
        """A file."""

    name = "doubling"

    def __init__(self, chosen: Options) -> None:
        self.uri = chosen.file

    def begin(self, folder: StudyFolder) -> Recording:  # noqa: ARG002 - it reads nothing
        """Begin anew."""
        return Told(Path(self.uri))


class Told(Recording):
    """Its recording."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def changed(self, run: str) -> None:
        """Write it down."""
        with self.path.open("a") as file:
            file.write(f"{run}\n")


class OfDoubling(RecorderContract):
    """The contract of that recorder."""

    recorder = Doubling

    def options(self, folder: Path) -> dict[str, Any]:
        """A file in the folder."""
        return {"file": str(folder / "told")}

    def recorded(self, recorder: Recorder) -> str:
        """What it has written."""
        return Path(recorder.uri).read_text()


@pytest.mark.parametrize(
    "test",
    [
        OfDoubling.test_what_is_recorded_while_it_runs_is_what_sync_writes,
        OfDoubling.test_telling_it_again_changes_nothing,
        OfDoubling.test_a_study_that_goes_on_is_recorded_on,
    ],
)
def test_a_broken_recorder_is_seen(test: Callable[..., None], tmp_path: Path) -> None:
    """A recorder to which a repeat is news fails every test of the contract."""
    study = begin_study(tmp_path / "study")
    begin_trial(study, 0)
    end_trial(study, 0)
    begin_trial(study, 1)
    with pytest.raises(AssertionError):
        test(OfDoubling(), study, tmp_path)


def test_a_sweep_runs_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny adapter trains in a whole sweep, confirmation and test included, and every run is told of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.yaml").write_text(
        "adapter: tuner.testing.waves:Waves\ntracking: {uri: none}\nreport: {figures: 0}\n"
        "search_space: {cell: [lstm, gru], hidden_size: 4}\nbudget: {trials: 2, epochs: 2}\n"
        "confirm: {top: 1, seeds: 2}\ndiagnostics: {mode: observe}\n"
    )
    finished = run_in_process("task.yaml")
    assert finished.outcome.finished
    assert finished.outcome.usable
    kinds = [record.kind for record in finished.records()]
    assert (kinds.count("trial"), kinds.count("confirm"), kinds.count("test")) == (2, 4, 1)
    assert {record.state for record in finished.records()} <= {State.COMPLETED, State.PRUNED}
    assert not (tmp_path / "mlflow.db").exists()
