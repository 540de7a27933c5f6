"""Checkpoints: tensors and JSON, written atomically, read without running code.

The parts of a training are one dictionary from name to part; a checkpoint holds the parts' states under the same names.
"""

from __future__ import annotations

import errno
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from tuner.disk import places
from tuner.disk.folder import CHECKPOINT as CHECKPOINT
from tuner.disk.folder import MODEL as MODEL
from tuner.errors import TrialError
from tuner.messages import TrialSpec
from tuner.training.devices import choose_device

FORMAT = 4
"""Format number, raised when the content changes: a trial with a checkpoint of another format starts from the
beginning."""
FORMAT_3 = 3
"""The format of version 0.2.0, which can be read, too."""
SHARE = 0.1
"""Largest fraction of the time for writing checkpoints that are not at rungs, as a store may be slow."""


class Stateful(Protocol):
    """A part of a training with a state for checkpoints, like torch's modules and optimizers."""

    def state_dict(self) -> dict[str, Any]:
        """Nested dictionaries and lists of tensors, numbers and strings."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> object:
        """Restore the state of `state_dict`."""
        ...


class Saved(NamedTuple):
    """The content of a checkpoint."""

    updates_per_epoch: int | None
    """Optimizer steps of an epoch, if that is not a pass over the data."""
    states: dict[str, Any]
    """Part -> its state."""

    def load_into(self, parts: Mapping[str, Stateful]) -> None:
        """Restore the parts, which then continue as without interruption."""
        for name, part in parts.items():
            part.load_state_dict(self.states[name])


class Checkpoints:
    """Writes the checkpoints of a run; each replaces the one before.

    Args:
        spec: The run.
    """

    def __init__(self, spec: TrialSpec) -> None:
        self._spec = spec
        self._next = 0.0
        self.unsaved = ""
        """Why the last checkpoint was not written; "" if it was."""

    def due(self) -> bool:
        """Whether it is time for a checkpoint between rungs."""
        return time.monotonic() >= self._next

    def save(self, parts: Mapping[str, Stateful], *, epoch: int, updates_per_epoch: int | None) -> None:
        """Write the states of the parts; if that fails, the checkpoint before stays.

        Args:
            parts: The same as for `Saved.load_into`.
            epoch: Number of finished epochs.
            updates_per_epoch: See `Saved`.
        """
        states = {name: part.state_dict() for name, part in parts.items()}
        facts = {"format": FORMAT, **_planned(self._spec), "updates_per_epoch": updates_per_epoch, "epoch": epoch}
        began = time.monotonic()
        try:
            save(artifact_path(self._spec, CHECKPOINT), states, facts, limit=self._spec.checkpoint_bytes)
        except OSError as error:  # no space, the share is used up, or a store does not answer
            self.unsaved = error.strerror or str(error)
        else:
            self.unsaved = ""
        now = time.monotonic()
        self._next = now + (now - began) / SHARE


def saved(spec: TrialSpec) -> Saved | None:
    """The checkpoint of an earlier attempt; None if there is none of this trial.

    Raises:
        TrialError: The file is damaged.
    """
    try:
        states, facts = load(artifact_path(spec, CHECKPOINT), choose_device(spec.device))
    except FileNotFoundError:
        return None
    if any(facts.get(key) != value for key, value in _planned(spec).items()):
        return None  # a leftover of another trial
    if facts.get("format") == FORMAT_3:
        states = _of_format_3(states, facts)
    elif facts.get("format") != FORMAT:
        return None
    return Saved(facts["updates_per_epoch"], states)


def artifact_path(spec: TrialSpec, name: str) -> str:
    """The path of a run's own file."""
    return places.join(spec.checkpoints or spec.folder, name)


def _planned(spec: TrialSpec) -> dict[str, Any]:
    """The fields by which a checkpoint is known to belong to this trial."""
    return {"params": dict(spec.params), "seed": spec.seed, "epochs": spec.epochs, "seconds": spec.seconds}


def _of_format_3(tensors: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The parts' states from a checkpoint of version 0.2.0."""
    same = ("network", "optimizer", "schedule", "clipping", "averaging", "random")
    return {
        **{name: tensors[name] for name in same},
        "learner": {"step": facts["step"], "nonfinite": facts["nonfinite"], "states": tensors["states"]},
        "watch": facts["watch"],
        "batches": {"passes": facts["passes"], "position": facts["position"]},
        "history": {
            "epochs": json.dumps(facts["history"]),
            "best": facts["value"],
            "best_epoch": facts["best_epoch"],
            "best_weights": tensors["best"],
        },
    }


def save(path: str | Path, tensors: dict[str, Any], facts: dict[str, Any], *, limit: int | None = None) -> None:
    """Write a checkpoint atomically.

    Args:
        path: The file, in a folder or a store; its folder is made when missing.
        tensors: State dicts: nested dictionaries and lists of tensors, numbers and strings.
        facts: JSON-able.
        limit: Largest size in bytes; None: no limit.

    Raises:
        OSError: The place is full or cannot be written, or (EFBIG) the limit is passed; an earlier checkpoint is left
            as it was.
    """
    content = io.BytesIO()  # into memory first, as torch reports a full disk as a RuntimeError without its cause
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
        name, why = (
            path.rpartition("/")[2],
            " ".join(str(error).partition(". ")[0].split()),
        )  # torch's advice in the message is unsafe
        raise TrialError(f"{name} must be a checkpoint, but reading it failed: {why}"[:300]) from error
