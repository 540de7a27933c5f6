import re
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator, model_validator
from pydantic_core import ErrorDetails, ErrorTypeInfo
from pydantic_core._pydantic_core import list_all_errors

from tuner.config import Options, OptionsError, TaskFile, parse_yaml, validate_options
from tuner.config.messages import phrase
from tuner.errors import Key, TaskFileError, UserError


class Inner(Options):
    size: int = Field(default=1, ge=1)
    """Size, >= 1."""


class Example(Options):
    count: int = Field(default=1, ge=1, le=9)
    """Count, 1 to 9."""
    rate: float = Field(default=0.5, gt=0, lt=1, alias="dropout.input")
    """Rate in (0, 1)."""
    deep: bool = False
    """Whether deep."""
    label: str = Field(default="x", min_length=1, max_length=3)
    """Label."""
    kind: Literal["mean", "max"] = "mean"
    """Kind."""
    limit: int | Literal["auto"] = "auto"
    """Limit."""
    sizes: tuple[int, ...] = ()
    """Sizes."""
    inner: Inner = Inner()
    """Inner options."""
    table: dict[str, Inner] = Field(default={})
    """Options by name."""
    even: int = 0
    """An even number."""
    own: str = ""
    """A text with its own message."""

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @field_validator("own")
    @classmethod
    def _own(cls, value: str) -> str:
        if value:
            raise TaskFileError("own must be empty", value=value, fix="Empty it.")
        return value

    @model_validator(mode="after")
    def _agree(self) -> "Example":
        if self.count == 9 and self.deep:
            raise ValueError("must not be deep with nine")
        return self


def place(key: Key) -> str:
    """A place that shows its key."""
    return f"t.yaml:{'/'.join(map(str, key))}"


MISTAKES = {
    "count: 0": r"^t\.yaml:data/count: data\.count must be >= 1, but got 0\.$",
    "count: 10": r"data\.count must be <= 9, but got 10\.$",
    "count: true": r"data\.count must be a whole number, but got True\.$",
    "count: '3'": r"data\.count must be a whole number, but got '3'\. Remove the quotes\.$",
    "count: 3.0": r"data\.count must be a whole number, but got 3\.0\. Write 3\.$",
    "count: [3]": r"data\.count must be a whole number, but got \[3\]\.$",
    "count:": r"data\.count must be a whole number, but got None\. Fill it in, or remove the key\.$",
    "dropout.input: 0": r"t\.yaml:data/dropout\.input: data\.dropout\.input must be > 0, but got 0\.$",
    "dropout.input: 1.5": r"data\.dropout\.input must be < 1, but got 1\.5\.$",
    "dropout.input: x": r"data\.dropout\.input must be a number, but got 'x'\.$",
    "deep: 1": r"data\.deep must be true or false, but got 1\.$",
    "deep: 'true'": r"data\.deep must be true or false, but got 'true'\.$",
    "label: 5": r"data\.label must be text, but got 5\. Put it in quotes\.$",
    "label: abcd": r"data\.label must have at most 3 characters, but got 'abcd'\.$",
    "label: ''": r"data\.label must have at least 1 characters, but got ''\.$",
    "kind: mena": r"data\.kind must be 'mean' or 'max', but got 'mena'\. Did you mean 'mean'\? Known: m",
    "limit: aut": r"data\.limit must be a whole number or 'auto', but got 'aut'\. Did you mean 'auto'\?",
    "sizes: 3": r"data\.sizes must be a list, but got 3\.$",
    "sizes: [3, x]": r"t\.yaml:data/sizes/1: data\.sizes\[1\] must be a whole number, but got 'x'\.$",
    "inner: 3": r"data\.inner must be a mapping, but got 3\.$",
    "inner: {size: 0}": r"t\.yaml:data/inner/size: data\.inner\.size must be >= 1, but got 0\.$",
    "inner: {sise: 1}": r"t\.yaml:data/inner/sise: data\.inner must have known keys only, but got 'sise'\. "
    r"Did you mean 'size'\? Known: size\.$",
    "table: {a: {sise: 1}}": r"data\.table\.a must have known keys only, .* Did you mean 'size'\?",
    "dropout.inptu: 0": r"data must have known .* got 'dropout\.inptu'\. Did you mean 'dropout\.input'\?",
    "even: 3": r"data\.even must be even, but got 3\.$",
    "own: x": r"^t\.yaml:data/own: own must be empty, but got 'x'\. Empty it\.$",
    "{count: 9, deep: true}": r"^t\.yaml:data: data must not be deep with nine\.$",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_message(text: str) -> None:
    """Every mistake is told with place, rule, value and, where there is one, the fix."""
    with pytest.raises(OptionsError, match=MISTAKES[text]):
        validate_options(Example, parse_yaml(text, "t").value, key=("data",), place=place)


def test_first_in_the_file_with_all_others() -> None:
    """The first mistake in the order of the file is raised and carries the others."""
    values = {"sizes": ["x"], "unknown": 1, "count": 0, "inner": {"size": 0}}
    with pytest.raises(OptionsError, match=r"sizes\[0\]") as caught:
        validate_options(Example, values, place=place)
    assert [error.key for error in caught.value.others] == [("unknown",), ("count",), ("inner", "size")]
    assert all(error.where for error in caught.value.others)


def test_valid_values_become_options() -> None:
    """Values that fit give the options; a whole number does for a number."""
    options = validate_options(Example, {"sizes": [1, 2], "limit": 3, "inner": {"size": 2}}, place=place)
    assert options == Example(sizes=(1, 2), limit=3, inner=Inner(size=2))


def test_a_long_value_is_cut() -> None:
    """Its three dots end the sentence."""
    error = UserError("x must be short", value="y" * 200, fix="Shorten it.")
    assert str(error) == f"x must be short, but got '{'y' * 76}... Shorten it."


def test_missing() -> None:
    """A missing key is told with the place of the mapping that should have it."""
    with pytest.raises(
        OptionsError, match=r"^t\.yaml:adapter: adapter must be given\. Add `adapter:` to the top level"
    ):
        validate_options(TaskFile, {"name": "x"}, place=place)


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda error: error["type"])
def test_every_kind_of_complaint_has_our_wording(error: ErrorTypeInfo) -> None:
    """No complaint of the validation library reaches a user in its own form."""
    details = ErrorDetails(
        type=error["type"],
        loc=("x",),
        msg=error["example_message_python"],
        input=None,
        ctx=error.get("example_context") or {},
    )
    assert re.match(r"(not )?(be|have|match) ", phrase(details))
    assert "Input" not in phrase(details)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*Example.model_fields, "dropout.input", "other"]), _VALUES))
def test_any_values_give_options_or_a_message(values: dict[str, object]) -> None:
    """Whatever the values, the answer is options or one line with a place."""
    try:
        assert isinstance(validate_options(Example, values, place=place), Example)
    except OptionsError as error:
        assert str(error).startswith("t.yaml:")  # noqa: PT017 - either outcome is right
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - as above
