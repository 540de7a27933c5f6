"""Checkpoints: tensors and JSON, written whole or not at all, read without running code."""

from __future__ import annotations

import errno
import io
import json
from pathlib import Path
from typing import Any

import torch

from tuner.disk import places
from tuner.disk.folder import CHECKPOINT as CHECKPOINT
from tuner.disk.folder import MODEL as MODEL
from tuner.errors import TrialError


def save(path: str | Path, tensors: dict[str, Any], facts: dict[str, Any], *, limit: int | None = None) -> None:
    """Write a checkpoint atomically.

    Args:
        path: The file, in a folder or a store; its folder is made when missing.
        tensors: State dicts: nested dictionaries and lists of tensors, numbers and strings.
        facts: JSON-able.
        limit: Bytes that it may have at most; None for no limit.

    Raises:
        OSError: The place is full or cannot be written, or (EFBIG) the limit is passed; an earlier checkpoint is left
            as it was.
    """
    content = io.BytesIO()  # first, as torch tells a full disk by a RuntimeError without its cause
    torch.save({"tensors": tensors, "facts": json.dumps(facts)}, content)
    if limit is not None and content.tell() > limit:
        raise OSError(errno.EFBIG, f"a checkpoint of {content.tell()} bytes is larger than {limit}")
    places.write(str(path), content.getbuffer())


def load(path: str | Path, device: torch.device) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: tensors and facts.

    Raises:
        TrialError: The file is damaged, or holds anything but tensors, numbers and strings.
        FileNotFoundError: There is none.
        OSError: The place cannot be read.
    """
    path = str(path)
    data = places.patiently(lambda: places.read(path)) if places.is_store(path) else places.read(path)
    try:
        content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
        return content["tensors"], json.loads(content["facts"])
    except Exception as error:  # torch raises many kinds for a damaged file
        name, why = path.rpartition("/")[2], " ".join(str(error).partition(". ")[0].split())  # torch's advice is unsafe
        raise TrialError(f"{name} must be a checkpoint, but reading it failed: {why}"[:300]) from error
