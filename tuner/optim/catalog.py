"""Optimizers and learning rate schedules by name."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tuner.config.options import Options
from tuner.errors import TaskFileError
from tuner.registry import Catalog, Entry


class SGDOptions(Options):
    """Parameters of stochastic gradient descent."""

    learning_rate: float = Field(0.1, gt=0, le=100)
    """Peak learning rate; above 0, up to 100. Merity et al. 2018 use 30 with clipping at 0.25."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Share of the last step kept; 0 (off) to below 1. Polyak 1964."""
    nesterov: bool = False
    """Nesterov momentum: the gradient is taken at the point to which momentum leads; needs momentum. Sutskever et al.
    2013."""
    weight_decay: float = Field(1e-4, ge=0, le=1)
    """Decoupled decay of matrices, w *= 1 - rate * weight_decay; 0 (off) to 1. Loshchilov & Hutter 2019."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise TaskFileError(
                "momentum must be > 0 for nesterov", value=self.momentum, fix="Raise it, or leave nesterov out."
            )
        return self


class RMSpropOptions(Options):
    """Parameters of RMSprop."""

    learning_rate: float = Field(1e-3, gt=0, le=1)
    """Peak learning rate; above 0, up to 1."""
    alpha: float = Field(0.99, ge=0, lt=1)
    """Share of the running mean of squared gradients kept per step; 0 to below 1."""
    weight_decay: float = Field(1e-4, ge=0, le=1)
    """Decoupled decay of matrices, w *= 1 - rate * weight_decay; 0 (off) to 1. Loshchilov & Hutter 2019."""


class AdamOptions(Options):
    """Parameters of Adam, without weight decay, as L2 inside Adam is no weight decay; AdamW has one."""

    learning_rate: float = Field(3e-3, gt=0, le=1)
    """Peak learning rate; above 0, up to 1. Recurrent networks train well between 3e-4 and 1e-2."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Share of the running mean of gradients kept per step; 0 to below 1."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Share of the running mean of squared gradients kept per step; 0 to below 1."""
    eps: float = Field(1e-8, gt=0, le=1)
    """Added to the root of the mean of squared gradients; above 0, up to 1."""


class AdamWOptions(AdamOptions):
    """Parameters of AdamW."""

    weight_decay: float = Field(1e-4, ge=0, le=1)
    """Decoupled decay of matrices, w *= 1 - rate * weight_decay; 0 (off) to 1. Loshchilov & Hutter 2019."""


class NAdamOptions(AdamWOptions):
    """Parameters of NAdam."""

    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Peak learning rate; above 0, up to 1. 2e-3 after Dozat 2016."""
    momentum_decay: float = Field(4e-3, ge=0, le=1)
    """How fast beta1 rises from half to all of its value, beta1 (1 - 0.96^(t momentum_decay) / 2); 0 (never) to 1.
    4e-3 after Dozat 2016."""


class RAdamOptions(AdamWOptions):
    """Parameters of RAdam."""


class LionOptions(Options):
    """Parameters of Lion."""

    learning_rate: float = Field(3e-4, gt=0, le=1)
    """Peak learning rate; above 0, up to 1. A third to a tenth of AdamW's. Chen et al. 2023."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Share of the running mean in the sum whose sign is the step; 0 to below 1."""
    beta2: float = Field(0.99, ge=0, lt=1)
    """Share of the running mean of gradients kept per step; 0 to below 1."""
    weight_decay: float = Field(1e-3, ge=0, le=1)
    """Decoupled decay of matrices, w *= 1 - rate * weight_decay; 0 (off) to 1. 3 to 10 times AdamW's. Chen et al.
    2023."""


class MuonOptions(AdamWOptions):
    """Parameters of Muon for the matrices and of Adam (beta1, beta2, eps) for the rest."""

    momentum: float = Field(0.95, ge=0, lt=1)
    """Share of the running mean of a matrix's gradients kept per step; 0 to below 1. 0.95 after Jordan 2024."""


class AdamWScheduleFreeOptions(AdamWOptions):
    """Parameters of schedule-free AdamW. Its schedule is constant; a warm-up helps."""

    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Learning rate after the warm-up; above 0, up to 1. 1 to 10 times AdamW's. Defazio et al. 2024."""
    beta1: float = Field(0.9, ge=0.5, lt=1)
    """Share of the average in the point at which gradients are taken; 0.5 to below 1, 0.9 to 0.98 is usual. Defazio
    et al. 2024."""


