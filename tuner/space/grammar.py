"""The grammar of a search space: from YAML values to definitions of parameters.

    entry    = constant | list of choices | range | branches | list of definitions
    constant = text, number, true, false, null, or {value: constant}
    choices  = [constant, ...], or {choices: [...], prior: [weight, ...]}
    range    = {low: number, high: number, log: bool, step: number, prior: number}
    branches = {choice: {name: entry, ...} or null, ...}, or {choices: {...}, prior: [weight, ...]}
    list of definitions = [entry with when, ...]: one parameter, defined separately for different conditions

Choices and ranges written as a mapping may have a `prior`: weights of the choices, or the likeliest value. Every
mapping may have `when: {parameter: value | [values] | {low, high}}`; all parts must hold. Entries below a choice exist
if it is chosen. So a parameter may have several definitions; their consistency is checked in `tuner.space.order`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, NoReturn

from tuner.config import Place
from tuner.config.messages import dotted
from tuner.errors import Key, TaskFileError, nearest
from tuner.space.conditions import Condition
from tuner.space.domains import Choices, Constant, Domain, Range, domain_from_json
from tuner.space.priors import Prior, prior_from_json

_RANGE = {"low", "high", "log", "step"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_MAX_STEPS = 1_000_000
_LABEL_LENGTH = 10
"""MLflow's parallel coordinates cut labels to this length; longer choices with equal beginnings would look the same."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A parameter under certain conditions.

    Args:
        name: The parameter.
        domain: Its possible values.
        conditions: All must hold for it to exist.
        owner: The parameter below whose choice it is written; empty at the top.
        where: "file:line", for messages.
        prior: Its prior distribution; None: uniform.
    """

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()
    owner: str = ""
    where: str = field(default="", compare=False)
    prior: Prior | None = None

    @property
    def key(self) -> str:
        """A unique name that changes with the domain, so that one name never means two ranges."""
        text = json.dumps([self.name, self.domain.to_json()], sort_keys=True)
        return f"{self.name}@{hashlib.sha256(text.encode()).hexdigest()[:4]}"

    def active(self, params: Mapping[str, Any]) -> bool:
        """Whether the parameter exists with these parameters."""
        return all(condition.holds(params) for condition in self.conditions)

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` makes the same definition."""
        when = [condition.to_json() for condition in self.conditions]
        prior = {} if self.prior is None else {"prior": self.prior.to_json()}
        return {"name": self.name, **self.domain.to_json(), "when": when, "owner": self.owner, **prior}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Definition:
        """The definition that `to_json` described."""
        conditions = tuple(Condition.from_json(each) for each in data["when"])
        prior = prior_from_json(data.get("prior"))
        return cls(data["name"], domain_from_json(dict(data)), conditions, data["owner"], prior=prior)

    def __str__(self) -> str:
        conditions = f" ({', '.join(map(str, self.conditions))})" if self.conditions else ""
        return f"{self.name}{conditions}"


Form = Literal["value", "choices", "range", "branches", "definitions"]


def form_of(entry: object) -> Form:
    """The rule of the grammar that an entry follows, by its form."""
    if isinstance(entry, list):
        return "definitions" if entry and all(isinstance(each, Mapping) for each in entry) else "choices"
    if not isinstance(entry, Mapping) or "value" in entry:
        return "value"
    if isinstance(entry.get("choices"), list):
        return "choices"
    return "range" if _RANGE & entry.keys() else "branches"


