"""A Ray of our own without five of its processes, which no test asks.

They are for a cloud's nodes, for logs shown on the driver's terminal, for the dashboard, and for environments that are
installed for workers; `ray.init` has no option that leaves them out, and without them it comes up in a third of the
processor time. `whole_ray`, a fixture, gives them back: what is promised of Ray's processes is tested on all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tuner.execution.own_ray import OwnRay

WHOLE = OwnRay._init
_LEFT_OUT = ("start_monitor", "start_log_monitor", "start_api_server")
_AGENT = Path(__file__).with_name("no_agent.sh")
_AGENTS = {
    "--dashboard_agent_command=": "dashboard_agent_listen_port=-1 metrics_agent_port=-1 metrics_export_port=-1",
    "--runtime_env_agent_command=": "runtime_env_agent_port=9",
}
"""Options of a raylet with what it starts and ends with, and the ports that it waits to be told; -1 is none."""


def be_lean() -> None:
    """In a process: start a lean one from now on."""
    OwnRay._init = _start  # type: ignore[method-assign, assignment]


def _start(ray: OwnRay) -> str:
    from ray._private.node import Node

    with pytest.MonkeyPatch.context() as patch, without_agents():
        for name in _LEFT_OUT:
            patch.setattr(Node, name, lambda _node, **_options: None)
        return WHOLE(ray)


@contextmanager
def without_agents() -> Iterator[None]:
    """Raylets that are started within have none."""
    from ray._private import services

    started = services.start_ray_process

    def lean(command: list[str], *arguments: Any, **options: Any) -> Any:
        return started([_without_agent(each, command) for each in command], *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "start_ray_process", lean)
        yield


def _without_agent(option: str, command: list[str]) -> str:
    """An option of a process of Ray's; that of an agent names a program that says no more than its ports."""
    for agent, ports in _AGENTS.items():
        if option.startswith(agent):
            (session,) = (each.partition("=")[2] for each in command if each.startswith("--session_dir="))
            return f"{agent}sh {_AGENT} {session} {ports}"
    return option
