"""The catalog of probes, the levels, and the names of what is measured."""

import re

import pytest

from tuner.diagnostics import names
from tuner.diagnostics.catalog import LEVELS, PROBED_STEPS, PROBES
from tuner.diagnostics.probes import Probe


@pytest.mark.parametrize("name", PROBES.entries)
def test_entry_is_whole(name):
    """Every entry loads a probe, tells what it is and where it comes from."""
    entry = PROBES[name]
    assert issubclass(entry.load(), Probe)
    assert entry.summary
    assert entry.source
    assert entry.options() == entry.options.model_validate({})


def test_quantities_are_unique():
    """No two probes fill the same table."""
    quantities = [PROBES[name].load().quantity for name in PROBES]
    assert len(quantities) == len(set(quantities))


def test_levels_grow():
    """Each level has known probes, all of the level before, and at least its cadence."""
    assert list(LEVELS) == list(PROBED_STEPS) == ["off", "light", "standard", "full"]
    for lower, higher in zip(list(LEVELS)[:-1], list(LEVELS)[1:], strict=True):
        assert set(LEVELS[lower]) <= set(LEVELS[higher]) <= set(PROBES)
        assert PROBED_STEPS[lower] <= PROBED_STEPS[higher]
        assert (LEVELS[lower], PROBED_STEPS[lower]) != (LEVELS[higher], PROBED_STEPS[higher])


def test_names_are_of_the_grammar():
    """Every metric's name is unique and made of letters that MLflow takes."""
    values = [value for name, value in vars(names).items() if name.isupper()]
    assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[A-Za-z0-9_./ -]+", value) for value in values)
