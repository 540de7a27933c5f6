"""The base class of every options model."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

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
    later: ClassVar[tuple[str, ...]] = ()
    """Options that were added in a later version."""

    def used(self, unused: Collection[str]) -> dict[str, object]:
        """The options that preparation depends on, for a fingerprint.

        Options added later count only if they are given, so that earlier studies can be resumed.

        Args:
            unused: Options that act only when data are opened, and those that name files.
        """
        later = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(exclude={*unused, *later})


def names_file(option: str) -> bool:
    """Whether an option of an adapter names a file or a folder: `path`, `..._path` and `vectors` do."""
    return option in ("path", "vectors") or option.endswith("_path")
