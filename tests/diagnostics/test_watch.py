"""Probes against plain autograd, and a training that does not notice that it is watched."""

import json
import math
import random
from collections.abc import Iterable
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.looked import build, sample
from tuner.diagnostics import names as quantities_of
from tuner.diagnostics.catalog import LEVELS
from tuner.diagnostics.look import Sample
from tuner.diagnostics.look_probes import Measured
from tuner.diagnostics.watch import Watch, nonfinite_tensor


class Net(nn.Module):
    """A small recurrent network with dropout, so that a moved random stream shows."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x_BTI: Tensor) -> Tensor:
        return self.head(nn.functional.dropout(self.recurrent(x_BTI)[0][:, -1], 0.3, self.training))


def train(
    level: str, steps: int = 12, steps_per_epoch: int = 6, clip: float = 0.05
) -> tuple[list[float], list[Tensor], list[Measured]]:
    """A plain training loop around a watch; gives losses, weights and what each epoch was."""
    torch.manual_seed(0)
    network: Any = Net()
    optimizer = torch.optim.AdamW(network.parameters(), 0.01)
    watch = Watch(level, network, steps_per_epoch)
    losses, epochs = [], []
    for step in range(steps):
        optimizer.zero_grad()
        loss = network(torch.randn(8, 5, 3)).square().mean()
        loss.backward()
        norm = float(
            torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
        )
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


def end(watch: Watch) -> Measured:
    """What an epoch without losses was."""
    return watch.epoch(nn.Module(), 0, [], milestone=False)


@pytest.mark.parametrize("level", LEVELS)
def test_training_does_not_notice(level: str) -> None:
    """Losses and weights are the same bit for bit at any level."""
    losses, weights, _ = train(level)
    expected_losses, expected_weights, _ = train("off")
    assert losses == expected_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, expected_weights, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_counters_are_free(level: str) -> None:
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


def test_epochs_are_apart() -> None:
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
        ("standard", 100, 2),
        ("standard", 1000, 10),
        ("full", 35, 4),
        ("full", 1000, 100),
    ],
)
def test_due(level: str, steps_per_epoch: int, due: int) -> None:
    """Every 50th step is due, every 10th at level full, at most 10 of a longer epoch but there; none at level off."""
    watch = Watch(level, Net(), steps_per_epoch)
    assert sum(watch.due(step) for step in range(steps_per_epoch)) == due


def looked(level: str, ends: Iterable[tuple[int, bool]], steps_per_epoch: int = 1) -> list[int]:
    """The steps at whose ends there was a look; `ends` are (step, milestone)."""
    network: Any = build("gru", dtype=torch.float32)
    watch = Watch(level, network, steps_per_epoch, lambda: sample(dtype=torch.float32))
    return [step for step, milestone in ends if watch.epoch(network, step, [], milestone=milestone).profiles]


def test_looks_become_rare() -> None:
    """The interval doubles from look to look up to its most, and is counted from the look before."""
    ends = [(step, False) for step in range(0, 8000, 10)]
    assert looked("standard", ends) == [100, 300, 700, 1500, 3100, 4700, 6300, 7900]
    assert looked("full", ends[:81]) == [20, 60, 140, 300, 460, 620, 780]
    assert looked("light", ends[:81]) == looked("off", ends[:81]) == []


def test_a_milestone_is_looked_at_if_enough_was_learned() -> None:
    """Rungs and the last epoch do not wait for the interval, only for its least."""
    assert looked("standard", [(99, True)]) == []
    ends = [(100, True), (150, True), (199, True), (200, True), (299, False), (310, True), (1109, False), (1110, False)]
    assert looked("standard", ends) == [100, 200, 310, 1110]


def test_what_is_looked_at_is_drawn_once() -> None:
    """When the first look is due, not before."""
    network, drawn = build("gru", dtype=torch.float32), []

    def draw() -> Sample:
        drawn.append(sample(dtype=torch.float32))
        return drawn[-1]

    watch = Watch("full", network, 10, draw)
    watch.epoch(network, 10, [], milestone=True)
    assert not drawn
    for step in (20, 400, 1000):
        assert watch.epoch(network, step, [], milestone=True).profiles
    assert len(drawn) == 1


def spikes_of(losses: list[float], epochs: int = 1) -> float:
    """Loss spikes of a run of losses, cut into epochs, through JSON after each."""
    watch, found = Watch("off", Net(), 1), 0.0
    size = -(-len(losses) // epochs)
    for start in range(0, len(losses), size):
        found += watch.epoch(Net(), 0, losses[start : start + size], milestone=False).metrics[quantities_of.SPIKES]
        state = json.loads(json.dumps(watch.state_dict()))
        watch = Watch("off", Net(), 1)
        watch.load_state_dict(state)
    return found


def test_spikes_are_counted_once_each() -> None:
    """A rise far above the last median counts, however long it lasts; noise, a slope and the first steps do not."""
    rng = random.Random(0)
    noise = [1 + rng.uniform(-0.1, 0.1) for _ in range(400)]
    assert spikes_of(noise) == 0
    assert spikes_of([2 - step / 400 + value for step, value in enumerate(noise)]) == 0
    spiky = list(noise)
    spiky[150] = 3.0
    spiky[251:255] = [3.0, 4.0, 5.0, 2.0]
    assert spikes_of(spiky) == 2
    assert spikes_of(spiky, epochs=4) == 2
    assert spikes_of([5.0, *noise[:30]]) == 0


def test_the_start_is_told_with_the_first_epoch() -> None:
    """Root mean squares of the singular values before the first step, though the network has moved on since."""
    network: Any = build("lstm", dtype=torch.float32)
    watch = Watch("standard", network, 1, lambda: sample(dtype=torch.float32))
    watch.start(network)
    (cell,) = network.stack.forward_cells
    expected = [torch.linalg.svdvals(block).square().mean().sqrt().item() for block in cell.recurrent_blocks()]
    with torch.no_grad():
        cell.recurrent_weights().mul_(2)
    first, second = (watch.epoch(network, step, [], milestone=False).tensors for step in (1, 2))
    assert list(first[quantities_of.START_GAIN].values()) == pytest.approx(expected, rel=1e-5)
    assert quantities_of.START_GAIN not in second


def test_what_is_not_finite_is_left_out() -> None:
    """Of a network with a weight that is not a number, only finite numbers are recorded, and something is."""
    network: Any = build("lstm", layers=2, dtype=torch.float32)
    with torch.no_grad():
        network.stack.forward_cells[1].input_weights()[0, 0] = math.nan
    watch = Watch("full", network, 1, lambda: sample(dtype=torch.float32))
    metrics, tensors, profiles = watch.epoch(network, 20, [], milestone=True)
    assert all(math.isfinite(value) for value in metrics.values())
    assert all(math.isfinite(value) for table in tensors.values() for value in table.values())
    points = [point for cells in profiles.values() for profile in cells.values() for point in profile]
    assert all(math.isfinite(number) for point in points for number in point)
    assert tensors[quantities_of.OUTPUT_SD].keys() == {"stack.forward_cells.0"}
    assert len(tensors[quantities_of.SINGULAR_LARGEST]) == 8


def test_levels_measure_what_they_say() -> None:
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


def test_probes_equal_plain_arithmetic() -> None:
    """Tables are means over probed steps of plainly computed norms, gradients taken before clipping."""
    torch.manual_seed(0)
    network: Any = Net()
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


def test_probes_are_finite_at_the_edges() -> None:
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
def test_nonfinite_tensor_is_named(bad: float) -> None:
    """The first gradient that is not finite is named, else the first such weight, else nothing."""
    network: Any = Net()
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


def test_large_finite_gradients_are_not_named() -> None:
    """A gradient whose norm overflows but whose numbers are finite is not called non-finite."""
    network = nn.Linear(2, 2)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 3e38)
    assert nonfinite_tensor(network) is None
