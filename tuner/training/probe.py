"""Checks that a node can do a worker's work; run there before a sweep begins."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import PREPARED, fetch
from tuner.disk import places
from tuner.training.devices import choose_device


def probe(question: Mapping[str, str]) -> str:
    """Load the adapter, read the prepared data, read and write in the place of checkpoints.

    Args:
        question: `adapter`; `prepared`, `prepared_as`, `store`: as in `TrialSpec`; `place` of checkpoints, with a file
            `token` that contains its own name; `device` of the trials.

    Returns:
        What this node cannot do and why, as "read ...: no such file"; "" when it can do everything.
    """
    doing = f"import the adapter {question['adapter']}"
    try:
        ADAPTERS[question["adapter"]].load()
        doing = f"train on device {question['device']}"
        choose_device(question["device"])
        root = Path(question["prepared"])
        name = question["prepared_as"]
        doing = f"read the prepared data in {question['store'] or root / name}"
        if question["store"]:
            fetch(name, root, question["store"])
        else:
            places.read(str(root / name / PREPARED))
        place, token = question["place"], question["token"]
        doing = f"read the driver's files in {place}"
        if places.read(places.join(place, token)) != token.encode():
            return f"{doing}: another file is there"
        doing = f"write checkpoints in {place}"
        own = places.join(place, f"{token}-{uuid.uuid4().hex}")
        places.write(own, token.encode())
        places.remove(own)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the node cannot do
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return f"{doing}: {cause}"
    return ""
