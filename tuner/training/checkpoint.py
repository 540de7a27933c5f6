"""Checkpoints: tensors and JSON, written whole or not at all, read without running code.

What a training consists of is one dictionary, from a part's name to the part; a checkpoint holds the parts' states
under the same names.
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
"""Raised when a checkpoint holds something else: a trial whose checkpoint is of another format begins anew."""
FORMAT_3 = 3
"""That of version 0.2.0, which is read too."""
SHARE = 0.1
"""Part of the time that writing checkpoints may take away from rungs: a store may be slow."""


class Stateful(Protocol):
    """A part of a training that a checkpoint must keep, as torch's modules and optimizers are."""

    def state_dict(self) -> dict[str, Any]:
        """Nested dictionaries and lists of tensors, numbers and strings."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> object:
        """Go on from what `state_dict` gave."""
        ...


class Saved(NamedTuple):
    """What a checkpoint holds."""

    updates_per_epoch: int | None
    """Optimizer steps of an epoch, where it is not a pass over the data."""
    states: dict[str, Any]
    """Part -> its state."""

    def load_into(self, parts: Mapping[str, Stateful]) -> None:
        """Let the parts go on as if nothing had happened."""
        for name, part in parts.items():
            part.load_state_dict(self.states[name])


class Checkpoints:
    """Writes the checkpoints of a run; each takes the place of the one before.

    Args:
        spec: What is trained.
    """

    def __init__(self, spec: TrialSpec) -> None:
        self._spec = spec
        self._next = 0.0
        self.unsaved = ""
        """Why the last one was not written; "" when it was."""

    def due(self) -> bool:
        """Whether it is time for one away from rungs."""
        return time.monotonic() >= self._next

    def save(self, parts: Mapping[str, Stateful], *, epoch: int, updates_per_epoch: int | None) -> None:
        """Write the states of the parts; where that cannot be, the one before stays.

        Args:
            parts: Those that `Saved.load_into` is given.
            epoch: Whole epochs made.
            updates_per_epoch: See `Saved`.
        """
        states = {name: part.state_dict() for name, part in parts.items()}
        facts = {"format": FORMAT, **_planned(self._spec), "updates_per_epoch": updates_per_epoch, "epoch": epoch}
        began = time.monotonic()
        try:
            save(artifact_path(self._spec, CHECKPOINT), states, facts, limit=self._spec.checkpoint_bytes)
        except OSError as error:  # no space, no share of it left, a store that is away
            self.unsaved = error.strerror or str(error)
        else:
            self.unsaved = ""
        now = time.monotonic()
        self._next = now + (now - began) / SHARE


def saved(spec: TrialSpec) -> Saved | None:
    """The checkpoint of an attempt before this one; None where there is none of this trial.

    Raises:
        TrialError: The file is damaged.
    """
    try:
        states, facts = load(artifact_path(spec, CHECKPOINT), choose_device(spec.device))
    except FileNotFoundError:
        return None
    if any(facts.get(key) != value for key, value in _planned(spec).items()):
        return None  # the folder was used before
    if facts.get("format") == FORMAT_3:
        states = _of_format_3(states, facts)
    elif facts.get("format") != FORMAT:
        return None
    return Saved(facts["updates_per_epoch"], states)


def artifact_path(spec: TrialSpec, name: str) -> str:
    """Where a run keeps a file of its own."""
    return places.join(spec.checkpoints or spec.folder, name)


def _planned(spec: TrialSpec) -> dict[str, Any]:
    """What a checkpoint must agree on to be this trial's."""
    return {"params": dict(spec.params), "seed": spec.seed, "epochs": spec.epochs, "seconds": spec.seconds}


def _of_format_3(tensors: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The parts' states from what version 0.2.0 wrote."""
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
