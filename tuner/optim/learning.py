"""How a network learns: its optimizer and schedule, clipping, weight averages, batch size, truncation, patience.

Reading this file does not import torch.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tuner.config.options import Options
from tuner.errors import TaskFileError
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES, SELF_AVERAGING


class LearningOptions(Options):
    """How a network learns."""

    optimizer: str = "adamw"
    """Optimizer, with its learning rate and decay as parameters."""
    schedule: str = "cosine"
    """Learning rate schedule over the planned steps. The default is constant for an optimizer that averages instead of
    a schedule."""
    clip: Literal["norm", "value", "percentile"] = "norm"
    """Gradient clipping: norm, the norm of the whole gradient at clip_norm (Pascanu et al. 2013); value, every entry at
    clip_value (no better than none in Reimers & Gurevych 2017); percentile, the norm at clip_percentile of the earlier
    norms (Seetharaman et al. 2020)."""
    clip_norm: float | None = Field(1.0, gt=0, le=1e9)
    """With clip: norm, the largest gradient norm; larger gradients are scaled to it; above 0, or null
    (off). 0.25 to 5 is usual. Pascanu et al. 2013."""
    clip_value: float = Field(1.0, gt=0, le=1e9)
    """With clip: value, the largest absolute value of a gradient's entry; larger ones are clipped to it; above 0."""
    clip_percentile: float = Field(90.0, ge=0, le=100)
    """With clip: percentile, the percentile of past gradient norms to which larger norms are scaled; 0 to 100, 10 to 90
    is usual. Seetharaman et al. 2020."""
    ema: float | None = Field(None, ge=0.5, lt=1)
    """Share of the weights' running mean kept per step; validation and the kept model use the mean. 0.5 to below 1,
    0.99 to 0.9999 is usual; null is off. Polyak & Juditsky 1992."""
    average_after: int | None = Field(None, ge=1, le=1_000_000)
    """Number n of evaluations: once the validation loss is above the best one that is more than n evaluations old,
    validation and the kept model use the mean of all weights from then on; at least 1, or null (off). With sgd and
    schedule: constant this is NT-ASGD, where n is 5. Merity et al. 2018."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Sequences per step; 1 to 4096."""
    truncation: int | None = Field(None, ge=1, le=1_000_000)
    """Truncated backpropagation, for tasks that predict at each step: sequences are read in chunks of so many steps,
    each with an optimizer step, and the state is carried over; at least 1, or null (off). 35 to 200 is usual.
    Williams & Peng 1990."""
    variable_truncation: bool = False
    """Whether chunks have random lengths, so that they are not cut at the same places in every pass: near `truncation`,
    or near half of it once in twenty. The learning rate goes with the length. Merity et al. 2018, section 4.1."""
    patience: int | None = Field(10, ge=1, le=1_000_000)
    """Epochs without gain on the validation split before training stops; at least 1, or null (off)."""

    @model_validator(mode="before")
    @classmethod
    def _has_a_fitting_schedule(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("optimizer") in SELF_AVERAGING:
            return {"schedule": "constant", **values}
        return values

    @field_validator("optimizer", "schedule")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        (OPTIMIZERS if info.field_name == "optimizer" else SCHEDULES)[name]
        return name

    @model_validator(mode="after")
    def _acts(self) -> Self:
        for kind in ("norm", "value", "percentile"):
            name = f"clip_{kind}"
            if name in self.model_fields_set and self.clip != kind:
                raise TaskFileError(
                    f"{name} acts only with clip: {kind}",
                    value=self.clip,
                    fix=f"Give it `when: {{clip: {kind}}}`.",
                    key=(name,),
                )
        return self

    @model_validator(mode="after")
    def _has_chunks_to_vary(self) -> Self:
        if self.variable_truncation and self.truncation is None:
            fix = "Set truncation, or leave it out."
            raise TaskFileError("variable_truncation acts only with truncation", fix=fix, key=("variable_truncation",))
        return self

    @model_validator(mode="after")
    def _averages_once(self) -> Self:
        if self.ema is not None and self.average_after is not None:
            raise TaskFileError(
                "average_after must be null with ema",
                value=self.average_after,
                fix="Choose one of the two.",
                key=("average_after",),
            )
        if self.optimizer not in SELF_AVERAGING:
            return self
        for name in ("ema", "average_after"):
            if (value := getattr(self, name)) is not None:
                fix = "It averages its weights itself."
                raise TaskFileError(f"{name} must be null with {self.optimizer}", value=value, fix=fix, key=(name,))
        if self.schedule != "constant":
            raise TaskFileError(
                f"schedule must be constant with {self.optimizer}, which averages instead of a schedule",
                value=self.schedule,
                fix="Leave it out, or give it `when` for the other optimizers.",
                key=("schedule",),
            )
        return self
