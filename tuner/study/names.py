"""Names of parameters in an Optuna study, readable in Optuna's dashboard and plots."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from tuner.space import Space
from tuner.space.domains import Constant
from tuner.space.grammar import Definition

_PLAIN = re.compile(r"[\w.]+")


def plain(name: str) -> str:
    """The parameter that a name in a study refers to.

    >>> [plain(name) for name in ("cell", "learning_rate (optimizer=adam)", "layers 1..3", "cell@883f")]
    ['cell', 'learning_rate', 'layers', 'cell']
    """
    found = _PLAIN.match(name)
    return found[0] if found else name


class Names:
    """Names of the definitions in a study, unique per range, as samplers assume one range per name.

    A parameter with one definition has its name in the task file; with several, each includes its condition:
    `learning_rate (optimizer=adam)`. A range that was changed after trials were stored is included: `layers 1..3`.

    Args:
        space: The current search space.
    """

    def __init__(self, space: Space) -> None:
        definitions = {each.key: each for each in space.definitions if not isinstance(each.domain, Constant)}
        self._definitions = definitions
        self._several = Counter(each.name for each in definitions.values())
        self._names: dict[str, str] = {}

    def keep(self, stored: Mapping[str, str]) -> None:
        """Keep the names already used in a study, and name the remaining definitions.

        Args:
            stored: Key of a definition -> its name.
        """
        self._names = dict(stored)
        for key, definition in self._definitions.items():
            if key not in self._names:
                self._names[key] = self._new(definition)

    @property
    def keys(self) -> Collection[str]:
        """The keys of the current space's definitions."""
        return self._definitions.keys()

    def __getitem__(self, key: str) -> str:
        return self._names[key]

    def to_json(self) -> dict[str, str]:
        """All names ever used in the study, to store with it."""
        return dict(self._names)

    def _new(self, definition: Definition) -> str:
        name, used = definition.name, set(self._names.values())
        told = [name] if self._several[name] == 1 else []
        if definition.conditions:
            told.append(str(definition))
        told.append(f"{name} {definition.domain}"[:100])
        return next((each for each in told if each not in used), definition.key)
