"""Priors: what is drawn lies in the domain, near what is thought likely, in proportion to the weights."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from statistics import fmean, median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.spaces import space
from tuner.space import Space
from tuner.space.domains import Choices, Range
from tuner.space.priors import Prior


@given(
    ends=st.tuples(st.integers(1, 1000), st.integers(1, 1000)),
    share=st.floats(0, 1),
    log=st.booleans(),
    whole=st.booleans(),
    seed=st.integers(0, 99),
)
def test_what_is_drawn_lies_in_the_range(
    ends: tuple[int, int], share: float, log: bool, whole: bool, seed: int
) -> None:
    """Whatever the range and wherever the likely value, also at an end."""
    low, high = min(ends), max(ends)
    assume(low < high)
    domain = Range(low, high, log) if whole else Range(float(low), float(high), log)
    rng = random.Random(seed)
    for _ in range(20):
        assert domain.contains(Prior(likely=low + share * (high - low)).draw(domain, rng))


@given(steps=st.integers(1, 20), seed=st.integers(0, 99))
def test_what_is_drawn_lies_on_the_grid(steps: int, seed: int) -> None:
    """A stepped range gives values of its grid only."""
    domain = Range(0.1, round(0.1 + 0.05 * steps, 10), step=0.05)
    assert domain.contains(Prior(likely=0.1).draw(domain, random.Random(seed)))


def test_draws_gather_around_the_likely_value() -> None:
    """On a log scale the median of the logarithms is the likely one's, and a third is more than a quarter away."""
    rng, domain = random.Random(0), Range(1e-5, 1e-1, log=True)
    draws = [math.log10(Prior(likely=1e-3).draw(domain, rng)) for _ in range(4000)]  # type: ignore[arg-type]
    assert abs(median(draws) + 3) < 0.05
    assert abs(fmean(abs(draw + 3) > 1 for draw in draws) - 0.29) < 0.03  # 0.32, less what the ends cut off


def test_choices_come_in_proportion() -> None:
    """Weights 3 and 1 give three of four draws to the first."""
    parsed = space("cell: {choices: [lstm, gru], prior: [3, 1]}").definitions[0]
    assert parsed.prior is not None
    rng = random.Random(0)
    counts = Counter(parsed.prior.draw(parsed.domain, rng) for _ in range(4000))  # type: ignore[arg-type]
    assert abs(counts["lstm"] / 4000 - 0.75) < 0.02


@pytest.mark.parametrize(
    "domain", [Range(1e-5, 1e-1, log=True), Range(0.0, 1.0), Range(0, 400), Range(0.0, 1.0, step=0.01)]
)
def test_the_density_is_that_of_the_draws(domain: Range) -> None:
    """In 8 parts of the range, on its scale, it has the shares of 4000 draws; and it is highest at the likely value."""
    scale = math.log if domain.log else float
    low, high = scale(domain.low), scale(domain.high)
    likely = domain.low + (domain.high - domain.low) * 0.25 if not domain.log else 1e-4
    prior, rng, parts = Prior(likely=likely), random.Random(0), 8
    drawn = Counter(int((scale(prior.draw(domain, rng)) - low) / (high - low) * parts) for _ in range(4000))  # type: ignore[arg-type]
    middles = [low + (high - low) * (at + 0.5) / 400 for at in range(400)]
    density = [math.exp(prior.log_density(domain, math.exp(each) if domain.log else each)) for each in middles]
    for part in range(parts):
        share = sum(density[part * 50 : part * 50 + 50]) / sum(density)
        assert abs(share - drawn[part] / 4000) < 0.02
    assert prior.log_density(domain, likely) == 0 >= max(map(math.log, density))


def test_the_density_of_choices_goes_by_their_weights() -> None:
    """Over the highest: a choice of weight 1 beside one of 3 has a third."""
    prior = Prior((1.0, 3.0))
    assert [prior.log_density(Choices(("a", "b")), place) for place in (0, 1)] == [-math.log(3), 0]


def test_a_prior_is_no_part_of_a_parameters_name() -> None:
    """Trials keep their meaning when a prior is added; the space remembers it, through JSON too."""
    plain = space("a: {low: 1, high: 9}\nb: {choices: {lstm: {c: [1, 2]}, gru: null}}")
    prior = space("a: {low: 1, high: 9, prior: 3}\nb: {choices: {lstm: {c: [1, 2]}, gru: null}, prior: [2, 1]}")
    assert [each.key for each in plain.definitions] == [each.key for each in prior.definitions]
    assert plain != prior
    assert Space.from_json(json.loads(json.dumps(prior.to_json()))) == prior
    assert [each.prior for each in prior.definitions] == [Prior(likely=3.0), Prior((2.0, 1.0)), None]
