"""Dynamic evaluation: the rule by hand, no look ahead, weights as before, what is chosen on validation data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from tuner.adapters.nlp import dynamic
from tuner.adapters.nlp.language_modelling import LanguageModelling
from tuner.adapters.nlp.language_problem import LanguageModellingProblem
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.nets.catalog import NetOptions
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.ensemble import Ensemble
from tuner.nets.network import Network, build_network
from tuner.training.evaluation import adapted, equip, fit, predicted, with_fitted

TEXT = "".join(f"{i} green bottles hanging on the wall\n" for i in range(60))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares from few segments."""
    monkeypatch.setattr(dynamic, "STRETCHES", 3)
    monkeypatch.setattr(dynamic, "SEGMENTS", 4)


def opened(folder: Path, **options: Any) -> LanguageModellingProblem:
    """The problem of a short text."""
    (folder / "text.txt").write_text(TEXT)
    (folder / "prepared").mkdir(exist_ok=True)
    chosen = LanguageModellingOptions(path=str(folder / "text.txt"), embedding_size=5, **options)
    adapter = LanguageModelling(chosen)
    adapter.prepare(folder / "prepared")
    return adapter.problem(folder / "prepared")


def network(problem: LanguageModellingProblem, seed: int = 0) -> Network:
    """Two layers in float64, equipped."""
    torch.manual_seed(seed)
    made = build_network(NetOptions(hidden_size=6, layers=2), LSTMOptions(), {}, problem).double().eval()
    equip(made, problem)
    return made


def tokens(problem: LanguageModellingProblem, split: str) -> NDArray[Any]:
    """A prepared split."""
    return np.load(problem.folder / f"{split}.npy").astype(np.int64)


class ByHand(nn.Module):
    """The same network, written out: embedding, two LSTM layers, linear head."""

    def __init__(self, like: Network, symbols: int) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(symbols, 5), nn.LSTM(5, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, symbols)
        self.double()
        for mine, its in zip(self.ordered, like.parameters(), strict=True):
            mine.data = its.detach().clone()

    @property
    def ordered(self) -> list[torch.Tensor]:
        """The parameters, layer by layer."""
        return [self.embedding.weight, *self.lstm.parameters(), *self.head.parameters()]

    def gradient(self, part: torch.Tensor, state: Any) -> tuple[float, Any, list[torch.Tensor]]:
        """Nats of a segment (the token before it first), the state after it, the gradient of the mean."""
        hidden, state = self.lstm(self.embedding(part[None, :-1]), state)
        loss = functional.cross_entropy(self.head(hidden)[0], part[1:])
        gradients = torch.autograd.grad(loss, self.ordered)
        return loss.item() * (len(part) - 1), tuple(each.detach() for each in state), list(gradients)


def test_the_rule_by_hand(tmp_path: Path) -> None:
    """Krause et al. 2018, equations 5 to 7: squares from training text, then a text of five segments and a rest."""
    problem = opened(tmp_path, dynamic_rate=0.02, dynamic_decay=0.3)
    net = network(problem)
    by_hand = ByHand(net, problem.num_tokens)
    train = torch.from_numpy(tokens(problem, "train"))
    starts = sorted({int(start) for start in np.linspace(0, len(train) - 1 - 80, 3)})
    squares = [torch.zeros_like(weight) for weight in by_hand.ordered]
    for start in starts:
        state = None
        for first in range(start, start + 80, 20):
            _, state, gradients = by_hand.gradient(train[first : first + 21], state)
            squares = [square + gradient**2 for square, gradient in zip(squares, gradients, strict=True)]
    roots = [(square / (4 * len(starts))).sqrt() for square in squares]
    mean = torch.cat([root.flatten() for root in roots]).mean()
    first_weights = [weight.detach().clone() for weight in by_hand.ordered]
    text = torch.from_numpy(tokens(problem, "test")[:108])
    state, nats = None, 0.0
    for first in range(0, 107, 20):
        more, state, gradients = by_hand.gradient(text[first : first + 21], state)
        nats += more
        for weight, begun, root, gradient in zip(by_hand.ordered, first_weights, roots, gradients, strict=True):
            pull = (0.3 * root / mean).clamp(max=1) * (begun - weight.data)
            weight.data = weight.data - 0.02 * gradient / (root + mean) + pull
    found = problem.dynamic_scores(net, text.numpy())
    assert found["dynamic_loss"] == pytest.approx(nats / 107, rel=1e-9)
    fixed = functional.cross_entropy(net(text[None, :-1])[0], text[1:]).item()
    assert abs(found["dynamic_loss"] - fixed) > 0.005


