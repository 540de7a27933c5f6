"""Label smoothing, the head's start bias and the embeddings' start values, over all adapters that have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.support.adapter_data import DATA
from tuner.adapters.base import Problem
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.learned_options import ClassOptions, EmbeddingOptions, NumberOptions, SymbolOptions
from tuner.config.options import Options


def having(options: type[Options]) -> list[str]:
    """The package's adapters with these options; other tests of a process may have added their own."""
    return [name for name in ADAPTERS if issubclass(ADAPTERS[name].options, options)]


def given(tmp_path: Path, name: str) -> dict[str, Any]:
    """The adapter's options for small data, which are made once."""
    folder = tmp_path / "data"
    case = next(case for case in DATA if case.partition(":")[0] == name)
    made = folder / "options.json"
    if not made.exists():
        folder.mkdir()
        made.write_text(json.dumps(DATA[case](folder)))
    options: dict[str, Any] = json.loads(made.read_text())
    return options


def opened(tmp_path: Path, name: str, **options: Any) -> Problem:
    """A prepared problem."""
    entry = ADAPTERS[name]
    adapter = entry.load()(entry.options(**{**given(tmp_path, name), **options}))
    folder = tmp_path / "prepared"
    if not folder.exists():
        folder.mkdir()
        adapter.prepare(folder)
    problem: Problem = adapter.problem(folder)
    return problem


def test_who_has_them() -> None:
    """All adapters of classes can smooth labels; all of symbols can choose how embeddings start."""
    classes = {name for name in ADAPTERS if "classification" in name} | {"nlp/language_modelling", "nlp/tagging"}
    classes |= {"speech/tagging", "time_series/labelling"}
    assert classes == set(having(SymbolOptions))
    assert set(having(ClassOptions)) == {name for name in ADAPTERS if "classification" in name}
    assert set(having(NumberOptions)) == {name for name in ADAPTERS if "regression" in name}
    assert set(having(EmbeddingOptions)) == {name for name in ADAPTERS if name.startswith("nlp/")}


@pytest.mark.parametrize("name", having(SymbolOptions))
def test_smoothing_is_in_the_loss_and_not_in_the_scores(name: str, tmp_path: Path) -> None:
    """The loss is that of targets (1 - e) onehot + e / K; scores do not change, nor does what is prepared."""
    plain = opened(tmp_path, name)
    smoothed = opened(tmp_path, name, label_smoothing=0.2)
    batch = next(iter(plain.dataset("train").batches(8)))
    torch.manual_seed(0)
    features = torch.randn(*batch.y.shape, 6)
    logits = plain.head(6)(features).detach()
    classes = logits.shape[-1]
    target = 0.8 * functional.one_hot(batch.y, classes) + 0.2 / classes
    expected = -(target * logits.log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(smoothed.loss(logits, batch), expected)
    assert smoothed.loss(logits, batch) != plain.loss(logits, batch)
    entry = ADAPTERS[name]
    options = given(tmp_path, name)
    changed: dict[str, Any] = {"label_smoothing": 0.2, "output_bias": "zero"}
    if issubclass(entry.options, ClassOptions):
        changed |= {"class_weights": "balanced", "focal": 2.0, "temperature": "validation"}
    if issubclass(entry.options, EmbeddingOptions):
        changed["embedding_init"] = "normal"
    prints = {entry.load()(entry.options(**{**options, **more})).fingerprint() for more in ({}, changed)}
    assert len(prints) == 1


@pytest.mark.parametrize("name", having(SymbolOptions))
def test_the_heads_bias_starts_as_asked(name: str, tmp_path: Path) -> None:
    """With `prior`, a head that sees nothing predicts the trivial predictor's shares; with `zero`, all alike."""
    prior = opened(tmp_path, name, output_bias="prior").head(6)(torch.zeros(1, 6)).softmax(-1).detach()
    zero = opened(tmp_path, name, output_bias="zero").head(6)(torch.zeros(1, 6)).softmax(-1).detach()
    torch.testing.assert_close(zero, torch.full_like(zero, 1 / zero.shape[-1]))
    if name in ("nlp/tagging", "speech/tagging", "time_series/labelling"):
        tags = np.concatenate([batch.y.numpy().ravel() for batch in opened(tmp_path, name).dataset("train").batches(8)])
        shares = np.bincount(tags[tags >= 0], minlength=zero.shape[-1]) + 1.0
    elif (tmp_path / "prepared" / "counts.npy").exists():
        shares = np.load(tmp_path / "prepared" / "counts.npy") + 1.0
    else:
        shares = np.bincount(np.load(tmp_path / "prepared" / "train.y.npy"), minlength=zero.shape[-1]) + 1.0
    np.testing.assert_allclose(prior[0], shares / shares.sum(), rtol=1e-5)


@pytest.mark.parametrize("name", having(EmbeddingOptions))
def test_embeddings_start_as_asked(name: str, tmp_path: Path) -> None:
    """Uniform in [-0.1, 0.1], or normal with variance 1 / features; padding, where there is one, is 0."""
    weights = {}
    for init in ("uniform", "normal"):
        torch.manual_seed(0)
        encoder: Any = opened(tmp_path, name, embedding_init=init, embedding_size=256).encoder()
        encoder = getattr(encoder, "words", encoder)  # beside its letters
        weights[init] = encoder.weight.detach()[1:]
        assert encoder.padding_idx is None or not encoder.weight[0].any()
    assert weights["uniform"].abs().max() <= 0.1
    assert weights["uniform"].std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert weights["normal"].std().item() == pytest.approx(256**-0.5, rel=0.05)
