"""Every rule on records made for it: raised where the symptom is, silent on a healthy training and where nothing was
measured."""  # noqa: D205, D209

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tuner.config.options import Options
from tuner.diagnostics import names
from tuner.diagnostics.case import Case
from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Cure, Finding, changes_in_words
from tuner.diagnostics.judging import hopeless, judge, rules
from tuner.messages import Epoch
from tuner.objective import Objective
from tuner.training.settings import known_parameters

CELL = "stack.forward_cells.0"
HEALTHY_METRICS = {
    names.UPDATE_RATIO: 2e-3,
    names.GRAD_NORM: 1.0,
    names.GRAD_NORM_MAX: 3.0,
    names.ATTENUATION: -1.0,
}
HEALTHY_TABLES: dict[str, dict[str, float]] = {
    names.INPUT_SD: {CELL: 1.0},
    names.START_GAIN: {f"{CELL}/input": 1.1, f"{CELL}/forget": 1.0},
    names.SINGULAR_LARGEST: {f"{CELL}/input": 3.1, f"{CELL}/forget": 2.0},
    names.CELL_ATTENUATION: {CELL: -1.0},
    names.MEMORY_TIME: {CELL: 30.0},
    names.GATE_LEFT: {f"{CELL}/input": 0.1, f"{CELL}/forget": 0.0},
    names.GATE_RIGHT: {f"{CELL}/input": 0.1, f"{CELL}/forget": 0.99},
    names.UNITS_DEAD: {CELL: 0.0},
    names.UNITS_SATURATED: {CELL: 0.05},
}


def case(
    train: Any = lambda epoch: 0.9**epoch,
    val: Any = lambda epoch: 0.92**epoch,
    *,
    epochs: int = 20,
    sizes: Any = lambda _: 10.0,
    metrics: Mapping[str, Any] = {},
    tables: Mapping[str, Mapping[str, float]] = {},
    **fields: Any,
) -> Case:
    """A record: healthy but for what is changed; a metric may be a function of the epoch."""
    made = []
    for epoch in range(1, epochs + 1):
        values: dict[str, Any] = {"train/loss": train, "val/loss": val, **HEALTHY_METRICS, **metrics}
        told = {name: value(epoch) if callable(value) else value for name, value in values.items()}
        weights = {names.WEIGHT: {f"{CELL}.kernel.weight_ih_l0": sizes(epoch), f"{CELL}.kernel.bias_ih_l0": epoch}}
        made.append(Epoch(epoch=epoch, time=0.0, metrics=told, tensors={**HEALTHY_TABLES, **weights, **tables}))
    given: dict[str, Any] = {"budget": 20, "trivial": {"loss": 1.0}, "lag": 50, "steps_per_epoch": 100, **fields}
    return Case(epochs=made, **{"objective": Objective(), **given})


def flat(value: float) -> Any:
    """A curve that does not move."""
    return lambda _: value


SICK: dict[str, Case] = {
    "non_finite": case(diverged="the training loss is nan"),
    "exploded_loss": case(train=flat(50.0), val=flat(60.0)),
    "input_scale": case(tables={names.INPUT_SD: {CELL: 1000.0}}),
    "initialization_scale": case(tables={names.START_GAIN: {f"{CELL}/input": 4.0}}),
    "learning_rate_too_high": case(val=flat(0.9), metrics={names.UPDATE_RATIO: 0.5}),
    "learning_rate_too_low": case(train=flat(0.92), val=flat(0.9), metrics={names.UPDATE_RATIO: 1e-6}),
    "shrinking_weights": case(sizes=lambda epoch: 10.0 * 0.9**epoch, params={"weight_decay": 1.0}),
    "no_memory": case(tables={names.MEMORY_TIME: {CELL: 0.3}}),
    "growing_weights": case(tables={names.SINGULAR_LARGEST: {f"{CELL}/input": 50.0}}),
    "saturated_gate": case(tables={names.GATE_LEFT: {f"{CELL}/output": 0.97}, names.GATE_RIGHT: {}}),
    "vanishing_gradient": case(
        train=flat(1.0),
        val=flat(1.0),
        metrics={names.ATTENUATION: -12.0},
        tables={names.CELL_ATTENUATION: {CELL: -12.0}},
    ),
    "exploding_gradient": case(tables={names.CELL_ATTENUATION: {CELL: 5.0}}),
    "dead_units": case(tables={names.UNITS_DEAD: {CELL: 0.8}}),
    "saturated_units": case(tables={names.UNITS_SATURATED: {CELL: 0.9}}),
    "only_blanks": case(metrics={"val/empty": 1.0}),
    "unstable_loss": case(train=lambda epoch: 0.5 + 0.4 * (epoch % 2)),
    "too_much_regularization": case(train=flat(0.9), val=flat(0.5), params={"dropout.output": 0.9}),
    "not_generalizing": case(val=flat(1.01)),
    "overfitting": case(val=lambda epoch: 0.5 + 0.05 * abs(epoch - 5)),
    "stuck_at_trivial": case(train=flat(1.0), val=flat(1.0)),
}