def test_later_tokens_change_no_earlier_score(tmp_path: Path) -> None:
    """Nothing is learned from a token before it is scored; from the next segment on, it is."""
    problem = opened(tmp_path, dynamic_rate=0.01, dynamic_decay=0.0)
    net, text = network(problem), tokens(problem, "test")
    other = text.copy()
    other[51] = (other[51] + 1) % problem.num_tokens  # predicted from token 50, in the third segment
    rule = dynamic.Rule(0.01, 0.0)
    one, two = (dynamic.adapted(net, problem, each, rule)[:, 0] for each in (text, other))
    assert torch.equal(one[:50], two[:50])
    assert (one[50:] != two[50:]).all()


def test_weights_stay_and_nothing_learned_is_nothing_changed(tmp_path: Path) -> None:
    """A network, and an ensemble, are bit for bit as before; with rate 0 the scores are those of a single pass."""
    problem = opened(tmp_path, dynamic_rate=0.01)
    members = [network(problem, seed) for seed in (0, 1)]
    text = tokens(problem, "test")
    ensemble = Ensemble(members, logits=True)
    equip(ensemble, problem)
    for net in (members[0], ensemble):
        before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        with torch.inference_mode():  # as in `predict`
            learning, still = (
                dynamic.adapted(net, problem, text, dynamic.Rule(rate, 0.01))[:, 0] for rate in (0.005, 0.0)
            )
            logits = net(torch.from_numpy(text[None, :-1]))[0]
        nats = functional.cross_entropy(logits, torch.from_numpy(text[1:]), reduction="none")
        assert still.numpy() == pytest.approx(nats.numpy(), abs=1e-9)
        assert torch.equal(learning[:20], still[:20])
        assert (learning[20:] != still[20:]).all()
        assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
        assert all(weight.grad is None for weight in net.parameters())


def test_off_is_off(tmp_path: Path) -> None:
    """Without a rate nothing is collected, chosen or scored, and the network has no further buffers."""
    problem = opened(tmp_path)
    net = network(problem)
    known = predicted(net, problem, problem.dataset("val"), torch.device("cpu"))
    assert not list(net.buffers())
    assert (fit(problem, net, *known), adapted(net, problem, "test")) == ({}, {})
    assert with_fitted(problem, {}) is problem


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"dynamic_rate": "validation"}, {"dynamic_rate", "dynamic_decay"}),
        ({"dynamic_rate": 0.001}, {"dynamic_decay"}),
        ({"dynamic_rate": "validation", "dynamic_decay": 0.5}, {"dynamic_rate"}),
    ],
)
def test_what_is_open_is_the_best_on_validation_text(tmp_path: Path, options: dict[str, Any], names: set[str]) -> None:
    """Of a rate by itself and of a decay by itself, no other value is better; test data are not opened for it."""
    problem = opened(tmp_path, **options)
    (problem.folder / "test.npy").unlink()
    net = network(problem)
    known = predicted(net, problem, problem.dataset("val"), torch.device("cpu"))
    values = fit(problem, net, *known)
    assert set(values) == names
    chosen = with_fitted(problem, values)
    assert isinstance(chosen, LanguageModellingProblem)
    rule = dynamic.Rule.of(chosen.options.dynamic_rate, chosen.options.dynamic_decay)
    text = tokens(problem, "val")

    def loss(each: dynamic.Rule) -> float:
        return float(dynamic.adapted(net, problem, text, each)[:, 0].mean())

    if "dynamic_decay" in names:
        assert loss(rule) == min(loss(rule._replace(decay=decay)) for decay in dynamic.DECAYS)
    else:
        assert loss(rule) == min(loss(rule._replace(rate=rate)) for rate in dynamic.RATES)


def test_a_rule_that_ruins_the_network_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A score that is not finite never wins."""
    problem = opened(tmp_path, dynamic_rate="validation", dynamic_decay=0.0)
    monkeypatch.setattr(dynamic, "RATES", (math.inf, 1e-3))
    assert problem.tune(network(problem)) == {"dynamic_rate": 1e-3}


def test_a_decay_without_a_rate_is_refused() -> None:
    """It would act on nothing."""
    with pytest.raises(ValidationError, match=r"data\.dynamic_decay must be left out without data\.dynamic_rate"):
        LanguageModellingOptions(path="a", dynamic_decay=0.1)


def test_studies_begun_without_it_go_on(tmp_path: Path) -> None:
    """The options are no part of what prepared data are known by."""
    (tmp_path / "text.txt").write_text(TEXT)
    plain, learning = (
        LanguageModelling(LanguageModellingOptions(path=str(tmp_path / "text.txt"), dynamic_rate=rate)).fingerprint()
        for rate in (0.0, 0.001)
    )
    assert plain == learning
