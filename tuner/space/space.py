"""The search space: definitions in order, and operations on them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tuner.config import LoadedTask, Place
from tuner.space.changes import changed
from tuner.space.domains import Choices, Constant, Range, Scalar, Suggester
from tuner.space.grammar import Definition, Parser
from tuner.space.order import ordered
from tuner.space.sampling import Covering
from tuner.space.size import count


@dataclass(frozen=True)
class Space:
    """A search space.

    Args:
        definitions: In the order of `tuner.space.order.ordered`.
    """

    definitions: tuple[Definition, ...]

    @classmethod
    def parse(cls, values: Mapping[str, Any], place: Place) -> Space:
        """The space that a mapping of entries describes; see `tuner.space.grammar`.

        Args:
            values: Parameter name -> entry.
            place: Turns a key path in `values` into "file:line".

        Raises:
            TaskFileError: An entry breaks the grammar, or entries contradict each other.
        """
        return cls(ordered(Parser(place).entries(values)))

    def override(self, changes: Mapping[str, Any], place: Place) -> Space:
        """The space with some entries replaced, added or (None) removed; see `tuner.space.changes`.

        Args:
            changes: Parameter name -> entry, or None.
            place: Turns a key path in `changes` into "file:line".

        Raises:
            TaskFileError: An entry breaks the grammar, or contradicts the rest.
        """
        return Space(ordered(changed(self.definitions, changes, place)))

    def suggest(self, trial: Suggester) -> dict[str, Any]:
        """Parameter name -> value, including constants; parameters that do not exist in this trial are absent."""
        params: dict[str, Any] = {}
        for definition in self.definitions:
            if definition.active(params):
                params[definition.name] = definition.domain.suggest(definition.key, trial)
        return params

    def resolve(self, params: Mapping[str, Any]) -> dict[str, tuple[str, Any]] | None:
        """The searched parameters among given ones, with their definitions.

        Returns:
            Name -> (key of the definition, value) of the searched parameters; None if a parameter is missing or
            superfluous, or has a value outside the space.
        """
        found: dict[str, tuple[str, Any]] = {}
        names = set()
        for definition in self.definitions:
            name = definition.name
            if not definition.active(params):
                continue
            if name not in params or not definition.domain.contains(params[name]):
                return None
            names.add(name)
            if not isinstance(definition.domain, Constant):
                found[name] = (definition.key, params[name])
        return found if names == params.keys() else None

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether `suggest` could return these parameters."""
        return self.resolve(params) is not None

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """Names of the searched parameters."""
        names = (each.name for each in self.definitions if not isinstance(each.domain, Constant))
        return tuple(dict.fromkeys(names))

    @cached_property
    def domains(self) -> dict[str, Choices | Range]:
        """Searched parameter -> its domain; the first one of several definitions."""
        found: dict[str, Choices | Range] = {}
        for each in self.definitions:
            if not isinstance(each.domain, Constant):
                found.setdefault(each.name, each.domain)
        return found

    @cached_property
    def constants(self) -> dict[str, Scalar]:
        """The parameters that have the same value in every trial."""
        return {
            each.name: each.domain.value
            for each in self.definitions
            if isinstance(each.domain, Constant) and not each.conditions
        }

    def kinds(self) -> dict[str, str]:
        """Searched parameter -> "categorical" or "numeric"."""
        return {
            each.name: "categorical" if isinstance(each.domain, Choices) else "numeric"
            for each in self.definitions
            if not isinstance(each.domain, Constant)
        }

    def size(self) -> int | None:
        """The number of different configurations; None if a range is continuous or there are too many."""
        return count(self.definitions)

    def samples(self, rng: random.Random, n: int) -> list[dict[str, Any]]:
        """Random configurations; every choice and every end of a range occurs early."""
        trial = Covering(rng)
        return [self.suggest(trial) for _ in range(n)]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data, stored with the study, from which `from_json` makes an equal space."""
        return [definition.to_json() for definition in self.definitions]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> Space:
        """The space that `to_json` described."""
        return cls(tuple(Definition.from_json(each) for each in data))


def task_space(loaded: LoadedTask) -> Space:
    """The search space of a task: the one it names or contains, with the changes under `space`.

    Raises:
        TaskFileError: The search space is not found, breaks the grammar, or contradicts itself.
    """
    base, changes = loaded.search_space(), loaded.document.part("space")
    return Space.parse(base.value, base.place).override(changes.value, changes.place)
