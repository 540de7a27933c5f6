"""Models of a user's own tables, made without a training, and a table of two series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.support.models import made_model
from tuner.predict import Model, load


def shops(days: int) -> pd.DataFrame:
    """Two series of days, the second begins later."""
    rng = np.random.default_rng(0)
    frames = []
    for name, start, level in (("north", "2023-01-01", 100.0), ("south", "2023-03-01", 5.0)):
        day = pd.date_range(start, periods=days)
        sold = level + np.sin(np.arange(days) * 2 * np.pi / 7) + rng.normal(size=days) / 50
        frames.append(pd.DataFrame({"shop": name, "day": day, "sold": sold}))
    return pd.concat(frames, ignore_index=True)


def model_of(folder: Path, adapter: str, **data: Any) -> Model:
    """A model with weights by chance of data that lie in the folder."""
    return load(made_model(folder, adapter, data=data))
