"""What can be chosen about the network: cells, initializers, regularizers, poolings, shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tuner.config.options import Options
from tuner.errors import TaskFileError
from tuner.registry import Catalog, Entry


class NoOptions(Options):
    """An entry without parameters of its own."""


class ZoneoutOptions(Options):
    """Parameters of a state whose units may keep their values."""

    zoneout_state: float = Field(0.0, ge=0, lt=1, alias="zoneout.state")
    """Probability that a unit of the state h (of sru and qrnn: c) keeps its old value in a step of training; evaluation
    takes the mean; 0 (off) to below 1, 0.05 is usual. Krueger et al. 2017."""


class CellZoneoutOptions(ZoneoutOptions):
    """Parameters of an LSTM whose units may keep their values."""

    zoneout_cell: float = Field(0.0, ge=0, lt=1, alias="zoneout.cell")
    """Probability that a unit of the cell's state c keeps its old value in a step of training; evaluation takes the
    mean; 0 (off) to below 1, 0.05 to 0.5 is usual. Krueger et al. 2017."""


class RecurrentNoiseOptions(ZoneoutOptions):
    """Parameters of what acts on the product with the state."""

    weight_drop: float = Field(0.0, ge=0, lt=1)
    """Share of the recurrent matrix set to 0, the same entries at all steps of a batch (DropConnect); 0 (off) to below
    1, 0.2 to 0.5 is usual. Merity et al. 2018."""
    dropout_state: float = Field(0.0, ge=0, lt=1, alias="dropout.state")
    """Share of the state's units that the recurrent products do not see, the same ones at all steps of a sequence; 0
    (off) to below 1. Gal & Ghahramani 2016; 0.18 in Melis et al. 2018."""


class CandidateNoiseOptions(RecurrentNoiseOptions):
    """Parameters of what acts within a gated cell."""

    dropout_recurrent: float = Field(0.0, ge=0, lt=1, alias="dropout.recurrent")
    """Share of the new values that are not written to the state, drawn anew at every step; 0 (off) to below 1, 0.1 to
    0.5 is usual. Semeniuta et al. 2016."""


class RNNOptions(RecurrentNoiseOptions):
    """Parameters of the plain recurrent cell."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation of the state: tanh, or relu, whose state has no bound. Elman 1990; Le et al. 2015."""


class LagOptions(Options):
    """Parameters of what depends on how long the network must remember."""

    max_lag: int | None = Field(None, ge=2, le=1_000_000)
    """Longest expected dependency T_max in steps, 2 to 1,000,000; null takes what the data's adapter expects."""


class GateBiasOptions(LagOptions):
    """Parameters of a gate that keeps the state, where the start value of its bias has no name of its own."""

    gate_bias: Literal["constant", "chrono", "uniform"] = "constant"
    """Start values of the biases that decide how long a state is kept. constant: the same for every unit. chrono:
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
    """Start value of the forget gate's bias, with gate_bias constant; -10 to 10, larger keeps longer. 0, 1, 3, 5
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
    """Parameters of the LSTM of which parts can be switched off or on."""

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
    """By how much the gate's pre-activation is lowered where it lets new values in; 0 to 5. 0 couples keeping and
    writing, as in the GRU. 1 after van der Westhuizen & Lasenby 2018."""


class IndRNNOptions(LagOptions, ZoneoutOptions):
    """Parameters of the IndRNN."""

    nonlinearity: Literal["relu", "tanh"] = "relu"
    """Activation of the state. Li et al. 2018 recommend relu."""
    growth: float = Field(2.0, ge=1, le=10)
    """Most that a state may grow by over T_max steps; 1 to 10. Recurrent weights stay within growth^(1 / T_max).
    2 after Li et al. 2018."""


class SRUOptions(ForgetBiasOptions, ZoneoutOptions):
    """Parameters of the SRU."""

    forget_bias: float = Field(0.0, ge=-10, le=10)
    """Start value of the forget gate's bias, with gate_bias constant; -10 to 10. 0 after Lei et al. 2018."""


class QRNNOptions(ForgetBiasOptions, ZoneoutOptions):
    """Parameters of the QRNN."""

    forget_bias: float = Field(0.0, ge=-10, le=10)
    """Start value of the forget gate's bias, with gate_bias constant; -10 to 10. 0 after Bradbury et al. 2017."""
    filter_width: int = Field(2, ge=1, le=8)
    """Steps that the convolution sees, the current one included; 1 to 8. 2 after Bradbury et al. 2017."""


