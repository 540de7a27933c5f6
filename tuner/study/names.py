"""What parameters are called in an Optuna study, where people read them in Optuna's own pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from tuner.space import Space
from tuner.space.domains import Constant
from tuner.space.grammar import Definition

_PLAIN = re.compile(r"[\w.]+")


def plain(name: str) -> str:
    """The parameter that a name in a study means.

    >>> [plain(name) for name in ("cell", "learning_rate (optimizer=adam)", "layers 1..3", "cell@883f")]
    ['cell', 'learning_rate', 'layers', 'cell']
    """
    found = _PLAIN.match(name)
    return found[0] if found else name


class Names:
    """Names of the definitions in a study: one name never means two ranges, which samplers would take for one.

    A parameter with one definition is called as in the task file; of several, each says when it holds: `learning_rate
    (optimizer=adam)`. One whose range was changed since trials were stored says the new one: `layers 1..3`.

    Args:
        space: Today's search space.
    """

    def __init__(self, space: Space) -> None:
        definitions = {each.key: each for each in space.definitions if not isinstance(each.domain, Constant)}
        self._definitions = definitions
        self._several = Counter(each.name for each in definitions.values())
        self._names: dict[str, str] = {}

    def keep(self, stored: Mapping[str, str]) -> None:
        """Take over the names that a study has given; the others are given now.

        Args:
            stored: Key of a definition -> its name.
        """
        self._names = dict(stored)
        for key, definition in self._definitions.items():
            if key not in self._names:
                self._names[key] = self._new(definition)

    @property
    def keys(self) -> Collection[str]:
        """Those of today's definitions."""
        return self._definitions.keys()

    def __getitem__(self, key: str) -> str:
        return self._names[key]

    def to_json(self) -> dict[str, str]:
        """All names that were ever given, to be stored with the study."""
        return dict(self._names)

    def _new(self, definition: Definition) -> str:
        name, used = definition.name, set(self._names.values())
        told = [name] if self._several[name] == 1 else []
        if definition.conditions:
            told.append(str(definition))
        told.append(f"{name} {definition.domain}"[:100])
        return next((each for each in told if each not in used), definition.key)
