"""Parameters of the regularizers: one each, which also switches it on."""

from __future__ import annotations

from pydantic import Field

from tuner.config.options import Options


class InputDropoutOptions(Options):
    """Parameters of dropout on the input."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.input")
    """Share of the encoder's outputs set to 0, drawn at every step; 0 (off) to below 1. Zaremba 2014."""


class BetweenDropoutOptions(Options):
    """Parameters of dropout between layers."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.between")
    """Share of a layer's outputs set to 0 on the way to the next layer, drawn at every step; 0 (off) to
    below 1. Needs two layers. Zaremba et al. 2014."""


class OutputDropoutOptions(Options):
    """Parameters of dropout on the output."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.output")
    """Share of the last layer's outputs set to 0 before pooling, drawn at every step; 0 (off) to below 1.
    Zaremba et al. 2014."""


class VariationalDropoutOptions(Options):
    """Parameters of variational dropout."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.variational")
    """Share of units of every layer's output set to 0, the same ones at all steps of a sequence; 0 (off)
    to below 1. Gal & Ghahramani 2016; Merity et al. 2018."""


class EmbeddingDropoutOptions(Options):
    """Parameters of dropout of embeddings."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.embedding")
    """Share of symbols whose embedding is 0 throughout a batch; 0 (off) to below 1, up to 0.2 is usual.
    Gal & Ghahramani 2016; 0.1 in Merity et al. 2018."""


class InputNoiseOptions(Options):
    """Parameters of noise on the input."""

    sd: float = Field(0.0, ge=0, le=10, alias="input_noise")
    """Standard deviation of normal noise on the encoder's output, which of series is jitter; 0 (off) to 10. It mostly
    hurts: a small gain on TIMIT at 0.2 to 0.5 (Greff et al. 2017), at 0.03 on movements (Um et al.
    2017)."""


class InputScalingOptions(Options):
    """Parameters of scaling of the input."""

    sd: float = Field(0.0, ge=0, le=1, alias="input_scaling")
    """Standard deviation s of the factor N(1, s^2) that each channel of the encoder's output gets for a whole sequence;
    0 (off) to 1, 0.1 is usual. An augmentation of series. Um et al. 2017."""


class TimeMaskOptions(Options):
    """Parameters of masks in time."""

    share: float = Field(0.0, ge=0, lt=1, alias="time_mask")
    """Largest share of the steps of a sequence that are set to 0, all channels of a stretch of it; 0 (off) to below 1,
    0.1 to 0.3 are usual. How long a stretch is and where are drawn anew for each sequence. An augmentation of series
    and spectra. Park et al. 2019."""


class ActivationPenaltyOptions(Options):
    """Parameters of the activation penalty."""

    factor: float = Field(0.0, ge=0, le=100, alias="activation_penalty")
    """Factor of the mean square of the last layer's output, after dropout, in the loss; 0 (off) to 100, 2 in Merity et
    al. 2017."""


class TemporalPenaltyOptions(Options):
    """Parameters of the temporal activation penalty."""

    factor: float = Field(0.0, ge=0, le=100, alias="temporal_penalty")
    """Factor of the mean square of the change of the last layer's output from step to step, in the loss; 0 (off) to
    100, 1 in Merity et al. 2017."""
