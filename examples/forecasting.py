"""Forecasting: the next day of two hourly series, beyond the end of their table."""

import numpy as np
import pandas as pd

import tuner

rng = np.random.default_rng(0)
hours = pd.date_range("2026-01-01", periods=24 * 40, freq="h")
tables = []
for place, level in (("north", 20.0), ("south", 30.0)):
    load = level + 5 * np.sin(2 * np.pi * np.arange(len(hours)) / 24) + rng.normal(0, 0.5, len(hours))
    tables.append(pd.DataFrame({"time": hours, "place": place, "load": load}))
pd.concat(tables).to_csv("load.csv", index=False)

study = tuner.run(
    {
        "name": "load",
        "adapter": "time_series/forecasting",
        "data": {
            "path": "load.csv",
            "time": "time",
            "series": "place",
            "targets": ["load"],
            "window": 48,
            "horizon": 24,
        },
        "search_space": {"cell": ["gru", "lstm"], "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True}},
        "budget": {"trials": 6, "epochs": 5},
    }
)
print(study.leaderboard())
print(study.model().predict("load.csv"))
