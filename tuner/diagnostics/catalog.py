"""What can be measured while a network trains, and the levels that bundle it by price."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.config.options import Options
from tuner.diagnostics import thresholds
from tuner.registry import Catalog, Entry


class NoOptions(Options):
    """A probe without parameters of its own."""


_PROBES = "tuner.diagnostics.probes"

PROBES = Catalog(
    "probe",
    {
        "gradient_norms": Entry(
            f"{_PROBES}:GradientNorms",
            "norm of every tensor's gradient, before clipping",
            "Pascanu et al. 2013",
            NoOptions,
        ),
        "weight_norms": Entry(f"{_PROBES}:WeightNorms", "norm of every parameter tensor", "-", NoOptions),
        "update_ratio": Entry(
            f"{_PROBES}:UpdateRatio",
            "size of a step over size of the weight, per tensor; about 1e-3 is healthy",
            "Karpathy, CS231n notes",
            NoOptions,
        ),
    },
)
"""Contract: `tuner.diagnostics.probes.Probe`."""

LEVELS: Mapping[str, tuple[str, ...]] = {
    "off": (),
    "light": ("gradient_norms",),
    "standard": ("gradient_norms", "weight_norms", "update_ratio"),
    "full": ("gradient_norms", "weight_norms", "update_ratio"),
}
"""Level -> its probes. What costs nothing (global gradient norm, clipped and skipped steps) is measured at
any."""

PROBED_STEPS: Mapping[str, int] = {"off": 0, "light": 10, "standard": 10, "full": 100}
"""Level -> at least so many steps of an epoch are probed, or all of them in a shorter one."""

_RULES = "tuner.diagnostics.rules"


def _rule(name: str, summary: str, source: str, options: type[Options]) -> Entry:
    return Entry(f"{_RULES}:{name}", summary, source, options)


FINDINGS = Catalog(
    "finding",
    {
        "non_finite": _rule(
            "NonFinite", "a loss, gradient or prediction is not finite", "arithmetic", thresholds.NonFinite
        ),
        "exploded_loss": _rule(
            "ExplodedLoss",
            "the training loss is far above the trivial predictor's and stays there",
            "after Zhang et al. 2021",
            thresholds.ExplodedLoss,
        ),
        "input_scale": _rule(
            "InputScale", "inputs on a scale that saturates every gate", "ours", thresholds.InputScale
        ),
        "initialization_scale": _rule(
            "InitializationScale",
            "recurrent matrices start far too large or too small",
            "Pascanu et al. 2013",
            thresholds.InitializationScale,
        ),
        "learning_rate_too_high": _rule(
            "LearningRateTooHigh",
            "steps overwrite the weights",
            "Karpathy, CS231n notes",
            thresholds.LearningRateTooHigh,
        ),
        "learning_rate_too_low": _rule(
            "LearningRateTooLow",
            "steps leave the weights as they were",
            "Karpathy, CS231n notes",
            thresholds.LearningRateTooLow,
        ),
        "shrinking_weights": _rule(
            "ShrinkingWeights", "weight decay pulls the weights to 0", "ours", thresholds.ShrinkingWeights
        ),
        "saturated_gate": _rule(
            "SaturatedGate",
            "a gate is shut, or open, whatever it reads",
            "Karpathy et al. 2016",
            thresholds.SaturatedGate,
        ),
        "vanishing_gradient": _rule(
            "VanishingGradient",
            "the gradient does not reach across the task's lag, and the task is not learned",
            "Hochreiter 1991; Pascanu et al. 2013",
            thresholds.VanishingGradient,
        ),
        "exploding_gradient": _rule(
            "ExplodingGradient",
            "the gradient grows through time, or leaps",
            "Pascanu et al. 2013",
            thresholds.ExplodingGradient,
        ),
        "dead_units": _rule("DeadUnits", "units say the same whatever they read", "ours", thresholds.DeadUnits),
        "saturated_units": _rule(
            "SaturatedUnits", "outputs sit at the ends of tanh", "ours", thresholds.SaturatedUnits
        ),
        "unstable_loss": _rule(
            "UnstableLoss",
            "the training loss swings instead of falling",
            "Zhang et al. 2021",
            thresholds.UnstableLoss,
        ),
        "too_much_regularization": _rule(
            "TooMuchRegularization",
            "dropout keeps the network from learning what it could",
            "ours",
            thresholds.TooMuchRegularization,
        ),
        "not_generalizing": _rule(
            "NotGeneralizing",
            "what is learned does not hold for the validation data",
            "ours",
            thresholds.NotGeneralizing,
        ),
        "overfitting": _rule(
            "Overfitting",
            "the validation loss rises while the training loss falls",
            "Schoop et al. 2021",
            thresholds.Overfitting,
        ),
        "stuck_at_trivial": _rule(
            "StuckAtTrivial",
            "no better than a predictor that does not look at the input",
            "Zhang et al. 2021",
            thresholds.StuckAtTrivial,
        ),
    },
)
"""Contract: `tuner.diagnostics.rules.Rule`. Causes come before their symptoms: a repair takes the first that it can."""
