"""The base of every options model, and how a mapping becomes one with messages that name file and line."""

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
    """Options that came in a later version."""

    def used(self, unused: Collection[str]) -> dict[str, object]:
        """What preparation depends on, for a fingerprint.

        What was added later counts where it is given, so that a study begun before goes on.

        Args:
            unused: Options that act when data is opened, and those that name files.
        """
        later = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(exclude={*unused, *later})


def names_file(option: str) -> bool:
    """Whether an option of an adapter names a file or a folder: `path`, `..._path` and `vectors` do."""
    return option in ("path", "vectors") or option.endswith("_path")
