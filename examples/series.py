"""Classification of time series: tell slow waves from fast ones, and look at how the trials learned."""

import numpy as np
import pandas as pd

import tuner

rng = np.random.default_rng(0)
fast = rng.integers(0, 2, 200)
waves = np.sin((1 + fast[:, None]) * np.arange(24) + rng.uniform(0, 6, (200, 1))) + rng.normal(0, 0.3, (200, 24))
table = pd.DataFrame(waves).add_prefix("t").assign(label=np.where(fast, "fast", "slow"))
table.to_csv("waves.csv", index=False)

study = tuner.run(
    {
        "name": "waves",
        "adapter": "time_series/classification",
        "data": {"path": "waves.csv", "label": "label"},
        "search_space": {"cell": ["gru", "lstm"], "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
        "budget": {"trials": 8, "epochs": 10},
    }
)
print(study.leaderboard())
print(study.curves().pivot(index="epoch", columns="number", values="val/loss"))
print(study.best_params)
print(study.model().predict(table.drop(columns="label").head()))