class SLSTMOptions(ForgetBiasOptions, CandidateNoiseOptions):
    """Parameters of the sLSTM."""

    heads: int = Field(1, ge=1, le=64)
    """Groups of units that see only each other's states; 1 to 64, a divisor of hidden_size. Beck et al. 2024 take 4."""


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


class InputDropoutOptions(Options):
    """Parameters of dropout on the input."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.input")
    """Share of the encoder's outputs set to 0, anew at every step; 0 (off) to below 1. Zaremba 2014."""


class BetweenDropoutOptions(Options):
    """Parameters of dropout between layers."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.between")
    """Share of a layer's outputs set to 0 on the way to the next layer, anew at every step; 0 (off) to
    below 1. Needs two layers. Zaremba et al. 2014."""


class OutputDropoutOptions(Options):
    """Parameters of dropout on the output."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.output")
    """Share of the last layer's outputs set to 0 before pooling, anew at every step; 0 (off) to below 1.
    Zaremba et al. 2014."""


class VariationalDropoutOptions(Options):
    """Parameters of variational dropout."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.variational")
    """Share of units of every layer's output set to 0, the same ones at all steps of a sequence; 0 (off)
    to below 1. Gal & Ghahramani 2016; Merity et al. 2018."""


class EmbeddingDropoutOptions(Options):
    """Parameters of dropout of embeddings."""

    rate: float = Field(0.0, ge=0, lt=1, alias="dropout.embedding")
    """Share of symbols whose embedding is 0 in a batch, wherever they stand; 0 (off) to below 1, up to 0.2 is usual.
    Gal & Ghahramani 2016; 0.1 in Merity et al. 2018."""


class InputNoiseOptions(Options):
    """Parameters of noise on the input."""

    sd: float = Field(0.0, ge=0, le=10, alias="input_noise")
    """Standard deviation of normal noise on the encoder's output; 0 (off) to 10. It nearly always hurts, but for a
    small gain on TIMIT at 0.2 to 0.5 (Greff et al. 2017)."""


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


CELLS = Catalog(
    "cell",
    {
        "rnn": Entry(
            "tuner.nets.cells.rnn:RNNCell",
            "plain recurrent network; forgets early, the baseline to advise against",
            "Elman 1990",
            RNNOptions,
        ),
        "lstm": Entry(
            "tuner.nets.cells.lstm:LSTMCell",
            "long short-term memory with forget gate",
            "Hochreiter & Schmidhuber 1997; Gers et al. 2000",
            LSTMOptions,
        ),
        "lstm_ablation": Entry(
            "tuner.nets.cells.lstm_ablation:LSTMAblationCell",
            "LSTM with peepholes of which gates, activations and links can be switched off or on",
            "Greff et al. 2017, arXiv:1503.04069",
            LSTMAblationOptions,
        ),
        "peephole_lstm": Entry(
            "tuner.nets.cells.peephole_lstm:PeepholeLSTMCell",
            "LSTM whose gates see the cell's state",
            "Gers & Schmidhuber 2000",
            LSTMOptions,
        ),
        "cifg": Entry(
            "tuner.nets.cells.cifg:CIFGCell",
            "LSTM whose input gate is 1 - forget gate: as good, with three quarters of the parameters",
            "Greff et al. 2017, arXiv:1503.04069",
            LSTMOptions,
        ),
        "ln_lstm": Entry(
            "tuner.nets.cells.ln_lstm:LNLSTMCell",
            "LSTM with layer normalization, the strongest stabilizer; not for one input feature",
            "Ba et al. 2016, arXiv:1607.06450",
            LSTMOptions,
        ),
        "slstm": Entry(
            "tuner.nets.cells.slstm:SLSTMCell",
            "LSTM with an exponential input gate and a normalizer",
            "Beck et al. 2024, arXiv:2405.04517",
            SLSTMOptions,
        ),
        "gru": Entry(
            "tuner.nets.cells.gru:GRUCell",
            "gated recurrent unit, reset gate after the recurrent product",
            "Cho et al. 2014, arXiv:1406.1078v1",
            GRUOptions,
        ),
        "gru_reset_before": Entry(
            "tuner.nets.cells.gru_reset_before:GRUResetBeforeCell",
            "gated recurrent unit, reset gate before the recurrent product",
            "Cho et al. 2014, arXiv:1406.1078v3",
            GRUOptions,
        ),
        "ln_gru": Entry(
            "tuner.nets.cells.ln_gru:LNGRUCell",
            "gated recurrent unit with layer normalization; not for one input feature",
            "Ba et al. 2016, arXiv:1607.06450",
            GRUOptions,
        ),
        "mgu": Entry(
            "tuner.nets.cells.mgu:MGUCell",
            "minimal gated unit: a GRU whose one gate resets and updates",
            "Zhou et al. 2016, arXiv:1603.09420",
            MGUOptions,
        ),
        "janet": Entry(
            "tuner.nets.cells.janet:JANETCell",
            "LSTM reduced to its forget gate",
            "van der Westhuizen & Lasenby 2018, arXiv:1804.04849",
            JANETOptions,
        ),
        "indrnn": Entry(
            "tuner.nets.cells.indrnn:IndRNNCell",
            "plain recurrent network whose units see only their own state; stack two layers or more",
            "Li et al. 2018, arXiv:1803.04831",
            IndRNNOptions,
        ),
        "sru": Entry(
            "tuner.nets.cells.sru:SRUCell",
            "simple recurrent unit: no product with the state, a highway around it; fast, stack two layers or more",
            "Lei et al. 2018, arXiv:1709.02755",
            SRUOptions,
        ),
        "qrnn": Entry(
            "tuner.nets.cells.qrnn:QRNNCell",
            "quasi-recurrent network: gates from a convolution over the input; fast, stack two layers or more",
            "Bradbury et al. 2017, arXiv:1611.01576",
            QRNNOptions,
        ),
        "mingru": Entry(
            "tuner.nets.cells.mingru:MinGRUCell",
            "GRU whose gate and candidate see the input only; the fastest, stack two layers or more",
            "Feng et al. 2024, arXiv:2410.01201",
            MinGRUOptions,
        ),
        "minlstm": Entry(
            "tuner.nets.cells.minlstm:MinLSTMCell",
            "LSTM whose gates and candidate see the input only; fast, stack two layers or more",
            "Feng et al. 2024, arXiv:2410.01201",
            MinLSTMOptions,
        ),
        "lru": Entry(
            "tuner.nets.cells.lru:LRUCell",
            "linear recurrent unit: complex, diagonal, linear in time; stack with residual",
            "Orvieto et al. 2023, arXiv:2303.06349",
            LRUOptions,
        ),
    },
    entry_point="tuner.cells",
)
"""Contract: `tuner.nets.cell.Cell`."""

_GLOROT = "Glorot & Bengio 2010"
_HE = "He et al. 2015"
_LECUN = "LeCun et al. 1998"

INITIALIZERS = Catalog(
    "initializer",
    {
        "xavier_uniform": Entry(
            "tuner.nets.initializers:xavier_uniform",
            "uniform, variance 2 / (fan_in + fan_out) per gate",
            _GLOROT,
            NoOptions,
        ),
        "xavier_normal": Entry(
            "tuner.nets.initializers:xavier_normal",
            "normal, variance 2 / (fan_in + fan_out) per gate",
            _GLOROT,
            NoOptions,
        ),
        "he_uniform": Entry(
            "tuner.nets.initializers:he_uniform",
            "uniform, variance 2 / fan_in per gate; made for relu",
            _HE,
            NoOptions,
        ),
        "he_normal": Entry(
            "tuner.nets.initializers:he_normal",
            "normal, variance 2 / fan_in per gate; made for relu",
            _HE,
            NoOptions,
        ),
        "lecun_uniform": Entry(
            "tuner.nets.initializers:lecun_uniform",
            "uniform, variance 1 / fan_in per gate",
            _LECUN,
            NoOptions,
        ),
        "lecun_normal": Entry(
            "tuner.nets.initializers:lecun_normal",
            "normal, variance 1 / fan_in per gate",
            _LECUN,
            NoOptions,
        ),
        "orthogonal": Entry(
            "tuner.nets.initializers:orthogonal",
            "orthogonal recurrent blocks, xavier_uniform input blocks, as in Keras",
            "Saxe et al. 2014",
            NoOptions,
        ),
        "identity": Entry(
            "tuner.nets.initializers:identity",
            "identity recurrent blocks, xavier_uniform input blocks; made for relu",
            "Le et al. 2015, arXiv:1504.00941",
            NoOptions,
        ),
        "torch_default": Entry(
            "tuner.nets.initializers:torch_default",
            "the cell's own numbers, as in PyTorch U(+-1/sqrt(hidden_size)); the control arm",
            "torch.nn.RNNBase",
            NoOptions,
        ),
    },
)
"""Contract: `tuner.nets.initializers.Initializer`."""

REGULARIZERS = Catalog(
    "regularizer",
    {
        "dropout.input": Entry(
            "tuner.nets.regularizers:InputDropout",
            "dropout on the encoder's output",
            "Zaremba et al. 2014",
            InputDropoutOptions,
        ),
        "dropout.between": Entry(
            "tuner.nets.regularizers:BetweenDropout",
            "dropout between layers",
            "Zaremba et al. 2014",
            BetweenDropoutOptions,
        ),
        "dropout.output": Entry(
            "tuner.nets.regularizers:OutputDropout",
            "dropout on the last layer's output",
            "Zaremba et al. 2014",
            OutputDropoutOptions,
        ),
        "dropout.variational": Entry(
            "tuner.nets.regularizers:VariationalDropout",
            "dropout on every layer's output with one mask per sequence",
            "Gal & Ghahramani 2016",
            VariationalDropoutOptions,
        ),
        "dropout.embedding": Entry(
            "tuner.nets.regularizers:EmbeddingDropout",
            "dropout of whole symbols, where the data are symbols",
            "Gal & Ghahramani 2016; Merity et al. 2018",
            EmbeddingDropoutOptions,
        ),
        "input_noise": Entry(
            "tuner.nets.regularizers:InputNoise",
            "normal noise on the encoder's output",
            "Graves et al. 2013; Greff et al. 2017, arXiv:1503.04069",
            InputNoiseOptions,
        ),
        "activation_penalty": Entry(
            "tuner.nets.regularizers:ActivationPenalty",
            "mean square of the last layer's output as a term of the loss",
            "Merity et al. 2017, arXiv:1708.01009",
            ActivationPenaltyOptions,
        ),
        "temporal_penalty": Entry(
            "tuner.nets.regularizers:TemporalPenalty",
            "mean square of the last layer's change from step to step as a term of the loss",
            "Merity et al. 2017, arXiv:1708.01009",
            TemporalPenaltyOptions,
        ),
    },
)
"""A regularizer's name is the name of its one parameter; what acts within a cell is a parameter of the cell. Contract:
`tuner.nets.regularizers.Regularizer`, `EmbeddingDropout` or `Penalty`."""

POOLINGS = Catalog(
    "pooling",
    {
        "last": Entry(
            "tuner.nets.poolings:Last",
            "the state after the last step, of each direction",
            "Sutskever et al. 2014",
            NoOptions,
        ),
        "mean": Entry("tuner.nets.poolings:Mean", "mean over the valid steps", "Graves 2012", NoOptions),
        "max": Entry(
            "tuner.nets.poolings:Maximum",
            "largest value of each unit over the valid steps",
            "Collobert & Weston 2008",
            NoOptions,
        ),
        "attention": Entry(
            "tuner.nets.poolings:Attention",
            "mean over the valid steps with learned weights",
            "Yang et al. 2016; Bahdanau et al. 2015, arXiv:1409.0473",
            NoOptions,
        ),
        "every": Entry(
            "tuner.nets.poolings:Every",
            "every step as it is; what tasks that predict at each step have, and only they",
            "Elman 1990",
            NoOptions,
        ),
    },
)
"""Contract: `tuner.nets.poolings.Pooling`."""

NEEDS: Mapping[str, Mapping[str, object]] = {
    "dropout.between": {"layers": {"low": 2}},
    "residual": {"layers": {"low": 2}},
}
"""What a parameter needs in order to act, in the grammar of a search space's `when`."""


