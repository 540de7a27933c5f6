"""A configuration from elsewhere, brought into a space."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.config import read_yaml, ready_portfolio, ready_search_spaces
from tuner.space import Space
from tuner.space.nearest import nearest


def ready(name: str) -> Space:
    """A ready search space."""
    return Space.parse(read_yaml(ready_search_spaces()[name]).value, lambda _: name)


@pytest.mark.parametrize("name", ready_search_spaces())
def test_what_lies_in_a_space_stays_as_it_is(name: str) -> None:
    """Also with parameters beside it that do not exist there."""
    space = ready(name)
    for params in space.samples(random.Random(1), 40):
        assert nearest(space, params) == params
        assert nearest(space, {**params, "unheard_of": 3}) == params


@given(
    wanted=st.dictionaries(
        st.sampled_from(["cell", "layers", "hidden_size", "dropout.between", "optimizer", "learning_rate", "schedule"]),
        st.sampled_from(["gru", "lstm", "adamw", "sgd", "cosine", 0, 1, 2, 3, 500, -1.0, 1e-9, 0.01, 1e9, True, None]),
    )
)
def test_what_comes_out_lies_in_the_space(wanted: dict[str, Any]) -> None:
    """Whatever is wanted; or nothing does, where a choice is not offered or a number is none."""
    space = ready("gated_rnn")
    found = nearest(space, wanted)
    if found is not None:
        assert space.contains(found)
        for name in ("cell", "optimizer", "schedule"):
            assert name not in wanted or found[name] == wanted[name]


def test_numbers_move_to_the_range_and_the_grid() -> None:
    """The end of a range, the nearer step, the middle where nothing is wanted."""
    space = Space.parse(
        {
            "layers": {"low": 2, "high": 8, "step": 2},
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "clip_norm": {"low": 0.5, "high": 1.5},
            "batch_size": 32,
        },
        lambda _: "here",
    )
    found = nearest(space, {"layers": 5.2, "learning_rate": 3.0, "batch_size": 64})
    assert found == {"layers": 6, "learning_rate": 1e-2, "clip_norm": 1.0, "batch_size": 32}
    assert isinstance(found["layers"], int)
    assert nearest(space, {})["learning_rate"] == pytest.approx(1e-3)  # type: ignore[index]


@pytest.mark.parametrize("name", [name for name in ready_search_spaces() if ready_portfolio(name)])
def test_ready_portfolios_lie_in_their_spaces(name: str) -> None:
    """Every configuration, as it is written, and no two alike."""
    path = ready_portfolio(name)
    assert path is not None
    document = read_yaml(path)
    listed = document.value["configurations"]
    assert len(listed) >= 4
    assert all(ready(name).contains(params) for params in listed)
    assert all(listed.count(params) == 1 for params in listed)
    assert document.value["source"]
