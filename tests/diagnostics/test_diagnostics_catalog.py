"""The catalog of probes, the levels, and the names of what is measured."""

import re
from itertools import pairwise

import pytest

from tuner.diagnostics import names
from tuner.diagnostics.catalog import CADENCES, LEVELS, PROBES, ProbeEntry
from tuner.diagnostics.look_probes import LookProbe
from tuner.diagnostics.probes import Probe, StepProbe


@pytest.mark.parametrize("name", PROBES.entries)
def test_entry_is_whole(name: str) -> None:
    """Every entry loads a probe, tells what it is and where it comes from."""
    entry = PROBES[name]
    assert issubclass(entry.load(), Probe)
    assert entry.summary
    assert entry.source
    assert entry.options() == entry.options.model_validate({})


@pytest.mark.parametrize("name", PROBES.entries)
def test_a_probe_tells_when_it_runs_and_what_it_costs(name: str) -> None:
    """The form is the class's, and the line of `list probes` has both."""
    entry = PROBES[name]
    assert isinstance(entry, ProbeEntry)
    assert issubclass(entry.load(), {"step": StepProbe, "look": LookProbe}[entry.when])
    assert entry.cost > 0
    assert entry.summary.endswith(f"each costs {entry.cost:g} steps")


def test_quantities_are_unique() -> None:
    """No two probes fill the same table or metric, and all are named in one place."""
    quantities = [quantity for name in PROBES for quantity in PROBES[name].load().quantities]
    assert len(quantities) == len(set(quantities))
    assert set(quantities) <= {value for name, value in vars(names).items() if name.isupper()}


def test_levels_grow() -> None:
    """Each level has known probes and all of the level before, and asks them as often or more often."""
    assert list(LEVELS) == list(CADENCES) == ["off", "light", "standard", "full", "diagnosis"]
    assert LEVELS["diagnosis"] == LEVELS["full"]
    for lower, higher in pairwise(list(LEVELS)[:-1]):
        assert set(LEVELS[lower]) < set(LEVELS[higher]) <= set(PROBES)
        below, above = CADENCES[lower], CADENCES[higher]
        assert not below.steps or above.steps <= below.steps
        assert not below.least or (above.least <= below.least and above.most <= below.most)


def test_names_are_of_the_grammar() -> None:
    """Every metric's name is unique and made of letters that MLflow takes."""
    values = [value for name, value in vars(names).items() if name.isupper()]
    assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[A-Za-z0-9_./ -]+", value) for value in values)
