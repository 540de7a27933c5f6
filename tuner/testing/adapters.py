"""The contract of an adapter (`tuner.adapters.base.Adapter`) as tests, on small data written by the test."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tuner.adapters.base import Adapter, Batch, Dataset, Prepared, Problem, ReducingProblem, Split
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import demands_of
from tuner.adapters.learned_options import ClassOptions
from tuner.errors import DataError, TrialError

SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Opened(NamedTuple):
    """An adapter with prepared and opened data."""

    make: Callable[..., Adapter]
    """Creates another adapter with the same options, except those given by name."""
    adapter: Adapter
    prepared: Prepared
    folder: Path
    problem: Problem
    options: Any
    """The options, validated."""


def opened_adapter(adapter: str | type[Any], options: Mapping[str, Any], folder: Path) -> Opened:
    """Prepare and open data.

    Args:
        adapter: The class, with its options model as the attribute `Options`; or the name in a task file.
        options: Options that differ from the defaults.
        folder: An empty folder for the prepared data.
    """
    if isinstance(adapter, str):
        entry = ADAPTERS[adapter]
        kind, model = entry.load(), entry.options
    else:
        kind, model = adapter, adapter.Options

    def make(**changes: Any) -> Adapter:
        fresh: Adapter = kind(model.model_validate({**options, **changes}))
        return fresh

    made = make()
    return Opened(make, made, made.prepare(folder), folder, made.problem(folder), model.model_validate(dict(options)))


def predictions_of(problem: Problem, batches: Sequence[Batch]) -> list[Tensor]:
    """Predictions of an untrained encoder and head in evaluation mode.

    The mean over valid steps is between them, unless the problem predicts at every step.
    """
    torch.manual_seed(0)
    encoder = problem.encoder().eval()
    size: int = encoder.output_size  # type: ignore[assignment]  # torch types no module's attributes
    head = problem.head(size).eval()
    predictions = []
    for batch in batches:
        features = encoder(batch.x)
        assert features.shape == (*batch.x.shape[:2], size)
        if every_step(problem):
            prediction = head(features)
            if isinstance(problem, ReducingProblem):
                prediction = problem.reduce(prediction, batch)
            predictions.append(prediction)
            continue
        lengths = torch.full((len(features),), features.shape[1]) if batch.lengths is None else batch.lengths
        valid = torch.arange(features.shape[1]) < lengths[:, None]
        predictions.append(head((features * valid[..., None]).sum(1) / lengths[:, None]))
    return predictions


@cache
def _loads_torch(module: str, path: str) -> bool:
    """Whether importing a module from that path, in a new process, imports torch; cached, as it is slow."""
    code = f"import sys, {module}; print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip() != "False"


def every_step(problem: Problem) -> bool:
    """`Problem.every_step`; false if the problem has no such attribute."""
    return bool(getattr(problem, "every_step", False))


class AdapterContract:
    """Tests of any adapter.

    In your own test file:

    class TestMine(AdapterContract):
        adapter = MyAdapter

        @staticmethod
        def data(folder):
            (folder / "lines.txt").write_text("...")
            return {"path": str(folder / "lines.txt")}
    """

    adapter: ClassVar[str | type[Any]]
    """The class, with its options model as the attribute `Options`; or the name in a task file."""
    test_files: ClassVar[Sequence[str]] = ("test.*", "whole.*")
    """Name patterns of the prepared files with test items; a search opens only the other files."""

    @staticmethod
    def data(folder: Path) -> Mapping[str, Any]:  # noqa: ARG004 - for those who write some
        """Write small data (at least about twenty items) into a folder, and return the adapter's options."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> Opened:
        """The adapter, prepared and opened once for all tests of the class."""
        options = cls.data(tmp_path_factory.mktemp("data"))
        return opened_adapter(cls.adapter, options, tmp_path_factory.mktemp("prepared"))

    @staticmethod
    def num_items(problem: Problem, batch: Batch) -> int:  # noqa: ARG004 - for subclasses whose items are not rows
        """Number of items in a batch, as `len(dataset)` counts them."""
        return len(batch.x)

    @staticmethod
    def num_left_over(dataset: Dataset, batch_size: int) -> int:  # noqa: ARG004 - for subclasses that drop items
        """Number of items that a pass over the data drops."""
        return 0

    def test_preparation_loads_no_torch(self, opened: Opened) -> None:
        """The adapter's module, which the driver imports, does not import torch."""
        module = inspect.getmodule(type(opened.adapter))
        assert module is not None
        assert not _loads_torch(module.__name__, os.pathsep.join(sys.path))

    def test_prepared_is_complete(self, opened: Opened) -> None:
        """Preparation returns counts, the trivial predictor's score on every metric, and facts, all JSON-able."""
        prepared = opened.prepared
        names = {metric.name for metric in opened.adapter.metrics}
        assert json.loads(json.dumps(asdict(prepared)))["lag"] >= 1
        assert prepared.about["name"]
        assert set(prepared.counts) == set(SPLITS)
        for split in SPLITS[1:]:
            assert set(prepared.trivial[split]) == names
            assert np.isfinite(list(prepared.trivial[split].values())).all()
            assert len(opened.problem.dataset(split)) == prepared.counts[split] > 0
        assert 0 < len(opened.problem.dataset("train")) <= prepared.counts["train"]

    def test_preparation_repeats(self, opened: Opened, tmp_path: Path) -> None:
        """Preparing again writes the same bytes and gives the same fingerprint."""
        assert asdict(opened.make().prepare(tmp_path)) == asdict(opened.prepared)
        for file in opened.folder.iterdir():
            assert (tmp_path / file.name).read_bytes() == file.read_bytes()
        assert opened.adapter.fingerprint() == opened.make().fingerprint()

    def test_the_positive_class_acts(self, opened: Opened, tmp_path: Path) -> None:
        """With `ClassOptions`, `positive` has a metric of its own, f1, and a class that is not there is refused."""
        if not isinstance(opened.options, ClassOptions) or opened.options.several:
            pytest.skip("its options have no positive class")
        adapter = opened.make(positive="no such class")
        assert "f1" in {metric.name for metric in adapter.metrics}
        with pytest.raises(DataError, match=r"data\.positive must be one of the classes"):
            adapter.prepare(tmp_path)

    def test_demands_are_those_of_the_problem(self, opened: Opened) -> None:
        """The demands that are checked before training are those of the opened problem."""
        demands, problem = demands_of(opened.adapter), opened.problem
        encoder = problem.encoder()
        assert demands.every_step == every_step(problem)
        assert demands.embeds == any(isinstance(module, torch.nn.Embedding) for module in encoder.modules())
        if demands.head_size is None:
            problem.head(5)
            problem.head(9)
        else:
            problem.head(demands.head_size)
            with pytest.raises(TrialError):
                problem.head(demands.head_size + 1)

    @pytest.mark.parametrize("split", SPLITS)
    def test_batches_keep_their_shape(self, opened: Opened, split: Split) -> None:
        """Batches are padded with zeros on the right, have lengths >= 1, and the dtypes that networks take."""
        dataset = opened.problem.dataset(split)
        batches = list(dataset.batches(4, rng=np.random.default_rng(1)))
        assert len(batches) == dataset.num_batches(4)
        counted = sum(self.num_items(opened.problem, batch) for batch in batches)
        assert counted == len(dataset) - self.num_left_over(dataset, 4)
        for batch in batches:
            assert batch.x.dtype in (torch.float32, torch.int64)
            assert len(batch.y) == len(batch.x) <= 4
            assert torch.isfinite(batch.x.double()).all()
            if batch.lengths is not None:
                assert batch.lengths.dtype == torch.int64
                assert 1 <= int(batch.lengths.min()) < int(batch.lengths.max()) == batch.x.shape[1]
                assert not batch.x[torch.arange(batch.x.shape[1]) >= batch.lengths[:, None]].any()

    def test_order_is_fixed_or_the_seeds(self, opened: Opened) -> None:
        """Without a generator the order is fixed; with one it depends on the seed."""
        dataset = opened.problem.dataset("train")

        def targets(seed: int | None) -> Tensor:
            rng = None if seed is None else np.random.default_rng(seed)
            return torch.cat([batch.y.flatten() for batch in dataset.batches(3, rng=rng)])  # each padded by itself

        assert torch.equal(targets(None), targets(None))
        assert torch.equal(targets(5), targets(5))
        assert not all(torch.equal(targets(5), targets(seed)) for seed in (6, 7, 8))

    def test_a_step_can_be_learned(self, opened: Opened) -> None:
        """The loss of a batch is a finite scalar, and so are its gradients in encoder and head."""
        problem = opened.problem
        batch = next(iter(problem.dataset("train").batches(4)))
        torch.manual_seed(0)
        encoder = problem.encoder()
        head = problem.head(encoder.output_size)  # type: ignore[arg-type]  # as above
        features = encoder(batch.x)
        loss = problem.loss(head(features if every_step(problem) else features.mean(1)), batch)
        loss.backward()
        assert loss.shape == ()
        assert torch.isfinite(loss)
        for parameter in (*encoder.parameters(), *head.parameters()):
            assert parameter.grad is not None
            assert torch.isfinite(parameter.grad).all()

    def test_scores_do_not_depend_on_batch_size(self, opened: Opened) -> None:
        """Evaluation gives all metrics, within their ranges, and the same values for any batch size."""
        problem, metrics = opened.problem, opened.adapter.metrics
        found = []
        for batch_size in (1, 4, 1000):
            batches = list(problem.dataset("val").batches(batch_size))
            with torch.no_grad():
                found.append(problem.evaluate(predictions_of(problem, batches), batches))
        assert set(found[0]) == {metric.name for metric in metrics}
        assert all(metric.within[0] <= found[0][metric.name] <= metric.within[1] for metric in metrics)
        for other in found[1:]:
            assert other == pytest.approx(found[0], rel=1e-5)

    def test_search_does_not_open_test_data(self, opened: Opened, tmp_path: Path) -> None:
        """Training and validation data can be read when the files with test items are deleted."""
        adapter = opened.make()
        adapter.prepare(tmp_path)
        held = [file for pattern in self.test_files for file in tmp_path.glob(pattern)]
        assert held
        for file in held:
            file.unlink()
        problem = adapter.problem(tmp_path)
        for split in SPLITS[:2]:
            assert sum(len(batch.x) for batch in problem.dataset(split).batches(8)) > 0
        with pytest.raises(FileNotFoundError):
            problem.dataset("test")