def found(of: Case, thresholds: Mapping[str, Mapping[str, float]] = {}) -> dict[str, Finding]:
    """Name -> finding."""
    return {finding.name: finding for finding in judge(of, rules(thresholds))}


def test_every_rule_has_a_case() -> None:
    """The cases walk the catalog."""
    assert set(SICK) == set(FINDINGS)


@pytest.mark.parametrize("name", list(FINDINGS))
def test_a_symptom_is_found_with_its_evidence_and_no_other_is(name: str) -> None:
    """The finding names numbers, place, first epoch and step, threshold, source and remedy; JSON brings it back."""
    raised = found(SICK[name])
    also = {"vanishing_gradient": {"stuck_at_trivial"}, "exploded_loss": {"stuck_at_trivial"}}
    assert set(raised) - also.get(name, set()) == {name}
    finding = raised[name]
    assert any(character.isdigit() for character in finding.evidence) or name == "non_finite"
    assert 1 <= finding.epoch <= 20
    assert finding.step == 100 * finding.epoch
    assert finding.threshold
    assert finding.source
    assert finding.remedies
    assert Finding.from_json(json.loads(json.dumps(finding.as_json()))) == finding


def test_a_healthy_training_has_none() -> None:
    """Nor has one of which only the losses are known, or nothing at all."""
    assert found(case()) == {}
    bare = Case(epochs=[], budget=10, objective=Objective())
    assert found(bare) == {}
    measured_little = case(
        metrics=dict.fromkeys(HEALTHY_METRICS, math.nan), tables={name: {} for name in HEALTHY_TABLES}
    )
    assert found(measured_little) == {}


@pytest.mark.parametrize("name", list(FINDINGS))
def test_cures_name_parameters_that_exist(name: str) -> None:
    """A cure that no search space could hold would never be tried."""
    for cure in found(SICK[name])[name].cures:
        assert cure.param in known_parameters()


@pytest.mark.parametrize("name", [name for name in FINDINGS if name != "non_finite"])
def test_thresholds_can_be_changed(name: str) -> None:
    """With a threshold that nothing passes, the finding is not raised; every threshold is documented."""
    options: type[Options] = FINDINGS[name].options
    never = {
        "factor": 1e9, "gain": 0.0, "attenuation": 1e-99, "growth": 1e99, "outlier": 1e9, "closed": 1.0, "open": 1.0,
        "share": 1.0, "least": 0.0, "largest": 1e9, "sd": 1e9, "update": 1e9, "travel": 1e-12,
        "swing": 1e9, "rise": 1e9, "gap": 1e9, "kept": 1e-9, "steps": 1e-9, "singular": 1e9, "hopeless": 1e-99,
    }  # fmt: skip
    changed = {field: never[field] for field in options.model_fields if field in never}
    assert changed
    assert all(options.meanings().values())
    sick = SICK[name] if name != "stuck_at_trivial" else case(train=flat(1.0), val=flat(0.995))
    assert name in found(sick)
    if name == "not_generalizing":
        changed = {"train": 0.999}
    assert name not in found(sick, {name: changed})


def small(ratio: float = 1e-4, level: float = 1.0, **fields: Any) -> Case:
    """A training with small steps, a quarter into its budget of 2,000 steps."""
    rates = {names.UPDATE_RATIO: ratio, names.LEARNING_RATE: 1e-3, **fields.pop("metrics", {})}
    return case(**{"train": flat(level), "val": flat(level), "metrics": rates, "epochs": 5, **fields})


