"""The devices that torch finds on a machine; moving data and random states."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.adapters.base import Batch
from tuner.errors import TaskFileError


def devices() -> list[str]:
    """The available devices: `cpu`, then `cuda:0`, `cuda:1`, …, `mps:0`."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps:0"] if torch.backends.mps.is_available() else [])]


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first CUDA GPU if there is one, else the CPU.

    Raises:
        TaskFileError: It is not on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:  # a name unknown to torch
        device = None
    if device is None or (device.type != "cpu" and f"{device.type}:{device.index or 0}" not in devices()):
        raise TaskFileError(
            "device must be one that torch finds on this machine",
            value=name,
            fix=f"It finds {', '.join(devices())}; leave device out for the best of them.",
            key=("device",),
        )
    return device


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch, moved to a device."""
    if device.type == "cpu":
        return batch
    return Batch(
        x=batch.x.to(device, non_blocking=True),
        lengths=None if batch.lengths is None else batch.lengths.to(device, non_blocking=True),
        y=batch.y.to(device, non_blocking=True),
    )


class RandomStreams:
    """The random states that a trial on a device uses: torch's global ones."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def state_dict(self) -> dict[str, Tensor]:
        """The random states."""
        state = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the random states; torch needs them on the CPU."""
        torch.set_rng_state(state["cpu"].cpu())
        if self._device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"].cpu(), self._device)
