"""The catalogs of `tuner.nets` and the options of a network."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from tuner.config import validate_options
from tuner.errors import TaskFileError
from tuner.nets.catalog import CELLS, INITIALIZERS, NEEDS, POOLINGS, REGULARIZERS, NetOptions
from tuner.nets.cell_options import LRUOptions, LSTMAblationOptions, LSTMOptions
from tuner.registry import Entry

CATALOGS = {"cells": CELLS, "initializers": INITIALIZERS, "regularizers": REGULARIZERS, "poolings": POOLINGS}
ENTRIES = [pytest.param(catalog[name], id=name) for catalog in CATALOGS.values() for name in catalog.entries]


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_is_whole(entry: Entry) -> None:
    """Every entry loads, tells what it is and where it comes from, and describes each parameter."""
    assert callable(entry.load())
    assert entry.summary
    assert entry.source
    assert entry.options.model_validate({}) == entry.options()
    assert all(entry.parameters().values())


def test_regularizer_is_called_like_its_parameter() -> None:
    """A regularizer has one parameter, of its own name, off by default and with bounds."""
    for name in REGULARIZERS:
        options = REGULARIZERS[name].options
        assert list(REGULARIZERS[name].parameters()) == [name]
        assert options().model_dump(by_alias=True) == {name: 0}
        assert options.model_validate({name: 0.5}).model_dump(by_alias=True) == {name: 0.5}
        for bad in (-0.1, 1.0 if "dropout" in name else 101.0, float("nan")):
            with pytest.raises(ValidationError):
                options.model_validate({name: bad})


def test_needs_name_known_parameters() -> None:
    """What needs something is a known parameter, and so is what it needs."""
    known = {*REGULARIZERS, *NetOptions.model_fields}
    assert {*NEEDS, *(needed for needs in NEEDS.values() for needed in needs)} <= known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", 0),
        ("layers", 9),
        ("hidden_size", 0),
        ("hidden_size", 4097),
        ("cell", "lstn"),
        ("pooling", "median"),
        ("initializer", "xavier"),
    ],
)
def test_net_options_are_checked(name: str, value: Any) -> None:
    """A value outside its interval or an unknown name is refused."""
    with pytest.raises(ValidationError, match=name):
        NetOptions.model_validate({name: value})


def test_unknown_cell_is_told_with_the_nearest() -> None:
    """The message for an unknown cell names the value, the nearest names and the command that lists all."""
    with pytest.raises(ValidationError) as caught:
        NetOptions(cell="lstn")
    error = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(error, TaskFileError)
    assert str(error) == (
        "cell must be a known name, but got 'lstn'. Did you mean 'lstm' or 'slstm'? "
        f"`python -m tuner list cells` lists all {len(list(CELLS))}."
    )


def test_every_field_is_described() -> None:
    """Every field of the network's options has a description."""
    assert all(NetOptions.meanings().values())


@pytest.mark.parametrize("bias", [-10.0, 10.0])
def test_forget_bias_interval_is_closed(bias: float) -> None:
    """Both ends of the forget bias's interval are legal."""
    assert LSTMOptions(forget_bias=bias).forget_bias == bias


def test_catalogs_do_not_import_torch() -> None:
    """Reading the catalogs of networks, optimizers and diagnostics imports neither torch nor numpy."""
    code = (
        "import sys, tuner.nets.catalog, tuner.optim.catalog;"
        "import tuner.diagnostics.catalog, tuner.diagnostics.names;"
        "print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"coupled_gates": True, "input_gate": False}, "coupled_gates needs input_gate and forget_gate"),
        ({"forget_gate": False, "forget_bias": 2.0}, "forget_bias acts only with forget_gate: true"),
        (
            {"full_gate_recurrence": True, "input_gate": False, "forget_gate": False, "output_gate": False},
            "full_gate_recurrence needs a gate",
        ),
    ],
)
def test_ablations_that_contradict_are_refused(options: dict[str, Any], match: str) -> None:
    """Switches of the LSTM that do not go together are refused."""
    with pytest.raises(ValidationError, match=match):
        LSTMAblationOptions(**options)


def test_lru_ring_has_a_width() -> None:
    """The ring's inner radius must be below its outer one."""
    with pytest.raises(ValidationError, match=r"r_min must be < r_max \(0\.5\), but got 0\.5"):
        LRUOptions(r_min=0.5, r_max=0.5)


def test_contradictions_are_told_with_their_place() -> None:
    """Options that contradict each other come as one message with the place of their section."""
    with pytest.raises(TaskFileError, match=r"task\.yaml:3: forget_bias acts only with gate_bias: constant"):
        validate_options(
            LSTMOptions, {"gate_bias": "uniform", "forget_bias": 1.0}, key=("space",), place=lambda _: "task.yaml:3"
        )
