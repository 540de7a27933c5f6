"""The configurations that every task is trained with: random ones of a ready space, by seed."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.config.yaml_file import read_yaml
from tuner.seeding import derive_seed
from tuner.space import Space

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = 200
CHANGES: dict[str, dict[str, Any]] = {
    "gated_rnn": {"hidden_size": {"low": 32, "high": 96, "log": True}},
    "quick": {"hidden_size": {"low": 32, "high": 96, "log": True}},
    "low_latency": {},
}
"""Ready space -> what is narrowed for the laboratory, so that trainings take seconds; all lie in the ready space."""


class Even:
    """A `Suggester` that draws evenly.

    Args:
        rng: Draws.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002 - the contract's
        """One of the choices."""
        return self._rng.choice(choices)

    def suggest_float(
        self,
        name: str,  # noqa: ARG002
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
    ) -> float:
        """A number between low and high, of four digits."""
        if step is not None:
            return low + step * self._rng.randint(0, round((high - low) / step))
        value = math.exp(self._rng.uniform(math.log(low), math.log(high))) if log else self._rng.uniform(low, high)
        return min(max(float(f"{value:.4g}"), low), high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002
        """A whole number between low and high."""
        if log:
            return min(int(math.exp(self._rng.uniform(math.log(low), math.log(high + 1)))), high)
        return self._rng.randrange(low, high + 1, step)


def space(name: str) -> Space:
    """A ready space as the laboratory has it."""
    path = ROOT / "search_spaces" / f"{name}.yaml"
    parsed = Space.parse(read_yaml(path).value, lambda _: path.name)
    return parsed.override(CHANGES[name], lambda _: path.name)


def drawn(name: str, count: int = CONFIGURATIONS) -> list[dict[str, Any]]:
    """So many configurations of a space; the first of a longer list are those of a shorter one."""
    chosen = space(name)
    return [chosen.suggest(Even(random.Random(derive_seed(0, "laboratory", name, n)))) for n in range(count)]


def file_of(folder: Path, name: str) -> Path:
    """Where the configurations of a space are kept."""
    return folder / f"{name}.jsonl"


def kept(folder: Path, name: str) -> list[dict[str, Any]]:
    """The configurations that the records are of, by number; a space that changes later changes nothing in them."""
    return [json.loads(line) for line in file_of(folder, name).read_text().splitlines()]


def keep(folder: Path, name: str, params: Sequence[Mapping[str, Any]]) -> None:
    """Write them down, one a line, in a folder."""
    file_of(folder, name).write_text("".join(json.dumps(each) + "\n" for each in params))
