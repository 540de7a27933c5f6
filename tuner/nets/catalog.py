"""The choices of the network: cells, initializers, regularizers, poolings, shape."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, ValidationInfo, field_validator

from tuner.config.options import Options
from tuner.nets.cell_options import (
    CandidateNoiseOptions,
    CellZoneoutOptions,
    ForgetBiasOptions,
    GateBiasOptions,
    GRUOptions,
    IndRNNOptions,
    JANETOptions,
    LagOptions,
    LRUOptions,
    LSTMAblationOptions,
    LSTMOptions,
    MGUOptions,
    MinGRUOptions,
    MinLSTMOptions,
    QRNNOptions,
    RecurrentNoiseOptions,
    RNNOptions,
    SLSTMOptions,
    SRUOptions,
    ZoneoutOptions,
)
from tuner.nets.regularizer_options import (
    ActivationPenaltyOptions,
    BetweenDropoutOptions,
    EmbeddingDropoutOptions,
    InputDropoutOptions,
    InputNoiseOptions,
    InputScalingOptions,
    OutputDropoutOptions,
    TemporalPenaltyOptions,
    TimeMaskOptions,
    VariationalDropoutOptions,
)
from tuner.registry import Catalog, Entry

__all__ = [  # also option models for cells outside the package
    "CELLS",
    "INITIALIZERS",
    "NEEDS",
    "POOLINGS",
    "REGULARIZERS",
    "CandidateNoiseOptions",
    "CellZoneoutOptions",
    "ForgetBiasOptions",
    "GateBiasOptions",
    "LagOptions",
    "NetOptions",
    "NoOptions",
    "RecurrentNoiseOptions",
    "ZoneoutOptions",
]


class NoOptions(Options):
    """An entry without parameters of its own."""


CELLS = Catalog(
    "cell",
    {
        "rnn": Entry(
            "tuner.nets.cells.rnn:RNNCell",
            "plain recurrent network; forgets early, only useful as a baseline",
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
            "LSTM with peepholes, with switches for its gates, activations and connections",
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
            "the cell's own initial values, as in PyTorch U(+-1/sqrt(hidden_size)); for comparison",
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
        "input_scaling": Entry(
            "tuner.nets.regularizers:InputScaling",
            "a factor per channel and sequence, as an augmentation of series",
            "Um et al. 2017, arXiv:1706.00527",
            InputScalingOptions,
        ),
        "time_mask": Entry(
            "tuner.nets.regularizers:TimeMask",
            "a stretch of each sequence set to 0, as an augmentation of series and spectra",
            "Park et al. 2019, arXiv:1904.08779",
            TimeMaskOptions,
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
"""A regularizer's name is that of its only parameter; regularization within a cell is a parameter of the cell.
Contract: `tuner.nets.regularizers.Regularizer`, `EmbeddingDropout` or `Penalty`."""

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
        "concat": Entry(
            "tuner.nets.poolings:Concatenated",
            "last state, maximum and mean side by side",
            "Howard & Ruder 2018, arXiv:1801.06146",
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
            "every step as it is; for tasks that predict at each step, and only for them",
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
"""Conditions under which a parameter acts, in the grammar of a search space's `when`."""


class NetOptions(Options):
    """The shape of the network between an adapter's encoder and its head."""

    cell: str = "lstm"
    """Recurrent cell of every layer: a known name, or `package.module:Class`."""
    layers: int = Field(1, ge=1, le=8)
    """Recurrent layers on top of each other; 1 to 8. One or two are usual."""
    hidden_size: int = Field(128, ge=1, le=4096)
    """Units per layer and direction; 1 to 4096. Matters most after the learning rate (Greff et al. 2017)."""
    bidirectional: bool = False
    """Whether every layer also reads backwards; refused if the task may not look ahead."""
    residual: bool = False
    """Whether the input of every layer after the first is added to its output. Needs two layers. He et al. 2016; for
    recurrent layers Wu et al. 2016, arXiv:1609.08144, section 3.1."""
    projection_size: int = Field(0, ge=0, le=4096)
    """Features to which every layer's output is projected, linearly and without bias; 0 (off) to 4096. Sak et al. 2014.
    Deviation: a cell's own recurrent state is not projected."""
    pooling: str = "last"
    """How the steps of a sequence become one vector. A task that predicts at each step has `every` and no other."""
    initializer: str = "orthogonal"
    """Initializer of the recurrent layers' weights, applied per gate."""

    @field_validator("cell", "pooling", "initializer")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        _CHOICES[str(info.field_name)][name]
        return name


_CHOICES = {"cell": CELLS, "pooling": POOLINGS, "initializer": INITIALIZERS}