@dataclass(frozen=True, slots=True)
class Parser:
    """Parses the entries of one document.

    Args:
        place: Turns a key path into "file:line".
    """

    place: Place

    def entries(
        self, values: object, key: Key = (), inherited: tuple[Condition, ...] = (), owner: str = ""
    ) -> list[Definition]:
        """The definitions of a mapping of entries.

        Args:
            values: Parameter name -> entry.
            key: Key path of `values` in the document.
            inherited: Conditions of all its entries.
            owner: The parameter below whose choice it is.

        Raises:
            TaskFileError: An entry breaks the grammar.
        """
        if not isinstance(values, Mapping):
            self._refuse(key, "must be a mapping of parameters", values)
        return [
            definition
            for name, entry in values.items()
            for definition in self.entry(name, entry, (*key, name), inherited, owner)
        ]

    def entry(
        self, name: str, entry: object, key: Key, inherited: tuple[Condition, ...] = (), owner: str = ""
    ) -> list[Definition]:
        """The definitions of one entry: its own first, then those below its choices."""
        self._check_name(name, key)
        form = form_of(entry)
        if form == "definitions":
            assert isinstance(entry, list)  # by form_of
            return self._guarded(name, entry, key, inherited, owner)
        own: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {form: entry}
        conditions = (*inherited, *self._when(own.get("when", {}), (*key, "when")))
        values = {each: value for each, value in own.items() if each != "when"}
        if form in {"value", "choices"}:
            self._check_keys(values, {form, "prior"} if form == "choices" else {form}, key)
            below = (*key, form) if isinstance(entry, Mapping) else key
            plain = self._constant(values[form], below) if form == "value" else self._choices(values[form], below)
            prior = self._prior(values, plain, key)
            return [Definition(name, plain, conditions, owner, self.place(key), prior)]
        if form == "range":
            domain = self._range(values, key)
            return [Definition(name, domain, conditions, owner, self.place(key), self._prior(values, domain, key))]
        if "choices" in values:
            self._check_keys(values, {"choices", "prior"}, key)
            first, *rest = self._branches(name, values["choices"], (*key, "choices"), conditions, owner)
            return [replace(first, prior=self._prior(values, first.domain, key)), *rest]
        return self._branches(name, values, key, conditions, owner)

    def _branches(
        self, name: str, branches: object, key: Key, conditions: tuple[Condition, ...], owner: str
    ) -> list[Definition]:
        if not isinstance(branches, Mapping) or not branches:
            self._refuse(key, "must have choices", branches, "Write {choice: {...}}, a list, or {low: ..., high: ...}.")
        domain = self._choices(list(branches), key)
        definitions = [Definition(name, domain, conditions, owner, self.place(key))]
        for choice, below in branches.items():
            if below is not None:
                chosen = (*conditions, Condition(name, (choice,)))
                definitions += self.entries(below, (*key, choice), chosen, name)
        return definitions

    def _guarded(
        self, name: str, entries: list[Any], key: Key, inherited: tuple[Condition, ...], owner: str
    ) -> list[Definition]:
        definitions = []
        for index, entry in enumerate(entries):
            if "when" not in entry:
                self._refuse(
                    (*key, index),
                    "must have `when`",
                    entry,
                    "Say for each definition of a list when it holds.",
                )
            definitions += self.entry(name, entry, (*key, index), inherited, owner)
        return definitions

    def _constant(self, value: object, key: Key) -> Constant:
        if value is not None and not isinstance(value, str | int | float):
            self._refuse(key, "must be text, a number, true, false or null", value)
        return Constant(value)

    def _choices(self, values: list[Any], key: Key) -> Constant | Choices:
        if not values:
            self._refuse(key, "must have at least one choice", values)
        labels: dict[str, str] = {}
        for index, value in enumerate(values):
            self._constant(value, (*key, index))
            if value in values[:index]:
                self._refuse((*key, index), "must differ from earlier choices", value)
            if isinstance(value, str) and ":" not in value:  # the name package.module:Class is given
                other = labels.setdefault(value[:_LABEL_LENGTH], value)
                if other != value:
                    self._refuse(
                        (*key, index),
                        f"must differ from {other!r} within its first {_LABEL_LENGTH} characters",
                        value,
                        "Figures cut labels there.",
                    )
        return Choices(tuple(values)) if len(values) > 1 else Constant(values[0])

    def _prior(self, values: Mapping[str, Any], domain: Domain, key: Key) -> Prior | None:
        if "prior" not in values:
            return None
        given, key = values["prior"], (*key, "prior")
        if isinstance(domain, Range):
            if not domain.contains(given):
                self._refuse(key, f"must be a value of {domain}", given, "It is the most likely value.")
            return Prior(likely=float(given))
        fix = "It has a weight for each choice, in their order."
        if not isinstance(given, list) or len(given) != len(domain.values() or ()):
            self._refuse(key, f"must be a list of {len(domain.values() or ())} weights", given, fix)
        for index, weight in enumerate(given):
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
                self._refuse((*key, index), "must be a number > 0", weight, fix)
        return Prior(tuple(map(float, given))) if isinstance(domain, Choices) else None

    def _range(self, values: Mapping[str, Any], key: Key) -> Range:
        self._check_keys(values, _RANGE | {"prior"}, key)
        for end in ("low", "high", "step"):
            if end not in values and end != "step":
                self._refuse(key, f"must have `{end}`", dict(values), "A range has both low and high.")
            if end in values and (isinstance(values[end], bool) or not isinstance(values[end], int | float)):
                self._refuse((*key, end), "must be a number", values[end])
        low, high, step, log = values["low"], values["high"], values.get("step"), values.get("log", False)
        if not isinstance(log, bool):
            self._refuse((*key, "log"), "must be true or false", log)
        if low >= high:
            self._refuse((*key, "high"), f"must be > low ({low})", high, "Write a single value without a range.")
        if log and low <= 0:
            self._refuse((*key, "low"), "must be > 0 on a log scale", low)
        if log and step is not None:
            self._refuse((*key, "step"), "must not stand beside log", step, "Remove one of the two.")
        if step is not None:
            if step <= 0:
                self._refuse((*key, "step"), "must be > 0", step)
            if (high - low) / step > _MAX_STEPS:
                self._refuse((*key, "step"), f"must make at most {_MAX_STEPS} steps", step, "Leave it out.")
            if remainder := (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)):
                best = type(high)(Decimal(str(high)) - remainder)
                self._refuse((*key, "high"), f"must lie on the grid low + k * {step}", high, f"Write {best}.")
        if not all(isinstance(value, int) for value in (low, high, step) if value is not None):
            low, high, step = float(low), float(high), None if step is None else float(step)
        return Range(low, high, log, step)

    def _when(self, when: object, key: Key) -> tuple[Condition, ...]:
        if not isinstance(when, Mapping):
            self._refuse(key, "must be a mapping", when, "Write {parameter: value}.")
        return tuple(self._condition(parent, wanted, (*key, parent)) for parent, wanted in when.items())

    def _condition(self, parent: str, wanted: object, key: Key) -> Condition:
        if isinstance(wanted, Mapping):
            self._check_keys(wanted, {"low", "high"}, key)
            for end, value in wanted.items():
                if isinstance(value, bool) or not isinstance(value, int | float):
                    self._refuse((*key, end), "must be a number", value)
            condition = Condition(parent, (), **wanted)
            if not wanted or condition.low > condition.high:
                self._refuse(key, "must be an interval with low <= high", dict(wanted))
            return condition
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            self._refuse(key, "must have at least one value", wanted)
        return Condition(parent, tuple(self._constant(value, key).value for value in values))

    def _check_name(self, name: str, key: Key) -> None:
        if not _NAME.fullmatch(name) or len(name) > 100:
            self._refuse(key, "must be a name of letters, digits, '_' and '.' between them", name)
        if name == "seed" or name.endswith(".seed"):
            fix = "The confirmation trains on fresh seeds; sampler.seed repeats a search."
            self._refuse(key, "must not be in a search space", name, fix)

    def _check_keys(self, values: Mapping[str, Any], known: set[str], key: Key) -> None:
        for name in values:
            if name not in known:
                raise TaskFileError(
                    f"{_shown(key)} must have known keys only",
                    value=name,
                    fix=nearest(name, known),
                    where=self.place((*key, name)),
                    key=(*key, name),
                )

    def _refuse(self, key: Key, rule: str, value: object, fix: str = "") -> NoReturn:
        raise TaskFileError(f"{_shown(key)} {rule}", value=value, fix=fix, where=self.place(key), key=key)


def _shown(key: Key) -> str:
    return dotted(key) or "a search space"