@pytest.mark.parametrize(
    ("told", "fatal", "of"),
    [
        (True, True, small()),
        (True, False, small(2e-4)),  # by 0.4: too little, but some such learn late
        (False, False, small(4e-4)),  # 2,000 steps move the weights by 0.8 of their size
        (False, False, small(metrics={names.LEARNING_RATE: lambda epoch: 1e-4 * epoch})),  # warms up
        (True, False, small(level=0.88)),  # learns something
        (False, False, small(level=0.8)),  # enough
        (False, False, small(train=lambda epoch: 1.0 - 0.07 * epoch)),  # in training, but does not generalize
        (True, False, small(train=lambda epoch: 1.0 - 0.04 * epoch)),  # slowly
        (True, False, small(train=flat(0.6))),  # training data that are easier
        (False, False, small(train=lambda epoch: 0.5**epoch, trivial={})),
        (True, False, small(budget=100, steps_per_epoch=1)),  # a twentieth of its budget
        (True, False, small(steps_per_epoch=1)),  # 20 steps move nothing at any rate
        (True, False, small(trivial={})),
        (False, False, small(steps_per_epoch=0)),
    ],
)
def test_a_rate_is_too_low_for_its_budget(told: bool, fatal: bool, of: Case) -> None:
    """What counts is how far all the steps could move the weights; a training ends where it learned nothing, too."""
    finding = found(of).get("learning_rate_too_low")
    assert (finding is not None, bool(finding and finding.fatal)) == (told, fatal)
    assert (hopeless(of, rules({})) is not None) == fatal


@pytest.mark.parametrize(
    ("harm", "of"),
    [
        ("", case(metrics={names.UPDATE_RATIO: 0.06})),  # as the best of short trainings have
        ("", case(metrics={names.UPDATE_RATIO: 0.06}, trivial={})),
        ("at best 10% below", case(val=flat(0.9), metrics={names.UPDATE_RATIO: 0.06})),
        ("at best 0% below", case(val=flat(1.2), metrics={names.UPDATE_RATIO: 0.06})),
        ("came to 30,", case(metrics={names.UPDATE_RATIO: 0.06}, tables={names.SINGULAR_LARGEST: {CELL: 30.0}})),
    ],
)
def test_large_steps_are_a_fault_where_they_do_harm(harm: str, of: Case) -> None:
    """Where nothing is learned, or the recurrent matrices grow out of proportion."""
    finding = found(of).get("learning_rate_too_high")
    assert (finding is not None) == bool(harm)
    assert finding is None or harm in finding.evidence


@pytest.mark.parametrize(
    ("told", "of"),
    [
        (True, small(3e-3, 0.5, pruned=True)),  # a healthy step is 1e-2 of the weights
        (False, small(3e-3, 0.5)),
        (False, small(4e-3, 0.5, pruned=True)),
        (False, small(3e-3, 0.5, pruned=True, metrics={names.LEARNING_RATE: lambda epoch: 1e-4 * epoch})),  # warms up
        (False, small(3e-3, 0.5, pruned=True, tables={names.UNITS_DEAD: {CELL: 1.0}})),
        (False, small(3e-3, 0.005, pruned=True)),  # nothing is left to learn
        (False, small(3e-3, 0.5, pruned=True, train=lambda epoch: max(10.0**-epoch, 2e-3))),
        (True, small(3e-3, 0.02, pruned=True)),  # the others are further
        (True, small(3e-3, 0.5, pruned=True, train=lambda epoch: 1.0 - epoch)),  # a likelihood has no such end
    ],
)
def test_of_a_training_that_was_cut_a_rate_is_too_low_sooner(told: bool, of: Case) -> None:
    """Others were further after as many epochs: steps a third as large as healthy ones explain it; they end nothing."""
    finding = found(of).get("learning_rate_too_low")
    assert (finding is not None) == told
    assert hopeless(of, rules({})) is None
    if finding is not None:
        assert finding.cures == (Cure(param="learning_rate", times=pytest.approx(1e-2 / 3e-3, rel=0.02)),)  # type: ignore[arg-type]
        assert "the search pruned it" in finding.evidence
        assert "learning_rate_too_low" not in found(of, {"learning_rate_too_low": {"behind": 4.0}})