class WarmupOptions(Options):
    """The parameter of every schedule that can start with a warm-up."""

    warmup: float = Field(0.05, ge=0, le=0.5)
    """Share of all steps in which the rate rises in a line to its peak; 0 (off) to 0.5. Goyal et al. 2017."""


class ConstantOptions(WarmupOptions):
    """Parameters of the constant schedule."""


class StepOptions(WarmupOptions):
    """Parameters of the step schedule."""

    step_epochs: float = Field(10, gt=0, le=1_000_000)
    """Epochs between drops, counted from the end of the warm-up; above 0, fractions allowed."""
    step_factor: float = Field(0.1, gt=0, lt=1)
    """Factor of each drop; between 0 and 1. 0.1 after He et al. 2016."""


class ExponentialOptions(WarmupOptions):
    """Parameters of the exponential schedule."""

    decay_per_epoch: float = Field(0.95, gt=0, lt=1)
    """Factor by which the rate falls in an epoch; between 0 and 1, 0.7 to 0.999 is usual."""


class CosineOptions(WarmupOptions):
    """Parameters of the cosine schedule."""

    final_factor: float = Field(0.0, ge=0, lt=1)
    """Rate at the planned end as a share of the peak; 0 to below 1, up to 0.1 is usual."""


class CosineRestartsOptions(CosineOptions):
    """Parameters of the cosine schedule with restarts."""

    restart_epochs: float = Field(10, gt=0, le=1_000_000)
    """Epochs of the first wave, T_0, counted from the end of the warm-up; above 0, fractions allowed. Loshchilov &
    Hutter 2017 take 1 to 200."""
    restart_growth: int = Field(2, ge=1, le=10)
    """Ratio of the length of a wave to that of the one before, T_mult; 1 to 10. 1 or 2 after Loshchilov & Hutter
    2017."""


class WSDOptions(WarmupOptions):
    """Parameters of the warm-up, stable, decay schedule."""

    cooldown: float = Field(0.2, gt=0, le=0.5)
    """Share of all steps at the end in which the rate falls to 0; above 0, to 0.5. 0.1 to 0.2 after Haegele et al.
    2024."""
    cooldown_form: Literal["linear", "sqrt"] = "sqrt"
    """How the rate falls after a share p of the cooldown: linear 1 - p, or sqrt 1 - sqrt(p), which falls faster at
    first and is as good or better. Haegele et al. 2024."""


class CyclicalOptions(Options):
    """Parameters of the cyclical schedule. Its rise is its warm-up."""

    cycle_epochs: float = Field(8, gt=0, le=1_000_000)
    """Epochs of a cycle, from the lowest rate to the peak and back; above 0, fractions allowed. 4 to 20 after Smith
    2017."""
    cycle_low: float = Field(0.25, gt=0, lt=1)
    """Lowest rate as a share of the peak; between 0 and 1. A quarter to a third after Smith 2017."""


class OneCycleOptions(Options):
    """Parameters of the one-cycle schedule. Its rise is its warm-up."""

    peak_at: float = Field(0.3, gt=0, lt=1)
    """Share of all steps after which the rate is at its peak; between 0 and 1, 0.1 to 0.4 is usual."""
    start_divisor: float = Field(25, ge=1, le=1e6)
    """Ratio of peak to first rate; at least 1, 10 to 25 is usual. Smith 2018."""
    end_divisor: float = Field(1e4, ge=1, le=1e12)
    """Ratio of first to last rate; at least 1, 1e3 to 1e4 is usual. Smith 2018."""


class PlateauOptions(WarmupOptions):
    """Parameters of the plateau schedule."""

    plateau_factor: float = Field(0.3, gt=0, lt=1)
    """Factor of each reduction; between 0 and 1, 0.1 to 0.5 is usual."""
    plateau_patience: int = Field(3, ge=1, le=1000)
    """Number of evaluations without gain before a reduction; 1 to 1000, 2 to 10 is usual."""
    plateau_gain: float = Field(1e-3, ge=0, lt=1)
    """Share of the best validation loss by which it must fall to count as a gain; 0 to below 1."""


_OPTIMIZERS = "tuner.optim.optimizers"
_SCHEDULES = "tuner.optim.schedules"

