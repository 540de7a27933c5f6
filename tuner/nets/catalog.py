"""What can be chosen about the network: cells, initializers, regularizers, poolings, shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from tuner.config.options import Options
from tuner.registry import Catalog, Entry


class NoOptions(Options):
    """An entry without parameters of its own."""


class RNNOptions(Options):
    """Parameters of the plain recurrent cell."""

    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation of the state: tanh, or relu, whose state has no bound. Elman 1990; Le et al. 2015."""


class LSTMOptions(Options):
    """Parameters of the LSTM."""

    forget_bias: float = Field(1.0, ge=-10, le=10)
    """Start value of the forget gate's bias, the sum of its two bias vectors; -10 to 10. 0, 1, 3, 5
    remember for 1, 2, 14, 103 steps (half-life). Gers et al. 2000; 1 after Jozefowicz et al. 2015."""


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
        "gru": Entry(
            "tuner.nets.cells.gru:GRUCell",
            "gated recurrent unit, reset gate after the recurrent product",
            "Cho et al. 2014, arXiv:1406.1078v1",
            NoOptions,
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
        "torch_default": Entry(
            "tuner.nets.initializers:torch_default",
            "PyTorch's own numbers, U(+-1/sqrt(hidden_size)); the control arm",
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
    },
)
"""A regularizer's name is the name of its one parameter. Contract: `tuner.nets.regularizers.Regularizer`."""

POOLINGS = Catalog(
    "pooling",
    {
        "last": Entry(
            "tuner.nets.poolings:last",
            "the state after the last step, of each direction",
            "Sutskever et al. 2014",
            NoOptions,
        ),
        "mean": Entry("tuner.nets.poolings:mean", "mean over the valid steps", "Graves 2012", NoOptions),
        "max": Entry(
            "tuner.nets.poolings:maximum",
            "largest value of each unit over the valid steps",
            "Collobert & Weston 2008",
            NoOptions,
        ),
    },
)
"""Contract: `tuner.nets.poolings.Pooling`."""

NEEDS: Mapping[str, Mapping[str, object]] = {"dropout.between": {"layers": {"low": 2}}}
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
    pooling: str = "last"
    """How the steps of a sequence become one vector."""
    initializer: str = "orthogonal"
    """Start values of the recurrent layers' weights, per gate."""

    @field_validator("cell", "pooling", "initializer")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        _CHOICES[str(info.field_name)][name]
        return name


_CHOICES = {"cell": CELLS, "pooling": POOLINGS, "initializer": INITIALIZERS}
