"""Parameters of cells. A user's own cell combines the option models of the mechanisms it has."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tuner.config.options import Options
from tuner.errors import TaskFileError


class ZoneoutOptions(Options):
    """Zoneout of the state."""

    zoneout_state: float = Field(0.0, ge=0, lt=1, alias="zoneout.state")
    """Probability that a unit of the state h (of sru and qrnn: c) keeps its old value in a step of training; evaluation
    takes the mean; 0 (off) to below 1, 0.05 is usual. Krueger et al. 2017."""


class CellZoneoutOptions(ZoneoutOptions):
    """Zoneout of an LSTM's cell state."""

    zoneout_cell: float = Field(0.0, ge=0, lt=1, alias="zoneout.cell")
    """Probability that a unit of the cell's state c keeps its old value in a step of training; evaluation takes the
    mean; 0 (off) to below 1, 0.05 to 0.5 is usual. Krueger et al. 2017."""


class RecurrentNoiseOptions(ZoneoutOptions):
    """Noise on the product with the state."""

    weight_drop: float = Field(0.0, ge=0, lt=1)
    """Share of the recurrent matrix set to 0, the same entries at all steps of a batch (DropConnect); 0 (off) to below
    1, 0.2 to 0.5 is usual. Merity et al. 2018."""
    dropout_state: float = Field(0.0, ge=0, lt=1, alias="dropout.state")
    """Share of the state's units that the recurrent products do not see, the same ones at all steps of a sequence; 0
    (off) to below 1. Gal & Ghahramani 2016; 0.18 in Melis et al. 2018."""


class CandidateNoiseOptions(RecurrentNoiseOptions):
    """Noise on a gated cell's new values."""

    dropout_recurrent: float = Field(0.0, ge=0, lt=1, alias="dropout.recurrent")
    """Share of the new values that are not written to the state, drawn at every step; 0 (off) to below 1, 0.1 to 0.5 is
    usual. Semeniuta et al. 2016."""


class RNNOptions(RecurrentNoiseOptions):
    """Parameters of the plain recurrent cell."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation of the state: tanh, or relu, whose state has no bound. Elman 1990; Le et al. 2015."""


class LagOptions(Options):
    """Parameters that depend on how long the network must remember."""

    max_lag: int | None = Field(None, ge=2, le=1_000_000)
    """Longest expected dependency T_max in steps, 2 to 1,000,000; null takes the adapter's estimate."""


class GateBiasOptions(LagOptions):
    """Initial biases of a gate that keeps the state, without an own parameter for the constant."""

    gate_bias: Literal["constant", "chrono", "uniform"] = "constant"
    """Initial biases of the gates that keep the state. constant: the same for every unit. chrono:
    log u, u ~ U(1, T_max - 1), so that units forget over all spans up to T_max (Tallec & Ollivier 2018). uniform:
    log(u / (1 - u)), u ~ U(1/H, 1 - 1/H), which needs no T_max (Gu et al. 2020)."""

    @model_validator(mode="after")
    def _acts(self) -> Self:
        for name, kind in (("forget_bias", "constant"), ("max_lag", "chrono")):
            if name in self.model_fields_set and self.gate_bias != kind:
                raise TaskFileError(
                    f"{name} acts only with gate_bias: {kind}",
                    value=self.gate_bias,
                    fix=f"Give it `when: {{gate_bias: {kind}}}`.",
                )
        return self


class ForgetBiasOptions(GateBiasOptions):
    """Parameters of a forget gate."""

    forget_bias: float = Field(1.0, ge=-10, le=10)
    """Initial bias of the forget gate, with gate_bias constant; -10 to 10, larger keeps longer. 0, 1, 3, 5
    remember for 1, 2, 14, 103 steps (half-life). Gers et al. 2000; 1 after Jozefowicz et al. 2015."""


class LSTMOptions(ForgetBiasOptions, CandidateNoiseOptions, CellZoneoutOptions):
    """Parameters of the LSTM."""


class GRUOptions(GateBiasOptions, CandidateNoiseOptions):
    """Parameters of the GRU."""


class MGUOptions(ForgetBiasOptions, CandidateNoiseOptions):
    """Parameters of the MGU."""


class MinGRUOptions(GateBiasOptions, ZoneoutOptions):
    """Parameters of the minGRU."""


class MinLSTMOptions(ForgetBiasOptions, ZoneoutOptions):
    """Parameters of the minLSTM."""


