"""The base of every options model, and how a mapping becomes one with messages that name file and line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A set of options: unknown names are refused, values are checked, instances do not change.

    The string under a field gives meaning, unit, legal interval and source; `tuner list` prints it.
    Names with a dot (`dropout.input`) are aliases of Python names.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
