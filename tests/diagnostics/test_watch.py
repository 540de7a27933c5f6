"""Probes against plain autograd, and a training that does not notice that it is watched."""

import math
from statistics import median

import pytest
import torch
from torch import nn

from tuner.diagnostics.catalog import LEVELS
from tuner.diagnostics.watch import Watch, nonfinite_tensor


class Net(nn.Module):
    """A small recurrent network with dropout, so that a moved random stream shows."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x_BTI):
        return self.head(nn.functional.dropout(self.recurrent(x_BTI)[0][:, -1], 0.3, self.training))


def train(level, steps=12, steps_per_epoch=6, clip=0.05):
    """A plain training loop around a watch; gives losses, weights and what each epoch was."""
    torch.manual_seed(0)
    network = Net()
    optimizer = torch.optim.AdamW(network.parameters(), 0.01)
    watch = Watch(level, network, steps_per_epoch)
    losses, epochs = [], []
    for step in range(steps):
        optimizer.zero_grad()
        loss = network(torch.randn(8, 5, 3)).square().mean()
        loss.backward()
        norm = float(torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in network.parameters()])))
        probed = watch.due(step)
        if probed:
            watch.before_update(network)
        torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        if probed:
            watch.after_update(network)
        watch.step(norm, norm > clip, False)
        losses.append(loss.item())
        if (step + 1) % steps_per_epoch == 0:
            epochs.append(watch.epoch(network, step + 1, losses[-steps_per_epoch:], milestone=True))
    return losses, [p.detach() for p in network.parameters()], epochs


def end(watch):
    """What an epoch without losses was."""
    return watch.epoch(nn.Module(), 0, [], milestone=False)


@pytest.mark.parametrize("level", LEVELS)
def test_training_does_not_notice(level):
    """Losses and weights are the same bit for bit at any level."""
    losses, weights, _ = train(level)
    expected_losses, expected_weights, _ = train("off")
    assert losses == expected_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, expected_weights, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_counters_are_free(level):
    """Global norm, its maximum, the share of clipped steps and skipped steps are there at any level."""
    watch = Watch(level, Net(), 4)
    for norm, clipped, skipped in [
        (1.0, False, False),
        (3.0, True, False),
        (math.inf, False, True),
        (2.0, False, False),
    ]:
        watch.step(norm, clipped, skipped)
    assert end(watch).metrics == {
        "grad/norm": 2.0,
        "grad/norm_max": 3.0,
        "grad/clipped": 0.25,
        "grad/nonfinite_steps": 1.0,
    }


def test_epochs_are_apart():
    """An epoch starts anew; one without steps has no means, only the count of skipped steps."""
    watch = Watch("standard", Net(), 4)
    watch.step(1.0, True, False)
    end(watch)
    assert end(watch) == ({"grad/nonfinite_steps": 0.0}, {}, {})


@pytest.mark.parametrize(
    ("level", "steps_per_epoch", "due"),
    [
        ("off", 5, 0),
        ("light", 5, 1),
        ("standard", 100, 4),
        ("standard", 1000, 10),
        ("full", 35, 7),
        ("full", 1000, 200),
    ],
)
def test_due(level, steps_per_epoch, due):
    """Every 25th step is due, every 5th at level full, at most 10 of a longer epoch but there; none at level off."""
    watch = Watch(level, Net(), steps_per_epoch)
    assert sum(watch.due(step) for step in range(steps_per_epoch)) == due


def test_levels_measure_what_they_say():
    """Tables and metrics of an epoch are those of the level's probes, for every parameter by name."""
    names = [name for name, _ in Net().named_parameters()]
    for level, quantities in [
        ("off", set()),
        ("light", {"grad"}),
        ("standard", {"grad", "weight", "update"}),
    ]:
        for metrics, tables, _ in train(level)[2][:1]:
            assert set(tables) == quantities
            assert all(list(table) == names for table in tables.values())
            assert ("weight/norm" in metrics) == ("weight" in quantities)
            assert ("update/ratio" in metrics) == ("update" in quantities)


def test_probes_equal_plain_arithmetic():
    """Tables are means over probed steps of plainly computed norms, gradients taken before clipping."""
    torch.manual_seed(0)
    network = Net()
    watch = Watch("standard", network, 2)
    names = [name for name, _ in network.named_parameters()]
    expected = {quantity: dict.fromkeys(names, 0.0) for quantity in ("grad", "weight", "update")}
    for _ in range(2):
        network.zero_grad()
        loss = network(torch.randn(8, 5, 3)).square().mean()
        plain = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        loss.backward()
        watch.before_update(network)
        nn.utils.clip_grad_norm_(network.parameters(), 1e-3)
        with torch.no_grad():
            for name, parameter, gradient in zip(names, network.parameters(), plain, strict=True):
                step = torch.randn_like(parameter) * 1e-3
                parameter += step
                norm = math.sqrt(sum(v * v for v in parameter.flatten().tolist()))
                expected["grad"][name] += math.sqrt(sum(v * v for v in gradient.flatten().tolist())) / 2
                expected["weight"][name] += norm / 2
                expected["update"][name] += math.sqrt(sum(v * v for v in step.flatten().tolist())) / norm / 2
        watch.after_update(network)
    metrics, tables, _ = end(watch)
    for quantity, table in expected.items():
        assert tables[quantity] == pytest.approx(table, rel=1e-3 if quantity == "update" else 1e-5)
    assert metrics["weight/norm"] == pytest.approx(math.hypot(*expected["weight"].values()), rel=1e-5)
    matrices = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
    ratios = [ratio for name, ratio in expected["update"].items() if name in matrices]
    assert metrics["update/ratio"] == pytest.approx(median(ratios), rel=1e-3)


def test_probes_are_finite_at_the_edges():
    """Without gradient the norm is 0; the ratio of a tensor that leaves 0 is 1, of one that stays there 0."""
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.zero_()
    watch = Watch("standard", network, 1)
    watch.before_update(network)
    with torch.no_grad():
        network.weight += 1
    watch.after_update(network)
    _, tables, _ = end(watch)
    assert tables["grad"] == {"weight": 0.0, "bias": 0.0}
    assert tables["update"] == {"weight": 1.0, "bias": 0.0}


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_nonfinite_tensor_is_named(bad):
    """The first gradient that is not finite is named, else the first such weight, else nothing."""
    network = Net()
    assert nonfinite_tensor(network) is None
    network(torch.randn(2, 5, 3)).sum().backward()
    assert nonfinite_tensor(network) is None
    with torch.no_grad():
        network.recurrent.weight_ih_l0[0, 0] = bad
    assert nonfinite_tensor(network) == "recurrent.weight_ih_l0"
    network.head.weight.grad[0, 0] = bad
    assert nonfinite_tensor(network) == "head.weight"
    network.recurrent.weight_hh_l0.grad[0, 0] = bad
    assert nonfinite_tensor(network) == "recurrent.weight_hh_l0"


def test_large_finite_gradients_are_not_named():
    """A gradient whose norm overflows but whose numbers are finite is not called non-finite."""
    network = nn.Linear(2, 2)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 3e38)
    assert nonfinite_tensor(network) is None
