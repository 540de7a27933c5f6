"""A finished study of made-up texts, for all that is done with its winner."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tuner.sweep import Sweep
from tuner.task import resolve_task

WORDS = {"good": ("fine", "lovely", "happy"), "bad": ("awful", "poor", "grim"), "meh": ("plain", "dull", "flat")}
TASK = """
name: words
adapter: nlp/classification
data: {path: train.csv, test_path: test.csv}
search_space: {cell: [gru], hidden_size: 8, data.vocabulary: [300, 310], gate_bias: chrono}
budget: {trials: 2, epochs: 2}
confirm: {top: 1, seeds: 2}
report: {figures: 0}
tracking: {uri: none}
ray: {address: in-process}
"""


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of made-up texts, with `train.csv` and `test.csv` beside it."""
    folder = tmp_path_factory.mktemp("words")
    rng = np.random.default_rng(0)
    for name, size in (("train", 120), ("test", 40)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["text", "label"])
            for number in range(size):
                label = str(rng.choice(list(WORDS)))
                words = rng.choice([*WORDS[label], "the", "a", "film"], size=int(rng.integers(2, 9)))
                out.writerow([f"{' '.join(words)} {name} {number}", label])
    (folder / "words.yaml").write_text(TASK)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert Sweep(resolve_task("words.yaml"), lambda _: None).run().finished
    return folder


@pytest.fixture(scope="session")
def one_registry() -> Iterator[None]:
    """PyTorch's exporter reads its 500 translations, and all operators, anew for each graph; here once for all."""
    from torch._export import utils
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        patch.setattr(utils, "_materialize_cpp_cia_ops", cache(utils._materialize_cpp_cia_ops))
        yield
