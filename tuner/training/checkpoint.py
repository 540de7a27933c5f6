"""Checkpoints: tensors and JSON, written whole or not at all, read without running code."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import torch

from tuner import folder
from tuner.errors import TrialError

CHECKPOINT = folder.CHECKPOINT
MODEL = folder.MODEL


def save(path: Path, tensors: dict[str, Any], facts: dict[str, Any], *, limit: int | None = None) -> None:
    """Write a checkpoint atomically.

    Args:
        path: The file; its folder is made when missing.
        tensors: State dicts: nested dictionaries and lists of tensors, numbers and strings.
        facts: JSON-able.
        limit: Bytes that it may have at most; None for no limit.

    Raises:
        OSError: The disk is full, the folder cannot be written, or (EFBIG) the limit is passed; an earlier checkpoint
            is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()  # first, as torch tells a full disk by a RuntimeError without its cause
    torch.save({"tensors": tensors, "facts": json.dumps(facts)}, content)
    if limit is not None and content.tell() > limit:
        raise OSError(errno.EFBIG, f"a checkpoint of {content.tell()} bytes is larger than {limit}")
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: Path, device: torch.device) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: tensors and facts.

    Raises:
        TrialError: The file is damaged, or holds anything but tensors, numbers and strings.
        FileNotFoundError: There is none.
    """
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        return content["tensors"], json.loads(content["facts"])
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrialError(f"{path.name} must be a checkpoint, but reading it failed: {error}"[:300]) from error
