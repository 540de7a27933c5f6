"""The catalogs of probes, by levels of cost, and of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tuner.config.options import Options
from tuner.diagnostics import thresholds
from tuner.registry import Catalog, Entry


class NoOptions(Options):
    """A probe without parameters of its own."""


@dataclass(frozen=True)
class ProbeEntry(Entry):
    """A probe.

    Args:
        when: "step": around optimizer steps; "look": in looks, after epochs.
        cost: Of one measurement, in optimizer steps of an LSTM of 128 units on 32 items of 100 steps; the probes of a
            look share its forward and backward pass over the sample, which costs one more.
    """

    when: Literal["step", "look"] = "step"
    cost: float = 0.0


def _step_probe(name: str, summary: str, source: str, cost: float) -> Entry:
    told = f"{summary}; at some steps, each costs {cost:g} steps"
    return ProbeEntry(f"tuner.diagnostics.probes:{name}", told, source, NoOptions, "step", cost)


def _look_probe(name: str, summary: str, source: str, cost: float) -> Entry:
    told = f"{summary}; in looks, each costs {cost:g} steps"
    return ProbeEntry(f"tuner.diagnostics.look_probes:{name}", told, source, NoOptions, "look", cost)


PROBES = Catalog(
    "probe",
    {
        "gradient_norms": _step_probe(
            "GradientNorms", "norm of every tensor's gradient, before clipping", "Pascanu et al. 2013", 0.001
        ),
        "weight_norms": _step_probe("WeightNorms", "norm of every parameter tensor", "-", 0.001),
        "update_ratio": _step_probe(
            "UpdateRatio",
            "norm of an update over norm of the weight, per tensor; about 1e-3 is healthy",
            "Karpathy, CS231n notes",
            0.004,
        ),
        "state_gradients": _look_probe(
            "StateGradients",
            "gradient norm through the state by lag, its slope, and the share left after the task's lag",
            "Pascanu et al. 2013",
            0.02,
        ),
        "gates": _look_probe(
            "Gates",
            "mean and saturation of every gate, and the units' memory times",
            "Karpathy et al. 2016; Tallec & Ollivier 2018",
            0.4,
        ),
        "units": _look_probe(
            "Units", "dead and saturated units; size of outputs, states and inputs", "after Zhang et al. 2021", 0.2
        ),
        "spectrum": _look_probe(
            "Spectrum", "largest and least singular value of every recurrent block", "Pascanu et al. 2013", 0.2
        ),
        "noise_scale": _look_probe(
            "NoiseScale", "batch size beyond which larger ones hardly help", "McCandlish et al. 2018", 0.6
        ),
    },
)
"""Contract: `tuner.diagnostics.probes.StepProbe` or `tuner.diagnostics.look_probes.LookProbe`."""

_STEPS = ("gradient_norms", "weight_norms", "update_ratio")
_LOOKS = ("state_gradients", "gates", "units", "spectrum")

LEVELS: Mapping[str, tuple[str, ...]] = {
    "off": (),
    "light": ("gradient_norms",),
    "standard": (*_STEPS, *_LOOKS),
    "full": (*_STEPS, *_LOOKS, "noise_scale"),
    "diagnosis": (*_STEPS, *_LOOKS, "noise_scale"),
}
"""Level -> its probes. Measurements without cost (global gradient norm, clipped and skipped steps, loss spikes) are
made at every level. The last level is not for searches: it is for trainings made only to be diagnosed."""


@dataclass(frozen=True)
class Cadence:
    """When the probes of a level measure, counted in optimizer steps, so that records can be repeated exactly.

    Args:
        steps: Step probes measure at most at every n-th step; 0: never.
        per_epoch: And at most this often in an epoch.
        least: A look at the end of an epoch with a rung, or of the last epoch, if so many steps were made since the
            last look; 0: never.
        most: Further looks at intervals that begin at `least` and double at every look up to `most`.
    """

    steps: int = 0
    per_epoch: int = 10
    least: int = 0
    most: int = 0


CADENCES: Mapping[str, Cadence] = {
    "off": Cadence(),
    "light": Cadence(steps=50),
    "standard": Cadence(steps=50, least=100, most=1600),
    "full": Cadence(steps=10, per_epoch=10**9, least=20, most=160),
    "diagnosis": Cadence(steps=1, per_epoch=20, least=1, most=160),
}
"""Level -> its cadence. With these, `standard` costs under 1 %, `full` under 5 %: `python -m
benchmarks.diagnostics_cost`."""


def _rule(target: str, summary: str, source: str, options: type[Options]) -> Entry:
    return Entry(f"tuner.diagnostics.rules.{target}", summary, source, options)


FINDINGS = Catalog(
    "finding",
    {
        "non_finite": _rule(
            "loss:NonFinite", "a loss, gradient or prediction is not finite", "arithmetic", thresholds.NonFinite
        ),
        "exploded_loss": _rule(
            "loss:ExplodedLoss",
            "the training loss stays far above the trivial predictor's",
            "after Zhang et al. 2021",
            thresholds.ExplodedLoss,
        ),
        "input_scale": _rule(
            "activations:InputScale", "inputs are so large that they saturate every gate", "ours", thresholds.InputScale
        ),
        "initialization_scale": _rule(
            "weights:InitializationScale",
            "initial recurrent matrices are far too large or too small",
            "Pascanu et al. 2013",
            thresholds.InitializationScale,
        ),
        "learning_rate_too_high": _rule(
            "learning_rate:LearningRateTooHigh",
            "updates are so large that they overwrite the weights",
            "Karpathy, CS231n notes",
            thresholds.LearningRateTooHigh,
        ),
        "learning_rate_too_low": _rule(
            "learning_rate:LearningRateTooLow",
            "updates are so small that the weights hardly change",
            "Karpathy, CS231n notes",
            thresholds.LearningRateTooLow,
        ),
        "shrinking_weights": _rule(
            "weights:ShrinkingWeights",
            "weight decay shrinks the weights to 0",
            "ours",
            thresholds.ShrinkingWeights,
        ),
        "no_memory": _rule(
            "activations:NoMemory", "the state is forgotten at once", "Gers et al. 2000", thresholds.NoMemory
        ),
        "saturated_gate": _rule(
            "activations:SaturatedGate",
            "a gate is always shut or open, whatever its input",
            "Karpathy et al. 2016",
            thresholds.SaturatedGate,
        ),
        "vanishing_gradient": _rule(
            "gradients:VanishingGradient",
            "the gradient does not reach back over the task's lag, and the task is not learned",
            "Hochreiter 1991; Pascanu et al. 2013",
            thresholds.VanishingGradient,
        ),
        "exploding_gradient": _rule(
            "gradients:ExplodingGradient",
            "the gradient grows on its way back through time, or jumps",
            "Pascanu et al. 2013",
            thresholds.ExplodingGradient,
        ),
        "growing_weights": _rule(
            "weights:GrowingWeights",
            "the recurrent weights grow without end",
            "after Zhang et al. 2021",
            thresholds.GrowingWeights,
        ),
        "dead_units": _rule("activations:DeadUnits", "outputs of units are constant", "ours", thresholds.DeadUnits),
        "saturated_units": _rule(
            "activations:SaturatedUnits",
            "outputs are at the flat ends of tanh",
            "ours",
            thresholds.SaturatedUnits,
        ),
        "only_blanks": _rule(
            "loss:OnlyBlanks",
            "a network of CTC says the blank at every step, so that nothing is recognized",
            "Graves et al. 2006; the limits are ours",
            thresholds.OnlyBlanks,
        ),
        "unstable_loss": _rule(
            "loss:UnstableLoss",
            "the training loss oscillates instead of falling",
            "Zhang et al. 2021",
            thresholds.UnstableLoss,
        ),
        "too_much_regularization": _rule(
            "fitting:TooMuchRegularization",
            "dropout is so strong that it prevents learning",
            "ours",
            thresholds.TooMuchRegularization,
        ),
        "not_generalizing": _rule(
            "fitting:NotGeneralizing",
            "the training loss falls, the validation loss does not",
            "ours",
            thresholds.NotGeneralizing,
        ),
        "overfitting": _rule(
            "fitting:Overfitting",
            "the validation loss rises while the training loss falls",
            "Schoop et al. 2021",
            thresholds.Overfitting,
        ),
        "stuck_at_trivial": _rule(
            "loss:StuckAtTrivial",
            "the loss is no better than the trivial predictor's",
            "Zhang et al. 2021",
            thresholds.StuckAtTrivial,
        ),
    },
)
"""Contract: `tuner.diagnostics.rules.rule.Rule`. Causes come before their symptoms: a repair takes the first
curable one."""
