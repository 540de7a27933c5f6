"""Search spaces for the tests: parsed from text, and drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from hypothesis import strategies as st

from tuner.config import parse_yaml
from tuner.errors import TaskFileError
from tuner.space import Space
from tuner.space.domains import Suggester

BASE = """\
cell: [lstm, gru]
forget_bias: {low: 0.0, high: 3.0, when: {cell: lstm}}
layers: {low: 1, high: 3}
dropout.between: {low: 0.0, high: 0.6, when: {layers: {low: 2}}}
dropout.input: [0, 0.2]
optimizer:
  adamw:
    learning_rate: {low: 1e-4, high: 3e-2, log: true}
    weight_decay: {low: 1e-6, high: 1e-1, log: true}
  sgd:
    learning_rate: {low: 1e-2, high: 1, log: true}
    momentum: {low: 0, high: 0.9, step: 0.3}
  adam:
batch_size: 32
"""


def space(text: str) -> Space:
    """The space that YAML text describes."""
    document = parse_yaml(text, "s.yaml")
    return Space.parse(document.value, document.place)


def override(old: Space, text: str) -> Space:
    """The space after the changes that YAML text describes."""
    document = parse_yaml(text, "t.yaml")
    return old.override(document.value, document.place)


_LABELS = ["red", "green", "blue"]
_RANGES = st.one_of(
    st.tuples(st.integers(-5, 5), st.integers(1, 9)).map(lambda t: {"low": t[0], "high": t[0] + t[1]}),
    st.tuples(st.integers(-5, 5), st.integers(1, 3), st.integers(1, 4)).map(
        lambda t: {"low": t[0], "high": t[0] + t[1] * t[2], "step": t[1]}
    ),
    st.tuples(st.integers(1, 5), st.integers(1, 90)).map(lambda t: {"low": t[0], "high": t[0] + t[1], "log": True}),
    st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 1e3)).map(lambda t: {"low": t[0], "high": t[0] + t[1]}),
    st.tuples(st.floats(1e-6, 1.0), st.floats(2, 1e3)).map(lambda t: {"low": t[0], "high": t[0] * t[1], "log": True}),
    st.tuples(st.integers(0, 5), st.integers(1, 6)).map(
        lambda t: {"low": t[0] / 10, "high": (t[0] + 2 * t[1]) / 10, "step": 0.2}
    ),
)
_PLAIN = st.one_of(
    st.sampled_from(["text", 3, 0.5, True, None]),
    st.lists(st.sampled_from([*_LABELS, 7, 0.25, False, None]), min_size=1, max_size=4, unique_by=repr),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A search space as YAML would hold it: every form of the grammar, conditions included; in any order."""
    values: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 5))):
        form = draw(st.sampled_from(["plain", "range", "branches", "definitions"]))
        name = f"p{index}"
        if form == "plain":
            values[name] = draw(_PLAIN)
        elif form == "range":
            values[name] = draw(_RANGES)
        else:
            chosen = draw(st.lists(st.sampled_from(_LABELS), min_size=2, max_size=3, unique=True))
            if form == "branches":
                below = st.none() | st.fixed_dictionaries({f"below{index}": st.one_of(_PLAIN, _RANGES)})
                values[name] = {choice: draw(below) for choice in chosen}
            else:
                values[name] = chosen
                values[f"many{index}"] = [{**draw(_RANGES), "when": {name: choice}} for choice in chosen]
    parents = [name for name, entry in values.items() if isinstance(entry, dict) and "low" in entry]
    for name in parents:
        low = values[name]["low"]
        if draw(st.booleans()):
            values[f"{name}.child"] = {"choices": ["a", "b"], "when": {name: {"low": low + 0.05}}}
    return {name: values[name] for name in draw(st.permutations(list(values)))}


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """A valid search space. A condition that can never hold is drawn again."""
    while True:
        try:
            return Space.parse(draw(documents()), lambda key: f"s:{key}")
        except TaskFileError:
            continue


class Enumerator:
    """A suggester that goes through all branches of a finite space, one configuration per pass."""

    def __init__(self) -> None:
        self.path: list[int] = []
        self.widths: list[int] = []

    def configurations(self, space: Space) -> Iterator[dict[str, Any]]:
        """Every configuration, found by counting through the answers."""
        self.path = []
        while True:
            self.widths = []
            yield space.suggest(cast("Suggester", self))
            self.path += [0] * (len(self.widths) - len(self.path))
            while self.path and self.path[-1] + 1 >= self.widths[len(self.path) - 1]:
                self.path.pop()
            if not self.path:
                return
            self.path[-1] += 1

    def _answer(self, options: list[Any]) -> Any:
        index = len(self.widths)
        self.widths.append(len(options))
        return options[self.path[index] if index < len(self.path) else 0]

    def suggest_categorical(self, name: str, choices: Any) -> Any:  # noqa: ARG002 - as Optuna's
        """The next choice."""
        return self._answer(list(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002 - as above
        """The next whole number."""
        return int(self._answer(list(range(low, high + 1, step))))

    def suggest_float(self, name: str, low: float, high: float, *, step: float, log: bool = False) -> float:  # noqa: ARG002 - as above
        """The next number of the grid."""
        return float(self._answer([low + k * step for k in range(round((high - low) / step) + 1)]))
