"""The contract of every adapter that the catalog lists, on small data made here."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.adapter_data import DATA
from tuner.adapters.base import Adapter, Batch, Prepared, Problem, ReducingProblem
from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.adapters.nlp.language_problem import LanguageModellingProblem
from tuner.adapters.nlp.streams import ParallelStreams
from tuner.errors import TrialError

SPLITS = ("train", "val", "test")


NAMES = sorted(ADAPTERS)


@pytest.fixture(scope="module", params=sorted(DATA))
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Adapter, Prepared, Path, Problem]:
    """An adapter of the catalog, prepared and opened."""
    entry = ADAPTERS[request.param.partition(":")[0]]
    data = DATA[request.param](tmp_path_factory.mktemp("data"))
    adapter: Adapter = entry.load()(entry.options(**data))
    folder = tmp_path_factory.mktemp("prepared")
    return adapter, adapter.prepare(folder), folder, adapter.problem(folder)


Opened = tuple[Adapter, Prepared, Path, Problem]


def predict(problem: Problem, batches: list[Batch]) -> list[torch.Tensor]:
    """Predictions of a fresh encoder and head with the mean over valid steps, or nothing, between them."""
    torch.manual_seed(0)
    encoder = problem.encoder()
    head = problem.head(encoder.output_size)
    predictions = []
    for batch in batches:
        features = encoder(batch.x)
        assert features.shape == (*batch.x.shape[:2], encoder.output_size)
        if problem.every_step:
            prediction = head(features)
            predictions.append(
                problem.reduce(prediction, batch) if isinstance(problem, ReducingProblem) else prediction
            )
            continue
        lengths = torch.full((len(features),), features.shape[1]) if batch.lengths is None else batch.lengths
        valid = torch.arange(features.shape[1]) < lengths[:, None]
        predictions.append(head((features * valid[..., None]).sum(1) / lengths[:, None]))
    return predictions


def test_demands_are_those_of_the_problem(opened: Opened) -> None:
    """What is checked before training is what the opened problem asks for."""
    adapter, _, _, problem = opened
    demands = adapter.demands
    encoder = problem.encoder()
    assert demands.every_step == problem.every_step
    assert demands.embeds == any(isinstance(module, torch.nn.Embedding) for module in encoder.modules())
    if demands.head_size is None:
        problem.head(5)
        problem.head(9)
    else:
        problem.head(demands.head_size)
        with pytest.raises(TrialError):
            problem.head(demands.head_size + 1)


def num_items(problem: Problem, batch: Batch) -> int:
    """Items of a batch: of a running text, which goes on from step to step, the targets that count."""
    return int((batch.y >= 0).sum()) if isinstance(problem, LanguageModellingProblem) else len(batch.x)


def test_every_adapter_is_tested() -> None:
    """The contract runs over every adapter of the catalog."""
    assert {case.partition(":")[0] for case in DATA} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_options_speak_for_themselves(name: str) -> None:
    """Every option has a default and a description."""
    fields = ADAPTERS[name].options.model_fields
    assert not [field for field, info in fields.items() if info.is_required() or not info.description]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_sources_are_listed_per_adapter(name: str) -> None:
    """Every adapter that reads data has ready sources with a summary and an origin, whose names its options take."""
    for source in SOURCES[name]:
        entry = SOURCES[name][source]
        assert entry.summary
        assert entry.source
        assert ADAPTERS[name].options(source=source).source == source


def test_catalog_and_preparation_load_no_torch() -> None:
    """The driver's half of every adapter imports without torch, and the catalog without numpy too."""
    program = """if True:
        import sys
        from tuner.adapters.catalog import ADAPTERS
        heavy = [name for name in ("torch", "numpy", "pandas") if name in sys.modules]
        for name in ADAPTERS:
            ADAPTERS[name].load()
        print(heavy, "torch" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


def test_prepared_is_complete(opened: Opened) -> None:
    """Counts, trivial scores of every metric, and facts come back from preparation, all of them JSON."""
    adapter, prepared, _, problem = opened
    names = {metric.name for metric in adapter.metrics}
    assert json.loads(json.dumps(asdict(prepared)))["lag"] >= 1
    assert prepared.about["name"]
    assert set(prepared.counts) == set(SPLITS)
    for split in ("val", "test"):
        assert set(prepared.trivial[split]) == names
        assert np.isfinite(list(prepared.trivial[split].values())).all()
        assert len(problem.dataset(split)) == prepared.counts[split] > 0
    assert 0 < len(problem.dataset("train")) <= prepared.counts["train"]


def test_preparation_repeats(opened: Opened, tmp_path: Path) -> None:
    """Preparing again writes the same bytes, and the fingerprint stays."""
    adapter, prepared, folder, _ = opened
    assert asdict(adapter.prepare(tmp_path)) == asdict(prepared)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()
    assert adapter.fingerprint() == type(adapter)(adapter.options).fingerprint()  # type: ignore[attr-defined]


@pytest.mark.parametrize("split", SPLITS)
def test_batches_keep_their_shape(opened: Opened, split: Any) -> None:
    """Batches are padded with zeros on the right, of lengths >= 1, in the types that networks take."""
    problem = opened[3]
    dataset = problem.dataset(split)
    batches = list(dataset.batches(4, rng=np.random.default_rng(1)))
    assert len(batches) == dataset.num_batches(4)
    left_over = len(dataset) % 4 if isinstance(dataset, ParallelStreams) else 0
    assert sum(num_items(problem, batch) for batch in batches) == len(dataset) - left_over
    for batch in batches:
        assert batch.x.dtype in (torch.float32, torch.int64)
        assert len(batch.y) == len(batch.x) <= 4
        assert torch.isfinite(batch.x.double()).all()
        if batch.lengths is not None:
            assert batch.lengths.dtype == torch.int64
            assert 1 <= int(batch.lengths.min()) < int(batch.lengths.max()) == batch.x.shape[1]
            assert not batch.x[torch.arange(batch.x.shape[1]) >= batch.lengths[:, None]].any()


def test_order_is_fixed_or_the_seeds(opened: Opened) -> None:
    """Without a generator the order is fixed; with one it is the seed's, and another seed gives another."""
    dataset = opened[3].dataset("train")

    def targets(seed: int | None) -> torch.Tensor:
        rng = None if seed is None else np.random.default_rng(seed)
        return torch.cat([batch.y for batch in dataset.batches(3, rng=rng)])

    assert torch.equal(targets(None), targets(None))
    assert torch.equal(targets(5), targets(5))
    assert not torch.equal(targets(5), targets(6))


