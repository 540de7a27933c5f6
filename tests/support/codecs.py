"""Codecs of prepared data, and what they tell."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tuner.adapters.base import Codec, Item
from tuner.adapters.catalog import ADAPTERS


def codec_of(name: str, folder: Path, **options: Any) -> Codec:
    """The codec of prepared data, opened from a folder that holds what goes with a model and nothing else."""
    entry = ADAPTERS[name]
    adapter = entry.load()(entry.options(**options))
    (folder / "prepared").mkdir()
    adapter.prepare(folder / "prepared")
    (folder / "model").mkdir()
    for file in entry.load().model_files:
        shutil.copy(folder / "prepared" / file, folder / "model")
    codec: Codec = adapter.codec(folder / "model")
    return codec


def problems(items: Iterable[Item]) -> list[str]:
    """What is wrong with each item; "" where it can be answered."""
    found = list(items)
    assert all(bool(item.problem) == (item.x is None) for item in found)
    return [item.problem for item in found]
