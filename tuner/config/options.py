"""The base class of every options model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from tuner.config.docstrings import attribute_docstrings


class Options(BaseModel):
    """A set of options: unknown names are refused, values are checked, instances do not change.

    The string under a field gives meaning, unit, legal interval and source; `tuner list` prints it. It is read from the
    source when it is asked for, as pydantic's `use_attribute_docstrings` would take every command a tenth of a second.
    Names with a dot (`dropout.input`) are aliases of Python names.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=True,
        allow_inf_nan=False,
    )
    later: ClassVar[tuple[str, ...]] = ()
    """Options that were added in a later version."""

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """Every field's description or, in its place, the string under it; empty where there is neither."""
        written = attribute_docstrings(cls)
        return {name: field.description or written.get(name, "") for name, field in cls.model_fields.items()}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the fields, with their meanings."""
        reference = handler(schema)
        fields = handler.resolve_ref_schema(reference).get("properties", {})
        for name, meaning in cls.meanings().items():
            if meaning:
                fields[cls.model_fields[name].alias or name]["description"] = meaning
        return reference

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
