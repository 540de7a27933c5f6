"""The network's output for each value to forecast: a point, quantiles, or a distribution's parameters.

A network predicts on the scale of its normalized window; `located` converts it to the standardized scale.

B items, H steps ahead, C channels, P numbers per value, Q quantiles; K rows of a batch's `y`, see `WindowDataset`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.time_series import conformal
from tuner.adapters.time_series.options import ForecastingOptions, Outputs
from tuner.adapters.time_series.scoring import LEVELS, MEDIAN
from tuner.adapters.time_series.windows import denormalized, extra

LOSSES: Mapping[str, Callable[..., Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}
_NARROW = 1.0
"""Subtracted from the distances of neighbouring quantiles before softplus, so that these start close together."""
_LEAST_SCALE = 1e-3
_LEAST_DEGREES = 2.0
"""Degrees of freedom above which a Student t has a variance."""


class Output(nn.Module):
    """A point forecast with one of the losses; and the contract of the other outputs. Without parameters of its own.

    Args:
        options: The adapter's.
    """

    size = 1
    """Numbers per value, P."""
    exported = "unscaled forecasts of the rows that follow"
    """Description of an exported graph's output."""

    def __init__(self, options: ForecastingOptions) -> None:
        super().__init__()
        self.options = options

    def forward(self, raw_BHCP: Tensor) -> Tensor:
        """From a linear layer's output to predictions on the normalized scale; (B, H, C) for points."""
        return raw_BHCP.squeeze(-1)

    def located(self, prediction: Tensor, y_BKC: Tensor) -> Tensor:
        """The prediction on the standardized scale."""
        return denormalized(prediction, y_BKC)

    def errors(self, located: Tensor, truth_BHC: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - for the others
        """Training losses per value, whose mean is minimized, (B, H, C)."""
        return LOSSES[self.options.loss](located, truth_BHC, reduction="none")

    def point(self, located: Tensor, y_BKC: Tensor) -> Tensor:
        """The standardized point forecast, (B, H, C): the median of quantiles and distributions."""
        quantiles = self.quantiles(located, y_BKC)
        return located if quantiles is None else quantiles[..., MEDIAN]

    def own(self, located: Tensor, y_BKC: Tensor) -> Tensor:
        """The quantiles that conformal intervals scale, (B, H, C, Q): for points, as wide as the window."""
        quantiles = self.quantiles(located, y_BKC)
        return conformal.normal(located, extra(y_BKC).spread) if quantiles is None else quantiles

    def answers(self, located: Tensor, y_BKC: Tensor) -> Tensor | None:
        """The quantiles to answer, scaled if they are conformal; None if there are only points."""
        options = self.options
        if not options.conformal or options.interval_80 is None or options.interval_95 is None:
            return self.quantiles(located, y_BKC)
        return conformal.stretched(self.own(located, y_BKC), (options.interval_80, options.interval_95))

    def quantiles(self, located: Tensor, y_BKC: Tensor) -> Tensor | None:  # noqa: ARG002 - for the others
        """The standardized quantiles of `LEVELS`, (B, H, C, Q); None for points."""
        return None

    def graph(self, located: Tensor, y_BKC: Tensor) -> Tensor:
        """The output of an exported graph, in the units of the data."""
        values = self.answers(located, y_BKC)
        return _unscaled(located if values is None else values, y_BKC)


class Quantiles(Output):
    """Quantiles as the median plus positive distances between neighbouring levels, so that they never cross."""

    size = len(LEVELS)
    exported = f"unscaled quantiles of the rows that follow; the last axis has {', '.join(map(str, LEVELS))}"

    def forward(self, raw_BHCP: Tensor) -> Tensor:
        """See `Output`."""
        median = raw_BHCP[..., MEDIAN : MEDIAN + 1]
        steps = functional.softplus(raw_BHCP - _NARROW)
        below = steps[..., :MEDIAN].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., MEDIAN + 1 :].cumsum(-1)
        return torch.cat([median - below, median, median + above], dim=-1)

    def errors(self, located: Tensor, truth_BHC: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """Twice the pinball loss, averaged over the levels."""
        above = truth_BHC[..., None] - located
        levels_Q = above.new_tensor(LEVELS)
        return 2 * torch.maximum(levels_Q * above, (levels_Q - 1) * above).mean(-1)

    def quantiles(self, located: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """See `Output`."""
        return located


class StudentT(Output):
    """Student's t distribution: location, scale and degrees of freedom (above 2)."""

    size = 3
    exported = Quantiles.exported

    def __init__(self, options: ForecastingOptions) -> None:
        super().__init__(options)
        from scipy.special import ndtri, stdtrit  # which not every model needs

        inverse_G = np.linspace(0, 1 / _LEAST_DEGREES, 129)
        table = [np.r_[ndtri(level), stdtrit(1 / inverse_G[1:], level)] for level in LEVELS]
        self.register_buffer("table_GQ", torch.tensor(np.array(table).T), persistent=False)

    def forward(self, raw_BHCP: Tensor) -> Tensor:
        """See `Output`."""
        place, scale, degrees = raw_BHCP.unbind(-1)
        scale, degrees = functional.softplus(scale) + _LEAST_SCALE, functional.softplus(degrees) + _LEAST_DEGREES
        return torch.stack([place, scale, degrees], dim=-1)

    def located(self, prediction: Tensor, y_BKC: Tensor) -> Tensor:
        """See `Output`."""
        place, scale, degrees = prediction.unbind(-1)
        return torch.stack([denormalized(place, y_BKC), scale * extra(y_BKC).spread, degrees], dim=-1)

    def errors(self, located: Tensor, truth_BHC: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """The negative logarithm of the likelihood."""
        place, scale, degrees = located.unbind(-1)
        ratio = (truth_BHC - place) / scale
        constant = torch.lgamma(degrees / 2) - torch.lgamma((degrees + 1) / 2) + 0.5 * torch.log(math.pi * degrees)
        return constant + scale.log() + (degrees + 1) / 2 * torch.log1p(ratio.square() / degrees)

    def quantiles(self, located: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """See `Output`; interpolated between 128 degrees of freedom, with an error below 1e-4."""
        place, scale, degrees = (part[..., None] for part in located.double().unbind(-1))
        table_GQ = self.get_buffer("table_GQ")
        at = (_LEAST_DEGREES / degrees).clamp(0, 1)[..., 0] * (len(table_GQ) - 1)
        below = at.floor().clamp(max=len(table_GQ) - 2)
        low, high = table_GQ[below.long()], table_GQ[below.long() + 1]
        return place + scale * (low + (high - low) * (at - below)[..., None])


class NegativeBinomial(Output):
    """Counts, by their mean (relative to the window's level) and dispersion a; the variance is mean + a mean^2."""

    size = 2
    exported = "mean and dispersion a of counts, whose variance is mean + a mean^2, in the last axis"

    def forward(self, raw_BHCP: Tensor) -> Tensor:
        """See `Output`."""
        return functional.softplus(raw_BHCP) + 1e-6

    def located(self, prediction: Tensor, y_BKC: Tensor) -> Tensor:
        """Mean and dispersion of the counts themselves."""
        given = extra(y_BKC)
        level = given.level * given.scale + given.mean
        level = torch.maximum(torch.maximum(level, given.mean / 10), torch.full_like(level, 1e-3))
        mean, dispersion = prediction.unbind(-1)
        return torch.stack([mean * level / math.log(2), dispersion], dim=-1)  # which start at the window's level

    def errors(self, located: Tensor, truth_BHC: Tensor, y_BKC: Tensor) -> Tensor:
        """The negative logarithm of the likelihood."""
        mean, dispersion = located.unbind(-1)
        given = extra(y_BKC)
        count = (truth_BHC * given.scale + given.mean).round().clamp(min=0)
        size = 1 / dispersion
        return -(
            torch.lgamma(count + size)
            - torch.lgamma(size)
            - torch.lgamma(count + 1)
            - size * torch.log1p(mean * dispersion)
            + count * (torch.log(mean * dispersion) - torch.log1p(mean * dispersion))
        )

    def quantiles(self, located: Tensor, y_BKC: Tensor) -> Tensor:
        """See `Output`: the smallest count whose cumulative probability reaches the level."""
        from scipy.special import nbdtrik  # which not every model needs

        mean, dispersion = (part[..., None].cpu().numpy() for part in located.double().unbind(-1))
        given = extra(y_BKC.double())
        counts = np.ceil(nbdtrik(np.array(LEVELS), 1 / dispersion, 1 / (1 + mean * dispersion)))
        counts = np.where(np.isfinite(counts), counts, 0).clip(0)  # where the probability of 0 exceeds the level
        found = (torch.from_numpy(counts).to(located.device) - given.mean[..., None]) / given.scale[..., None]
        return found.where(torch.isfinite(located).all(-1)[..., None], math.nan)

    def graph(self, located: Tensor, y_BKC: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """Unscaled mean and dispersion."""
        return located


OUTPUTS: Mapping[Outputs, type[Output]] = {
    "point": Output,
    "quantiles": Quantiles,
    "student_t": StudentT,
    "negative_binomial": NegativeBinomial,
}


def output_of(options: ForecastingOptions) -> Output:
    """The output that the options name."""
    return OUTPUTS[options.outputs](options)


def _unscaled(values: Tensor, y_BKC: Tensor) -> Tensor:
    """Standardized values, (B, H, C) or (B, H, C, Q), converted to the units of the data."""
    given = extra(y_BKC)
    mean, scale = (part if values.dim() == 3 else part[..., None] for part in (given.mean, given.scale))
    return values * scale + mean