OPTIMIZERS = Catalog(
    "optimizer",
    {
        "sgd": Entry(
            f"{_OPTIMIZERS}:sgd",
            "stochastic gradient descent with momentum",
            "Polyak 1964; Sutskever et al. 2013",
            SGDOptions,
        ),
        "rmsprop": Entry(
            f"{_OPTIMIZERS}:rmsprop",
            "gradient over its running root mean square",
            "Hinton 2012",
            RMSpropOptions,
        ),
        "adam": Entry(
            f"{_OPTIMIZERS}:adam",
            "running mean over running root mean square",
            "Kingma & Ba 2015",
            AdamOptions,
        ),
        "adamw": Entry(
            f"{_OPTIMIZERS}:adamw",
            "Adam with decoupled weight decay",
            "Loshchilov & Hutter 2019",
            AdamWOptions,
        ),
        "nadam": Entry(
            f"{_OPTIMIZERS}:nadam",
            "Adam with Nesterov's momentum, with decoupled weight decay",
            "Dozat 2016",
            NAdamOptions,
        ),
        "radam": Entry(
            f"{_OPTIMIZERS}:radam",
            "Adam that starts as momentum until its mean of squares is reliable; with decoupled weight decay",
            "Liu et al. 2020, arXiv:1908.03265",
            RAdamOptions,
        ),
        "lion": Entry(
            "tuner.optim.beyond_torch:lion",
            "sign of a mean of gradients: every entry changes by the learning rate; with decoupled weight decay",
            "Chen et al. 2023, arXiv:2302.06675",
            LionOptions,
        ),
        "muon": Entry(
            "tuner.optim.beyond_torch:muon",
            "orthogonalized momentum for matrices, Adam for the rest; with decoupled weight decay",
            "Jordan 2024; Liu et al. 2025, arXiv:2502.16982",
            MuonOptions,
        ),
        "adamw_schedule_free": Entry(
            "tuner.optim.beyond_torch:adamw_schedule_free",
            "AdamW that averages its weights instead of a schedule",
            "Defazio et al. 2024, arXiv:2405.15682",
            AdamWScheduleFreeOptions,
        ),
    },
)
"""Contract: `tuner.optim.optimizers.Maker`."""

SELF_AVERAGING = frozenset({"adamw_schedule_free"})
"""Optimizers that are evaluated at their own weight average, which replaces schedule, ema and average_after."""

SCHEDULES = Catalog(
    "schedule",
    {
        "constant": Entry(f"{_SCHEDULES}:Constant", "the peak rate throughout", "-", ConstantOptions),
        "step": Entry(f"{_SCHEDULES}:Step", "a drop every so many epochs", "He et al. 2016", StepOptions),
        "exponential": Entry(f"{_SCHEDULES}:Exponential", "the same factor in every epoch", "-", ExponentialOptions),
        "cosine": Entry(
            f"{_SCHEDULES}:Cosine",
            "half a cosine wave down to the planned end",
            "Loshchilov & Hutter 2017",
            CosineOptions,
        ),
        "cosine_restarts": Entry(
            f"{_SCHEDULES}:CosineRestarts",
            "falling half cosine waves, each at least as long as the one before",
            "Loshchilov & Hutter 2017",
            CosineRestartsOptions,
        ),
        "wsd": Entry(
            f"{_SCHEDULES}:WSD",
            "warm-up, the peak rate, then a fall to 0 at the planned end",
            "Hu et al. 2024, arXiv:2404.06395; Haegele et al. 2024, arXiv:2405.18392",
            WSDOptions,
        ),
        "cyclical": Entry(
            f"{_SCHEDULES}:Cyclical",
            "up and down in straight lines",
            "Smith 2017, arXiv:1506.01186",
            CyclicalOptions,
        ),
        "one_cycle": Entry(
            f"{_SCHEDULES}:OneCycle",
            "a long rise, then a longer and deeper fall",
            "Smith 2018",
            OneCycleOptions,
        ),
        "plateau": Entry(
            f"{_SCHEDULES}:Plateau",
            "a drop whenever the validation loss stops falling",
            "torch.optim.lr_scheduler.ReduceLROnPlateau",
            PlateauOptions,
        ),
    },
)
"""Contract: `tuner.optim.schedules.Schedule`."""
