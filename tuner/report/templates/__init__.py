"""The templates of the page. Inserted values are escaped, unless they are markup already."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tuner.report.glossary import GLOSSARY, term
from tuner.report.plot import state_class
from tuner.report.svg import join, number, shown, tag
from tuner.words import capital


def filled(name: str, /, **values: Any) -> Markup:
    """The template of a file name, filled with values."""
    return Markup(_environment().get_template(name).render(**values))


def sentence(text: str) -> Markup:
    """A sentence that begins with a capital, and what stands between backticks as code."""
    parts = capital(text).split("`")
    return join(tag("code", part) if at % 2 else escape(part) for at, part in enumerate(parts))


@lru_cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("tuner.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"term": term, "glossary": GLOSSARY, "state_class": state_class}
    filters: dict[str, Callable[..., Any]] = {"shown": shown, "number": number, "sentence": sentence}
    made.filters |= filters
    return made
