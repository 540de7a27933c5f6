"""The contract of every adapter that the catalog lists, on small data made here."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.support.adapter_data import DATA
from tuner.adapters.base import Batch, Dataset, Problem
from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.adapters.defaults import described_by, overlap_of
from tuner.adapters.nlp.language_problem import LanguageModellingProblem
from tuner.adapters.nlp.streams import ParallelStreams
from tuner.testing.adapters import AdapterContract, Opened, opened_adapter, predictions_of
from tuner.training import items

NAMES = sorted(ADAPTERS)


class TestContract(AdapterContract):
    """Every adapter fulfils the contract that is shipped, in every case."""

    @pytest.fixture(scope="class", params=sorted(DATA))
    @classmethod
    def opened(cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
        """See `AdapterContract.opened`."""
        options = DATA[request.param](tmp_path_factory.mktemp("data"))
        return opened_adapter(request.param.partition(":")[0], options, tmp_path_factory.mktemp("prepared"))

    @staticmethod
    def num_items(problem: Problem, batch: Batch) -> int:
        """Of a running text, which goes on from step to step, the targets that count."""
        return int((batch.y >= 0).sum()) if isinstance(problem, LanguageModellingProblem) else len(batch.x)

    @staticmethod
    def num_left_over(dataset: Dataset, batch_size: int) -> int:
        """What makes no whole row of parallel streams."""
        return len(dataset) % batch_size if isinstance(dataset, ParallelStreams) else 0

    def test_what_was_read_is_told(self, opened: Opened) -> None:
        """In sentences of a line, with three training items, none of them long."""
        told = described_by(opened.adapter, opened.folder, opened.prepared)
        assert told.facts
        assert 1 <= len(told.examples) <= 3
        assert all(line and line.isprintable() and len(line) < 400 for line in (*told.facts, *told.examples))

    def test_groups_of_items_make_up_its_scores(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that what other validation items would have said is known, of every kind of data alike."""
        monkeypatch.setattr(items, "FEWEST", 2)
        problem = opened.problem
        batches = list(problem.dataset("val").batches(3))
        with torch.no_grad():
            predictions = predictions_of(problem, batches)
            whole = problem.evaluate(predictions, batches)
        found = items.influence(problem, predictions, batches, "loss")
        number = sum(len(batch.y) for batch in batches)
        assert (found is None) == (number < 2 * (2 * overlap_of(problem) if overlap_of(problem) > 1 else 1))
        if found is not None:
            assert found["items"] == number
            assert np.mean(found["values"]) == pytest.approx(whole["loss"], rel=0.2)


def test_every_adapter_is_tested() -> None:
    """The contract runs over every adapter of the catalog."""
    assert {case.partition(":")[0] for case in DATA} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_options_speak_for_themselves(name: str) -> None:
    """Every option has a default and a description."""
    options = ADAPTERS[name].options
    assert not [field for field, info in options.model_fields.items() if info.is_required()]
    assert all(options.meanings().values())


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
