"""The portfolio: configurations that a search tries first, from the ready search space or a file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.config import Document, LoadedTask
from tuner.errors import Key, TaskFileError
from tuner.errors import nearest as nearest_name
from tuner.space import Space
from tuner.space.nearest import nearest

CONFIGURATIONS = "configurations"


def portfolio(loaded: LoadedTask, space: Space, baseline: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The portfolio of a task, inside its space, best first; empty without one.

    A ready portfolio is mapped into the task's space (see `nearest`); configurations with a choice outside the space
    are left out. Missing parameters are as in the baseline, if the space allows that. A user's file must lie in the
    space.

    Args:
        loaded: The task file.
        space: Its search space.
        baseline: Parameters of its baseline.

    Raises:
        TaskFileError: The user's file is missing or has another form, or a value lies outside the space.
    """
    document = loaded.portfolio()
    if document is None:
        return ()
    own = loaded.task.portfolio != "auto"
    found: list[dict[str, Any]] = []
    for number, wanted in enumerate(_configurations(document)):
        params = nearest(space, wanted, baseline)
        if own:
            _check_inside(space, wanted, params, document, (CONFIGURATIONS, number))
        if params is not None and params not in found:
            found.append(params)
    return tuple(found)


def _configurations(document: Document) -> list[dict[str, Any]]:
    listed = document.value.get(CONFIGURATIONS)
    known = set(document.value) <= {CONFIGURATIONS, "source"}
    if known and listed and isinstance(listed, list) and all(isinstance(each, dict) for each in listed):
        return listed
    raise TaskFileError(
        "a portfolio must hold `configurations`, a list of parameters, and may hold `source`, a text",
        value=", ".join(map(str, document.value)),
        fix="See search_spaces/portfolios of the package.",
        where=document.place((CONFIGURATIONS,)),
        key=("portfolio",),
    )


def _check_inside(
    space: Space, wanted: Mapping[str, Any], params: Mapping[str, Any] | None, document: Document, key: Key
) -> None:
    """Check that the search could try each written value."""
    for name, value in wanted.items():
        definitions = [each for each in space.definitions if each.name == name]
        if not definitions:
            known = {each.name for each in space.definitions}
            raise _outside(
                document, (*key, name), "must be a parameter of the search space", name, nearest_name(name, known)
            )
        if not any(each.domain.contains(value) for each in definitions):
            domains = " or ".join(str(each.domain) for each in definitions)
            raise _outside(
                document,
                (*key, name),
                f"must lie in the search space, in {domains}",
                value,
                "Correct it, or the space.",
            )
        if params is None:  # a choice that exists only with other choices
            continue
        if name not in params:
            fix = "Leave it out, or make the choice that it belongs to."
            raise _outside(
                document, (*key, name), "must exist together with the other choices of its configuration", value, fix
            )
        here = next(each.domain for each in definitions if each.active(params))
        if not here.contains(value):
            rule = f"must lie in the search space, with the other choices in {here}"
            raise _outside(document, (*key, name), rule, value, "Correct it, or the space.")
    if params is None:
        raise TaskFileError(
            "the search must be able to try a configuration, but its choices do not exist together",
            value=", ".join(f"{name}: {value}" for name, value in wanted.items()),
            fix="Correct it, or the space.",
            where=document.place(key),
            key=("portfolio",),
        )


def _outside(document: Document, key: Key, rule: str, value: Any, fix: str) -> TaskFileError:
    return TaskFileError(f"{key[-1]} {rule}", value=value, fix=fix, where=document.place(key), key=("portfolio",))
