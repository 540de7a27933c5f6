"""The strings under fields: read from the source when asked, as pydantic reads them when it makes the class."""

from __future__ import annotations

from pydantic import Field

from tuner.config.docstrings import attribute_docstrings
from tuner.config.options import Options


def made(*, by_pydantic: bool) -> type[Options]:
    """The same options, with strings that pydantic reads when it makes the class, or that we read when asked."""

    class Made(Options, use_attribute_docstrings=by_pydantic):
        """Fields of all kinds."""

        rate: float = 1.0
        """Steps per second,
        at least 0."""
        plain: int = 2
        told: int = Field(3, description="By name.")
        """Not this."""
        dotted: int = Field(4, alias="a.b")
        "In (0, 1)."

    return Made


class Base(Options):
    """With a class within it."""

    rate: float = 1.0
    """Steps per second."""
    plain: int = 2
    kept: int = 3
    """Not changed."""

    class Inner(Options):
        """Within another class."""

        depth: int = 1
        """How deep."""


class Wider(Base):
    """Inherits."""

    rate: float = 5.0
    """Another meaning."""
    own: int = 1
    """Its own."""


def test_meanings_are_those_that_pydantic_reads() -> None:
    """Field by field, in the JSON Schema, too."""
    ours, theirs = made(by_pydantic=False), made(by_pydantic=True)
    assert ours.meanings() == {name: field.description or "" for name, field in theirs.model_fields.items()}
    assert ours.meanings()["rate"] == "Steps per second,\nat least 0."
    assert ours.model_json_schema()["properties"] == theirs.model_json_schema()["properties"]
    assert all(field.description in (None, "By name.") for field in ours.model_fields.values())


def test_meanings_are_inherited_and_replaced() -> None:
    """As the fields are; nested and local classes have theirs."""

    class Local(Wider):
        late: int = 1
        """Within a function."""

    assert Local.meanings() == Base.meanings() | {
        "rate": "Another meaning.",
        "own": "Its own.",
        "late": "Within a function.",
    }
    assert Base.Inner.meanings() == {"depth": "How deep."}


def test_without_source_there_are_none() -> None:
    """A class that was typed in, or whose module is gone."""
    typed: type[Options] = type(
        "Typed", (Options,), {"__module__": "nowhere", "__annotations__": {"size": int}, "size": 1}
    )
    assert typed.meanings() == {"size": ""}
    assert attribute_docstrings(int) == {}
