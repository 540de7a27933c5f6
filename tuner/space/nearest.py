"""The configuration of a space that is nearest to a given one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tuner.space.domains import Choices, Constant, Domain, Range
from tuner.space.space import Space

_NOWHERE = object()


def nearest(
    space: Space, wanted: Mapping[str, Any], otherwise: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Parameters that `space.suggest` could return, as close as possible to the wanted ones.

    Numbers are clipped to the range and rounded to its steps. Constants of the space stay. A parameter that is not
    wanted gets its value of `otherwise` if possible, else the middle of its range, or the first choice. Parameters that
    do not exist with the other choices are left out.

    Args:
        space: The search space.
        wanted: Parameter name -> value; may lack parameters and have unknown ones.
        otherwise: The same for parameters that are not in `wanted`.

    Returns:
        The parameters; None if a wanted choice is not in the space.
    """
    params: dict[str, Any] = {}
    for definition in space.definitions:
        if definition.active(params):
            domain, name = definition.domain, definition.name
            value = _value(domain, wanted.get(name, (otherwise or {}).get(name, _NOWHERE)))
            if value is _NOWHERE and name not in wanted:
                value = _value(domain, _NOWHERE)
            if value is _NOWHERE:
                return None
            params[definition.name] = value
    return params


def _value(domain: Domain, wanted: Any) -> Any:
    if isinstance(domain, Constant):
        return domain.value
    if isinstance(domain, Choices):
        return domain.options[0] if wanted is _NOWHERE else wanted if domain.contains(wanted) else _NOWHERE
    if wanted is _NOWHERE:
        wanted = math.sqrt(domain.low * domain.high) if domain.log else (domain.low + domain.high) / 2
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not math.isfinite(wanted):
        return _NOWHERE
    return _number(domain, wanted)


def _number(domain: Range, wanted: float) -> int | float:
    inside = min(max(wanted, domain.low), domain.high)
    if domain.contains(inside):
        return inside
    step = domain.step or 1
    found = domain.low + round((inside - domain.low) / step) * step
    return int(found) if domain.whole else float(found)