class NetOptions(Options):
    """The shape of the network between an adapter's encoder and its head."""

    cell: str = "lstm"
    """Recurrent cell of every layer: a known name, or `package.module:Class`."""
    layers: int = Field(1, ge=1, le=8)
    """Recurrent layers on top of each other; 1 to 8. One or two are usual."""
    hidden_size: int = Field(128, ge=1, le=4096)
    """Units per layer and direction; 1 to 4096. Matters most after the learning rate (Greff et al. 2017)."""
    bidirectional: bool = False
    """Whether every layer also reads backwards; refused where the task may not look ahead."""
    residual: bool = False
    """Whether the input of every layer after the first is added to its output. Needs two layers. He et al. 2016; for
    recurrent layers Wu et al. 2016, arXiv:1609.08144, section 3.1."""
    projection_size: int = Field(0, ge=0, le=4096)
    """Features that every layer's output is projected to, linearly and without bias; 0 (off) to 4096. Sak et al. 2014.
    Deviation: the state that a cell hands to its own next step is not projected."""
    pooling: str = "last"
    """How the steps of a sequence become one vector. A task that predicts at each step has `every` and no other."""
    initializer: str = "orthogonal"
    """Start values of the recurrent layers' weights, per gate."""

    @field_validator("cell", "pooling", "initializer")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        _CHOICES[str(info.field_name)][name]
        return name


_CHOICES = {"cell": CELLS, "pooling": POOLINGS, "initializer": INITIALIZERS}