def test_a_rate_that_is_only_behind_does_not_explain_a_standstill() -> None:
    """What was cut with moderate steps on a plateau is not called hopeless."""
    of = small(2e-3, epochs=10, pruned=True)
    assert {"learning_rate_too_low", "stuck_at_trivial"} <= set(found(of))
    assert not any(finding.fatal for finding in found(of).values())


def test_too_few_steps_are_not_the_rates_fault() -> None:
    """What learned nothing in 20 steps, of 20 epochs, goes on; with 2,000 it does not."""
    for steps, ends in ((1, False), (100, True)):
        of = case(train=flat(1.0), val=flat(1.0), epochs=10, metrics={names.UPDATE_RATIO: 1e-4}, steps_per_epoch=steps)
        assert "learning_rate_too_low" in found(of)
        assert (hopeless(of, rules({"learning_rate_too_low": {"end": 1.0}})) is not None) == ends


def test_a_rate_is_cured_towards_what_its_budget_needs() -> None:
    """Between 1e-3 and 2e-2 of the weights a step."""
    for steps, ratio in ((10, 2e-2), (100, 1e-2), (10_000, 1e-3)):
        (cure,) = found(small(1e-7, steps_per_epoch=steps))["learning_rate_too_low"].cures
        assert cure == Cure(param="learning_rate", times=pytest.approx(ratio / 1e-7))  # type: ignore[arg-type]
    high = {names.UPDATE_RATIO: 0.1}
    (cure,) = found(case(train=flat(1.0), val=flat(0.9), metrics=high))["learning_rate_too_high"].cures
    assert cure == Cure(param="learning_rate", times=pytest.approx(0.1))  # type: ignore[arg-type]


@pytest.mark.parametrize(("cell", "offered"), [("rnn", True), ("gru", False), ("lstm", False)])
def test_only_a_cell_without_gates_is_cured_by_one_with(cell: str, offered: bool) -> None:
    """Nothing says that one gated cell forgets less than another."""
    sick = {names.ATTENUATION: -12.0}
    of = case(train=flat(1.0), val=flat(1.0), metrics=sick, params={"cell": cell})
    assert (Cure(param="cell", to="lstm") in found(of)["vanishing_gradient"].cures) == offered


def test_a_plateau_is_not_hopeless_and_one_with_a_cause_is() -> None:
    """What learned nothing goes on, unless something explains it; before its allowance is over it goes on anyway."""
    plateau = SICK["stuck_at_trivial"]
    assert hopeless(plateau, rules({})) is None
    vanishing = SICK["vanishing_gradient"]
    ending = hopeless(vanishing, rules({}))
    assert ending is not None
    assert ending.name == "stuck_at_trivial"
    assert (
        "the cause: vanishing gradient, over the task's lag of 50 steps the gradient falls to 10^-12.0"
        in ending.evidence
    )
    weak = {"metrics": {names.ATTENUATION: -5.0}, "tables": {names.CELL_ATTENUATION: {CELL: -5.0}}}
    recovering = case(train=flat(1.0), val=flat(1.0), **weak)  # type: ignore[arg-type]
    assert "vanishing_gradient" in found(recovering)
    assert hopeless(recovering, rules({})) is None
    early = Case(
        **{**{f: getattr(vanishing, f) for f in vanishing.__dataclass_fields__}, "epochs": vanishing.epochs[:5]}
    )
    assert hopeless(early, rules({})) is None
    assert hopeless(case(), rules({})) is None


def test_what_falls_on_is_not_hopeless_however_little_it_falls() -> None:
    """Where a third of the labels are wrong, all that can be learned is a few hundredths of the loss."""
    sick: dict[str, Any] = {"metrics": {names.ATTENUATION: -12.0}, "tables": {names.CELL_ATTENUATION: {CELL: -12.0}}}
    slow, still = (
        case(train=train, val=flat(0.99), **sick) for train in (lambda epoch: 0.99 - 1e-4 * epoch, flat(0.99))
    )
    assert hopeless(slow, rules({})) is None
    assert hopeless(still, rules({})) is not None
    assert "stuck_at_trivial" in found(slow)


