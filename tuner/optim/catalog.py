"""What can be chosen about learning: optimizers, learning-rate schedules, clipping, batch size, patience."""

from __future__ import annotations

from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

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
    """Whether the gradient is taken where momentum leads; needs momentum. Sutskever et al. 2013."""
    weight_decay: float = Field(1e-4, ge=0, le=1)
    """Decoupled decay of matrices, w *= 1 - rate * weight_decay; 0 (off) to 1. Loshchilov & Hutter 2019."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise TaskFileError(
                "momentum must be > 0 for nesterov", value=self.momentum, fix="Raise it or drop nesterov."
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
    """Parameters of Adam. It has no weight decay: L2 inside Adam is not one. AdamW has."""

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


class OneCycleOptions(Options):
    """Parameters of the one-cycle schedule. Its rise is its warm-up."""

    peak_at: float = Field(0.3, gt=0, lt=1)
    """Share of all steps after which the rate is at its peak; between 0 and 1, 0.1 to 0.4 is usual."""
    start_divisor: float = Field(25, ge=1, le=1e6)
    """Peak over first rate; at least 1, 10 to 25 is usual. Smith 2018."""
    end_divisor: float = Field(1e4, ge=1, le=1e12)
    """First over last rate; at least 1, 1e3 to 1e4 is usual. Smith 2018."""


class PlateauOptions(WarmupOptions):
    """Parameters of the plateau schedule."""

    plateau_factor: float = Field(0.3, gt=0, lt=1)
    """Factor of each reduction; between 0 and 1, 0.1 to 0.5 is usual."""
    plateau_patience: int = Field(3, ge=1, le=1000)
    """Evaluations without gain before a reduction; 1 to 1000, 2 to 10 is usual."""
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
    },
)
"""Contract: `tuner.optim.optimizers.Maker`."""

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


class LearningOptions(Options):
    """How a network learns."""

    optimizer: str = "adamw"
    """Optimizer; its learning rate and decay are its own parameters."""
    schedule: str = "cosine"
    """Course of the learning rate over the planned steps."""
    clip_norm: float | None = Field(1.0, gt=0, le=1e9)
    """Largest gradient norm that is left as it is, larger ones are scaled to it; above 0, or null (off).
    0.25 to 5 is usual. Pascanu et al. 2013."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Sequences per step; 1 to 4096."""
    patience: int | None = Field(10, ge=1, le=1_000_000)
    """Epochs without gain on the validation split before training stops; at least 1, or null (off)."""

    @field_validator("optimizer", "schedule")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        (OPTIMIZERS if info.field_name == "optimizer" else SCHEDULES)[name]
        return name
