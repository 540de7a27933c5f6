"""What can be measured while a network trains, and the levels that bundle it by price."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.config.options import Options
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
