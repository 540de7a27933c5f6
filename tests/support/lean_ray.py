"""A Ray of our own without three of its processes, which no test asks.

They are for a cloud's nodes, for logs shown on the driver's terminal and for the dashboard; `ray.init` has no option
that leaves them out, and without them it comes up in half of the processor time. `whole_ray`, a fixture, gives them
back: what is promised of Ray's processes is tested on all of them.
"""

from __future__ import annotations

import pytest

from tuner.execution.own_ray import OwnRay

WHOLE = OwnRay._init
_LEFT_OUT = ("start_monitor", "start_log_monitor", "start_api_server")


def be_lean() -> None:
    """In a process: start a lean one from now on."""
    OwnRay._init = _start  # type: ignore[method-assign, assignment]


def _start(ray: OwnRay) -> str:
    from ray._private.node import Node

    with pytest.MonkeyPatch.context() as patch:
        for name in _LEFT_OUT:
            patch.setattr(Node, name, lambda _node, **_options: None)
        return WHOLE(ray)