def test_a_step_can_be_learned(opened: Opened) -> None:
    """The loss of a batch is a finite scalar, and so are its gradients in encoder and head."""
    problem = opened[3]
    batch = next(iter(problem.dataset("train").batches(4)))
    torch.manual_seed(0)
    encoder = problem.encoder()
    head = problem.head(encoder.output_size)
    features = encoder(batch.x)
    loss = problem.loss(head(features if problem.every_step else features.mean(1)), batch)
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)
    for parameter in (*encoder.parameters(), *head.parameters()):
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_scores_do_not_depend_on_batch_size(opened: Opened) -> None:
    """A split's scores are those of its items: all metrics, the same for any batch size."""
    adapter, _, _, problem = opened
    found = []
    for batch_size in (1, 4, 1000):
        batches = list(problem.dataset("val").batches(batch_size))
        with torch.no_grad():
            found.append(problem.evaluate(predict(problem, batches), batches))
    assert set(found[0]) == {metric.name for metric in adapter.metrics}
    assert all(metric.within[0] <= found[0][metric.name] <= metric.within[1] for metric in adapter.metrics)
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-5)


def test_search_does_not_open_test_data(opened: Opened, tmp_path: Path) -> None:
    """Train and val open and read where the files that hold test items are gone."""
    adapter, _, _, _ = opened
    adapter.prepare(tmp_path)
    held = [file for file in tmp_path.iterdir() if file.name.startswith(("test.", "whole."))]
    assert held
    for file in held:
        file.unlink()
    problem = adapter.problem(tmp_path)
    for split in ("train", "val"):
        assert sum(len(batch.x) for batch in problem.dataset(split).batches(8)) > 0
    with pytest.raises(FileNotFoundError):
        problem.dataset("test")
