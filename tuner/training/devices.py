"""The devices that torch finds on a machine."""

from __future__ import annotations

import torch

from tuner.errors import TaskFileError


def devices() -> list[str]:
    """`cpu`, then `cuda:0`, `cuda:1`, …, `mps:0`, as far as they are here."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps:0"] if torch.backends.mps.is_available() else [])]


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first GPU of CUDA where there is one, else the CPU.

    Raises:
        TaskFileError: It is not on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type != "cpu" and f"{device.type}:{device.index or 0}" not in (found := devices()):
        raise TaskFileError(
            "device must be one that torch finds on this machine",
            value=name,
            fix=f"It finds {', '.join(found)}; leave device out for the best of them.",
            key=("device",),
        )
    return device