def test_a_training_that_is_ahead_by_its_objective_has_learned() -> None:
    """Whatever its loss says; a score to be maximized is above the trivial predictor's by chance, and shows nothing."""
    of = small(1e-6, metrics={"val/mase": flat(0.72)})
    assert hopeless(of, rules({})) is not None
    ahead = replace(of, objective=Objective("val/mase", trivial=1.0))
    assert ahead.progress == pytest.approx(0.28)
    assert hopeless(ahead, rules({})) is None
    assert "stuck_at_trivial" not in found(ahead)
    assert hopeless(replace(of, objective=Objective("val/mase", maximize=True, trivial=1.0)), rules({})) is not None


def test_a_vanishing_gradient_on_a_task_that_is_learned_is_nobodys_concern() -> None:
    """The evidence names lag and memory where it is."""
    told = {"metrics": {names.ATTENUATION: -12.0}, "tables": {names.CELL_ATTENUATION: {CELL: -12.0}}}
    assert "vanishing_gradient" not in found(case(**told))  # type: ignore[arg-type]
    finding = found(SICK["vanishing_gradient"])["vanishing_gradient"]
    assert finding.evidence == (
        "over the task's lag of 50 steps the gradient falls to 10^-12.0 of itself; "
        "its units remember for 30 steps at most"
    )
    assert str(finding.cures[0]) == "gate_bias: chrono"
    assert finding.where == CELL


def test_gates_of_a_long_memory_are_not_saturated() -> None:
    """With chrono biases forget gates are open and input gates shut, and should be."""
    left = {f"{CELL}/input": 0.97, f"{CELL}/forget": 0.0}
    assert found(case(tables={names.GATE_LEFT: left, names.GATE_RIGHT: {f"{CELL}/forget": 0.99}})) == {}


def test_cures_change_values() -> None:
    """Factors and sums need a number."""
    assert Cure(param="learning_rate", times=0.1).changed(0.5) == pytest.approx(0.05)
    assert Cure(param="forget_bias", plus=2.0).changed(1) == 3.0
    assert Cure(param="forget_bias", plus=2.0).changed(None) is None
    assert Cure(param="cell", to="lstm").changed(None) == "lstm"
    assert [str(Cure(param="a", times=0.25)), str(Cure(param="a", plus=-1.0))] == ["a times 0.25", "a minus 1"]
    assert changes_in_words({"a": [0.1, 0.01], "b": [None, "x"]}) == "a 0.1 -> 0.01, b - -> x"


def test_cures_that_change_nothing_are_left_out() -> None:
    """A cure that is in force, or acts nowhere, is none beside the parameters; others say from where to where."""
    cures = (
        Cure(param="initializer", to="orthogonal"),
        Cure(param="gate_bias", to="chrono"),
        Cure(param="learning_rate", times=0.1),
        Cure(param="clip_norm", times=0.5),
        Cure(param="forget_bias", plus=3.0),
    )
    finding = Finding(name="f", epoch=1, evidence="e", threshold="t", source="s", cures=cures)
    params = {"initializer": "orthogonal", "learning_rate": 0.03, "clip_norm": None, "forget_bias": 1.0}
    found = finding.beside(params)
    assert found.remedies == ["learning_rate 0.03 -> 0.003", "forget_bias 1 -> 4"]
    assert Finding.from_json(found.as_json()) == found
    assert [cure.changed(0.5) for cure in found.cures] == [0.05, 3.5]


def test_a_blank_is_told_since_the_epoch_in_which_it_took_over() -> None:
    """From the first epoch on only after a share of the budget; where something was recognized before, sooner."""

    def empty(*shares: float, budget: int = 20) -> Finding | None:
        told = case(epochs=len(shares), budget=budget, metrics={"val/empty": lambda epoch: shares[epoch - 1]})
        return found(told).get("only_blanks")

    assert empty(*[1.0] * 7) is None
    never = empty(*[1.0] * 8)
    assert never is not None
    assert (never.epoch, "since epoch 1 " in never.evidence) == (1, True)
    assert empty(1.0, 0.5, 1.0) is None
    again = empty(1.0, 0.5, 1.0, 0.995)
    assert again is not None
    assert (again.epoch, "since epoch 3 " in again.evidence) == (3, True)
    assert empty(1.0, 0.5, 1.0, 1.0, 0.98) is None
    assert [str(cure) for cure in again.cures] == ["learning_rate times 0.3"]
