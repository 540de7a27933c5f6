"""Optimizers: the update of each, decoupled decay, and the groups."""

import copy
import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tuner.optim.catalog import OPTIMIZERS, SELF_AVERAGING
from tuner.optim.optimizers import eager_step, make_optimizer, parameter_groups, set_rate

DECAYING = [name for name in OPTIMIZERS if "weight_decay" in OPTIMIZERS[name].parameters()]


class Net(nn.Module):
    """One module of every kind that matters to the groups."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 4)
        self.recurrent = nn.LSTM(4, 5, batch_first=True)
        self.norm = nn.LayerNorm(5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.recurrent(self.embedding(x))[0][:, -1]))


def make(name: str, network: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """An optimizer from the catalog."""
    return make_optimizer(name, OPTIMIZERS[name].options.model_validate(options), network)


def train(
    network: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 5, step: Callable[[], object] | None = None
) -> None:
    """A few steps, the optimizer's or the given ones, on seeded data."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randint(6, (8, 3), generator=generator)
        optimizer.zero_grad()
        network(x).square().mean().backward()
        (step or optimizer.step)()


def weights(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters."""
    return {name: p.detach().clone() for name, p in network.named_parameters()}


def test_groups_list_every_parameter_once() -> None:
    """The group table has every parameter once: matrices decayed; biases, gains and embeddings spared."""
    groups = parameter_groups(Net())
    assert groups == {
        "decayed": ["recurrent.weight_ih_l0", "recurrent.weight_hh_l0", "head.weight"],
        "spared": [
            "embedding.weight",
            "recurrent.bias_ih_l0",
            "recurrent.bias_hh_l0",
            "norm.weight",
            "norm.bias",
            "head.bias",
        ],
    }


def test_tied_embedding_is_spared_and_listed_once() -> None:
    """A matrix that is also an embedding is spared, under one name."""
    network = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
    network[1].weight = network[0].weight
    assert parameter_groups(network) == {"decayed": [], "spared": ["0.weight"]}


@pytest.mark.parametrize("name", OPTIMIZERS.entries)
class TestContract:
    def test_groups_are_named(self, name: str) -> None:
        """The optimizer's groups are named and hold the parameters of the table."""
        network = Net()
        optimizer = make(name, network)
        members = {id(parameter): name for name, parameter in network.named_parameters()}
        groups = {g["name"]: [members[id(p)] for p in g["params"]] for g in optimizer.param_groups}
        assert groups == parameter_groups(network)

    def test_starts_at_the_learning_rate(self, name: str) -> None:
        """Both groups start at the rate of the options, and `set_rate` sets both."""
        optimizer = make(name, Net(), learning_rate=0.5)
        assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.5]
        set_rate(optimizer, 0.5, 0.25)
        assert [g["lr"] for g in optimizer.param_groups] == [0.125, 0.125]

    def test_resumes_bit_for_bit(self, name: str) -> None:
        """Six steps equal three, saved and loaded into fresh objects, and three more at another rate."""
        torch.manual_seed(0)
        straight = Net()
        resumed = copy.deepcopy(straight)
        ends = []
        for network, pause in ((straight, False), (resumed, True)):
            optimizer = make(name, network)
            train(network, optimizer, 3)
            if pause:
                state = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
                network = Net()
                optimizer = make(name, network)
                network.load_state_dict(state[0])
                optimizer.load_state_dict(state[1])
            set_rate(optimizer, 0.01, 0.5)
            train(network, optimizer, 3)
            ends.append(weights(network))
        assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])

    def test_an_eager_step_needs_no_compiler(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """It does what torch's own does, hooks included, where torch's compiler cannot be imported."""
        network = Net()
        ends, told = [], []
        for eager in (False, True):
            trained = copy.deepcopy(network)
            with monkeypatch.context() as patch:
                if eager:
                    patch.setitem(sys.modules, "torch._dynamo", None)
                optimizer = make(name, trained)
                optimizer.load_state_dict(optimizer.state_dict())
                optimizer.register_step_pre_hook(lambda *_: told.append("before"))
                optimizer.register_step_post_hook(lambda *_: told.append("after"))
                train(trained, optimizer, 3, eager_step(optimizer) if eager else None)
            ends.append(weights(trained))
        assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])
        assert told == 6 * ["before", "after"]

    def test_one_group_may_be_empty(self, name: str) -> None:
        """A network without matrices, or without anything else, can be trained."""
        for network in (nn.LayerNorm(4), nn.Linear(4, 4, bias=False)):
            optimizer = make(name, network)
            before = weights(network)
            (network(torch.arange(8.0).view(2, 4)) * torch.arange(4.0)).sum().backward()
            optimizer.step()
            after = weights(network)
            assert all(not torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("name", [name for name in DECAYING if name not in SELF_AVERAGING])
def test_decay_is_decoupled_and_exact(name: str) -> None:
    """With gradients of 0, matrices shrink by 1 - lr * wd exactly, and the rest stays bit for bit."""
    network = Net().double()
    optimizer = make(name, network, learning_rate=0.5, weight_decay=0.25)
    before = weights(network)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    set_rate(optimizer, 0.5, 0.5)
    optimizer.step()
    after, groups = weights(network), parameter_groups(network)
    for key in groups["decayed"]:
        torch.testing.assert_close(after[key], before[key] * (1 - 0.5 * 0.25) * (1 - 0.25 * 0.25), rtol=1e-15, atol=0)
    for key in groups["spared"]:
        assert torch.equal(after[key], before[key])


def test_adam_does_not_decay() -> None:
    """With gradients of 0, Adam changes nothing."""
    network = Net()
    optimizer = make("adam", network)
    before = weights(network)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert all(torch.equal(before[key], value) for key, value in weights(network).items())


def momenta(memory: dict[str, Any], g: Tensor, beta1: float = 0.9, beta2: float = 0.999) -> tuple[int, Tensor, Tensor]:
    """Adam's running means, not yet corrected."""
    memory["t"] = memory.get("t", 0) + 1
    memory["m"] = beta1 * memory.get("m", 0) + (1 - beta1) * g
    memory["s"] = beta2 * memory.get("s", 0) + (1 - beta2) * g**2
    return memory["t"], memory["m"], memory["s"]


def sgd(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Polyak 1964."""
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return w - lr * memory["v"]


def rmsprop(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Hinton 2012."""
    memory["s"] = 0.99 * memory.get("s", 0) + 0.01 * g**2
    return w - lr * g / (memory["s"].sqrt() + 1e-8)


def adam(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Kingma & Ba 2015, algorithm 1."""
    t, m, s = momenta(memory, g)
    return w - lr * m / (1 - 0.9**t) / ((s / (1 - 0.999**t)).sqrt() + 1e-8)


def nadam(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Dozat 2016, algorithm 2."""
    t, m, s = momenta(memory, g)
    now, ahead = (0.9 * (1 - 0.5 * 0.96 ** (k * 4e-3)) for k in (t, t + 1))
    memory["p"] = memory.get("p", 1.0) * now
    mean = ahead * m / (1 - memory["p"] * ahead) + (1 - now) * g / (1 - memory["p"])
    return w - lr * mean / ((s / (1 - 0.999**t)).sqrt() + 1e-8)


def radam(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Liu et al. 2020, algorithm 2."""
    t, m, s = momenta(memory, g)
    mean, longest = m / (1 - 0.9**t), 2 / (1 - 0.999) - 1
    length = longest - 2 * t * 0.999**t / (1 - 0.999**t)
    if length <= 5:
        return w - lr * mean
    r = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
    return w - lr * r * mean * (1 - 0.999**t) ** 0.5 / (s.sqrt() + 1e-8)


def lion(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Chen et al. 2023, program 1."""
    m = memory.get("m", torch.zeros_like(g))
    memory["m"] = 0.99 * m + 0.01 * g
    return w - lr * (0.9 * m + 0.1 * g).sign()


def muon(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Jordan 2024; Liu et al. 2025, eq. 4; Adam on vectors. The polar factor comes from the singular values."""
    if w.ndim == 1:
        return adam(w, g, memory, lr)
    memory["m"] = 0.95 * memory.get("m", 0) + 0.05 * g
    u, s, v = torch.linalg.svd(0.05 * g + 0.95 * memory["m"], full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return w - lr * 0.2 * max(w.shape) ** 0.5 * u @ s.diag() @ v


def adamw_schedule_free(w: Tensor, g: Tensor, memory: dict[str, Any], lr: float) -> Tensor:
    """Defazio et al. 2024, algorithm 1, kept as x and z; w is y. The decay of matrices is 0.1."""
    x, z = memory.setdefault("x", w), memory.setdefault("z", w)
    t, _, s = momenta(memory, g)
    z = z - lr * (g / ((s / (1 - 0.999**t)).sqrt() + 1e-8) + (0.1 * w if w.ndim > 1 else 0))
    x = x + (z - x) / t
    memory["x"], memory["z"] = x, z
    return 0.1 * z + 0.9 * x


BY_HAND = {
    update.__name__: update for update in (sgd, rmsprop, adam, nadam, radam, lion, muon, adamw_schedule_free)
} | {"adamw": adam}
"""Optimizer -> one update by the published equations, on one tensor, without decay."""


def test_every_optimizer_has_equations() -> None:
    """An optimizer that is listed is compared with its equations below."""
    assert set(BY_HAND) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS.entries)
def test_update_equals_the_equations(name: str) -> None:
    """Twelve steps equal those of the published equations, after w *= 1 - lr * wd on matrices."""
    torch.manual_seed(0)
    network = nn.Linear(3, 2).double()
    decay = 0.1 if name in DECAYING else 0.0
    optimizer = make(name, network, learning_rate=0.02, **({"weight_decay": decay} if decay else {}))
    expected, memories = weights(network), {"weight": dict[str, Any](), "bias": dict[str, Any]()}
    for _ in range(12):
        for key, parameter in network.named_parameters():
            parameter.grad = torch.randn_like(parameter)
            shrinks = key == "weight" and name not in SELF_AVERAGING
            shrunk = expected[key] * (1 - 0.02 * decay if shrinks else 1)
            expected[key] = BY_HAND[name](shrunk, parameter.grad.clone(), memories[key], 0.02)
        optimizer.step()
    tolerance: dict[str, Any] = (
        {"rtol": 0, "atol": 0.02 * 0.2 * 3**0.5 * 0.02 * 12} if name == "muon" else {}
    )  # bfloat16 within
    for key, value in weights(network).items():
        torch.testing.assert_close(value, expected[key], **tolerance)


def test_nesterov_acts() -> None:
    """With nesterov the first step is lr * (1 + momentum) * g, not lr * g."""
    network = nn.Linear(1, 1, bias=False)
    optimizer = make("sgd", network, learning_rate=0.1, momentum=0.5, nesterov=True, weight_decay=0)
    before = network.weight.item()
    network.weight.grad = torch.ones(1, 1)
    optimizer.step()
    assert before - network.weight.item() == pytest.approx(0.15, rel=1e-5)


def test_what_someone_else_wraps_around_a_step_stays() -> None:
    """An optimizer of one's own whose step is wrapped: only torch's wrappers are left out."""
    told = []

    def telling(step: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(step)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            told.append(1)
            return step(*args, **kwargs)

        return wrapper

    class Telling(torch.optim.SGD):
        @torch.no_grad()
        @telling
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    network = Net()
    optimizer = Telling(network.parameters(), 0.1)
    train(network, optimizer, 3, eager_step(optimizer))
    assert told == [1, 1, 1]
