"""Checks that this machine has what a task needs, if its trials run here, before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from tuner.config import TaskFile
from tuner.errors import ClusterError, Key
from tuner.own_code import same_package
from tuner.task.task import Task

WORKER_BYTES = 256 * 1024**2
"""Memory of an idle worker in bytes: Python with torch (300 MB measured, part of it shared)."""
HERE = ("local", "in-process")
"""Values of `ray.address` that mean this machine."""
_ASK = "from tuner.training.devices import devices; print(*devices())"


def check_machine(task: Task) -> None:
    """Check that trials fit on this machine, if they run here.

    Raises:
        ClusterError: There are too few CPUs or GPUs, the device is missing, or the memory is too small for the workers.
    """
    file = task.file
    if file.ray.address not in HERE:
        return
    try:
        _check_processors(file)
        if file.resources.gpus or file.device not in ("auto", "cpu"):
            _check_devices(file, devices())
    except ClusterError as error:
        error.at(task.place(error.key))
        raise


def slots(task: Task) -> int | None:
    """Number of trainings at once; None if the cluster has to be asked."""
    resources, address = task.file.resources, task.file.ray.address
    if address == "in-process":
        return 1
    if isinstance(resources.workers, int):
        return resources.workers
    if address != "local":
        return None
    by_cpu = (os.cpu_count() or 1) // resources.cpus
    if not resources.gpus:
        return max(1, by_cpu)
    gpus = sum(device != "cpu" for device in devices())
    return max(1, min(by_cpu, int(gpus / resources.gpus)))


def has_device(task: Task) -> bool:
    """Whether the task's device is on this machine."""
    device = task.file.device
    return device in ("auto", "cpu") or _has(device, devices())


def devices() -> list[str]:
    """The devices of this machine by torch's names, found in another process."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", _ASK]
    asked = subprocess.run(command, env={**os.environ, **same_package()}, capture_output=True, text=True, check=True)
    return asked.stdout.split()


def _check_processors(file: TaskFile) -> None:
    cpus = os.cpu_count() or 1
    if file.resources.cpus > cpus:
        raise _too_much(("resources", "cpus"), file.resources.cpus, f"the CPUs of this machine, {cpus}")
    most = max(cpus, psutil.virtual_memory().total // WORKER_BYTES)
    workers = file.resources.workers
    if isinstance(workers, int) and workers > most:
        held = f"what this machine's memory holds, {most} of {WORKER_BYTES // 1024**2} MB before they train"
        raise _too_much(("resources", "workers"), workers, held)


def _check_devices(file: TaskFile, found: list[str]) -> None:
    gpus = [device for device in found if device != "cpu"]
    if file.resources.gpus > len(gpus):
        raise _too_much(("resources", "gpus"), file.resources.gpus, f"the GPUs that torch finds here, {len(gpus)}")
    if not _has(file.device, found):
        raise ClusterError(
            "device must be one that torch finds on this machine",
            value=file.device,
            fix=f"It finds {', '.join(found)}; leave device out for the best of them.",
            key=("device",),
        )


def _has(device: str, found: list[str]) -> bool:
    kind, _, number = device.partition(":")
    return kind in ("auto", "cpu") or f"{kind}:{number or 0}" in found


def _too_much(key: Key, value: float, most: str) -> ClusterError:
    name = ".".join(map(str, key))
    return ClusterError(f"{name} must be at most {most}", value=value, fix="Ask for less, or join a cluster.", key=key)