class LSTMAblationOptions(LSTMOptions):
    """Parameters of the LSTM with switches for its parts."""

    input_gate: bool = True
    """Whether there is an input gate; without it i = 1. Greff et al. 2017, NIG."""
    forget_gate: bool = True
    """Whether there is a forget gate; without it f = 1. Greff et al. 2017, NFG."""
    output_gate: bool = True
    """Whether there is an output gate; without it o = 1. Greff et al. 2017, NOG."""
    input_activation: bool = True
    """Whether the candidate passes through tanh. Greff et al. 2017, NIAF."""
    output_activation: bool = True
    """Whether the cell's state passes through tanh on its way out. Greff et al. 2017, NOAF."""
    coupled_gates: bool = False
    """Whether i = 1 - f; needs both gates. Greff et al. 2017, CIFG."""
    peepholes: bool = True
    """Whether the gates see the cell's state. Greff et al. 2017, NP where false."""
    full_gate_recurrence: bool = False
    """Whether the gates see all gates of the step before. Greff et al. 2017, FGR."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.coupled_gates and not (self.input_gate and self.forget_gate):
            raise TaskFileError("coupled_gates needs input_gate and forget_gate", fix="Switch them on.")
        if not self.forget_gate and {"forget_bias"} & self.model_fields_set:
            raise TaskFileError("forget_bias acts only with forget_gate: true", fix="Leave it out.")
        if self.full_gate_recurrence and not (self.input_gate or self.forget_gate or self.output_gate):
            raise TaskFileError("full_gate_recurrence needs a gate", fix="Switch one on.")
        return self


class JANETOptions(ForgetBiasOptions, CandidateNoiseOptions):
    """Parameters of JANET."""

    beta: float = Field(1.0, ge=0, le=5)
    """Amount by which the gate's pre-activation is lowered for admitting new values; 0 to 5. 0 couples keeping and
    writing, as in the GRU. 1 after van der Westhuizen & Lasenby 2018."""


class IndRNNOptions(LagOptions, ZoneoutOptions):
    """Parameters of the IndRNN."""

    nonlinearity: Literal["relu", "tanh"] = "relu"
    """Activation of the state. Li et al. 2018 recommend relu."""
    growth: float = Field(2.0, ge=1, le=10)
    """Largest factor by which a state may grow over T_max steps; 1 to 10. Recurrent weights stay within growth^(1 /
    T_max). 2 after Li et al. 2018."""


class SRUOptions(ForgetBiasOptions, ZoneoutOptions):
    """Parameters of the SRU."""

    forget_bias: float = Field(0.0, ge=-10, le=10)
    """Initial bias of the forget gate, with gate_bias constant; -10 to 10. 0 after Lei et al. 2018."""


class QRNNOptions(ForgetBiasOptions, ZoneoutOptions):
    """Parameters of the QRNN."""

    forget_bias: float = Field(0.0, ge=-10, le=10)
    """Initial bias of the forget gate, with gate_bias constant; -10 to 10. 0 after Bradbury et al. 2017."""
    filter_width: int = Field(2, ge=1, le=8)
    """Steps that the convolution sees, the current one included; 1 to 8. 2 after Bradbury et al. 2017."""


class SLSTMOptions(ForgetBiasOptions, CandidateNoiseOptions):
    """Parameters of the sLSTM."""

    heads: int = Field(1, ge=1, le=64)
    """Number of heads: groups of units that read only each other's states; 1 to 64, a divisor of hidden_size. Beck et
    al. 2024 take 4."""


class LRUOptions(Options):
    """Parameters of the linear recurrent unit."""

    r_min: float = Field(0.0, ge=0, lt=1)
    """Least |lambda| at the start; 0 to below 1, below r_max. Closer to 1 remembers longer. Orvieto et al. 2023
    take 0 to 0.9."""
    r_max: float = Field(0.99, gt=0, lt=1)
    """Largest |lambda| at the start; above r_min, below 1. Orvieto et al. 2023 take 0.9 to 0.999."""
    max_phase: float = Field(6.28, gt=0, le=6.2832)
    """Largest phase of lambda at the start, in radians; above 0, to 2 pi. Orvieto et al. 2023: pi / 10 for very long
    sequences."""

    @model_validator(mode="after")
    def _is_ring(self) -> Self:
        if self.r_min >= self.r_max:
            raise TaskFileError(f"r_min must be < r_max ({self.r_max:g})", value=self.r_min)
        return self
