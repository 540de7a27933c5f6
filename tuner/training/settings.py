"""From a trial's flat parameters to the options of every part. Free of torch.

A parameter acts in exactly the parts whose options name it. One that acts nowhere with the other choices (a forget bias
on a GRU, dropout between layers with one layer) is refused, so that no result depends on a setting without effect; so
is one that the data or the other choices rule out, before it costs a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.adapters.base import Adapter, Demands
from tuner.adapters.defaults import defaults_of, demands_of
from tuner.config import validate_options
from tuner.config.options import Options
from tuner.errors import TaskFileError, nearest
from tuner.nets.catalog import CELLS, NEEDS, REGULARIZERS, NetOptions
from tuner.nets.cell_options import SLSTMOptions
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES
from tuner.optim.learning import LearningOptions
from tuner.registry import Catalog

_DATA = "data."


class MisfitError(TaskFileError):
    """A parameter acts, but does not fit the data or another parameter."""


@dataclass(frozen=True)
class Settings:
    """All settings of a trial."""

    net: NetOptions
    cell: Options
    regularizers: Mapping[str, float]
    learning: LearningOptions
    optimizer: Options
    schedule: Options
    data: Options
    """The adapter's options with the trial's `data.*` changes."""

    @property
    def acting(self) -> dict[str, Any]:
        """Every parameter of every part, including defaults, without the data's."""
        parts = (self.net, self.learning, self.cell, self.optimizer, self.schedule)
        return {**self.regularizers, **{k: v for part in parts for k, v in part.model_dump(by_alias=True).items()}}

    @property
    def headline(self) -> dict[str, Any]:
        """The parameters that are shown first."""
        names = ("cell", "layers", "hidden_size", "optimizer", "learning_rate", "schedule")
        acting = self.acting
        return {name: acting[name] for name in names}


def settings(
    params: Mapping[str, Any],
    *,
    adapter: type[Adapter],
    data_options: type[Options],
    data: Mapping[str, Any],
    place: Callable[[tuple[str | int, ...]], str] = lambda _: "",
    key: str = "space",
) -> Settings:
    """Distribute a trial's parameters to the parts they act in.

    Args:
        params: The trial's parameters.
        adapter: Its defaults are used for absent parameters.
        data_options: The adapter's options model.
        data: The adapter's options.
        place: Turns a key of the task file into its place, for messages.
        key: The parameters' section of the task file.

    Raises:
        TaskFileError: A parameter is unknown, acts nowhere, or has a value outside its interval.
        MisfitError: One does not fit the data or another parameter.
    """
    changes = {name.removeprefix(_DATA): value for name, value in params.items() if name.startswith(_DATA)}
    data_model = _data(data_options, data, changes, place, key)
    demands = demands_of(adapter(data_model))
    values = {**defaults_of(adapter), **params}
    if demands.every_step and "pooling" not in params:
        values.pop("pooling", None)  # the adapter's default is for tasks that predict once per sequence
    taken: set[str] = set()

    def part(model: type[Options]) -> Any:
        names = {info.alias or name for name, info in model.model_fields.items()}
        taken.update(names)
        chosen = {name: values[name] for name in names if name in values}
        return validate_options(model, chosen, key=(key,), place=place)

    net: NetOptions = part(NetOptions)
    learning: LearningOptions = part(LearningOptions)
    cell = part(_entry(CELLS, net.cell, key, "cell", place).options)
    optimizer = part(_entry(OPTIMIZERS, learning.optimizer, key, "optimizer", place).options)
    schedule = part(_entry(SCHEDULES, learning.schedule, key, "schedule", place).options)
    regularizers = {}
    for name in REGULARIZERS:
        options = part(REGULARIZERS[name].options)
        regularizers[name] = float(options.model_dump(by_alias=True)[name])
    for name in params:
        if name not in taken and not name.startswith(_DATA):
            raise _unconnected(name, values, taken, key, place)
    for name, needed in NEEDS.items():
        if name in params and (missing := _missing(needed, net)):
            raise TaskFileError(
                f"{name} acts only with {missing}",
                fix=f"Give it `when: {{{missing}}}`.",
                where=place((key, name)),
                key=(key, name),
            )
    chosen = Settings(net, cell, regularizers, learning, optimizer, schedule, data_model)
    for name, rule, fix in _misfits(chosen, demands):
        value = values.get(name, getattr(net, name, None))
        raise MisfitError(f"{key}.{name} must {rule}", value=value, fix=fix, where=place((key, name)), key=(key, name))
    return chosen


def _misfits(chosen: Settings, demands: Demands) -> Iterator[tuple[str, str, str]]:
    """Parameters that do not fit the data or another one: name, rule, fix."""
    net, cell, truncation = chosen.net, chosen.cell, chosen.learning.truncation
    if net.bidirectional and demands.causal:
        yield "bidirectional", "be false where the task may not look ahead", "Leave it out."
    if net.bidirectional and truncation is not None:
        yield (
            "bidirectional",
            "be false with truncation: a state is carried in one direction only",
            "Leave one of the two out.",
        )
    if "pooling" in net.model_fields_set and (net.pooling == "every") != demands.every_step:
        if demands.every_step:
            yield "pooling", "be every where the task predicts at each step", "Leave it out."
        else:
            yield "pooling", "not be every where the task predicts once per sequence", "Choose one of the others."
    if truncation is not None and not demands.every_step:
        yield "truncation", "be null where the task predicts once per sequence", "Leave it out."
    elif truncation is not None and demands.whole:
        yield "truncation", "be null where sequences are trained as a whole", "Leave it out."
    if chosen.regularizers["dropout.embedding"] > 0 and not demands.embeds:
        yield "dropout.embedding", "be 0 where the data are not embedded", "Leave it out; numbers have dropout.input."
    if isinstance(cell, SLSTMOptions) and net.hidden_size % cell.heads:
        yield "heads", f"divide hidden_size ({net.hidden_size})", "Let every hidden_size be a multiple of every heads."
    size = net.projection_size or net.hidden_size * (1 + net.bidirectional)
    if demands.head_size not in {None, size}:
        name = "projection_size" if net.projection_size else "hidden_size"
        fix = f"Set hidden_size or projection_size to {demands.head_size}."
        yield name, f"give the head {demands.head_size} features, as the data ask", fix


def _data(
    model: type[Options],
    data: Mapping[str, Any],
    changes: Mapping[str, Any],
    place: Callable[[tuple[str | int, ...]], str],
    key: str,
) -> Options:
    """The adapter's options after a trial's changes; errors name the parameter that made the change."""
    for name in changes:
        if name not in model.model_fields:
            raise TaskFileError(
                f"{_DATA}{name} must be an option of the adapter",
                fix=nearest(name, model.model_fields, "list adapters"),
                where=place((key, _DATA + name)),
                key=(key, _DATA + name),
            )
    try:
        return validate_options(model, {**data, **changes}, key=("data",), place=lambda _: "")
    except TaskFileError as error:
        wrong = error.key[-1] if error.key else ""
        if wrong in changes:
            error.key = (key, f"{_DATA}{wrong}")
        raise error.at(place(error.key)) from None


def _entry(catalog: Catalog, name: str, key: str, parameter: str, place: Callable[[tuple[str | int, ...]], str]) -> Any:
    try:
        return catalog[name]
    except TaskFileError as error:
        error.key = (key, parameter)
        raise error.at(place(error.key)) from None


def _unconnected(
    name: str,
    values: Mapping[str, Any],
    taken: Iterable[str],
    key: str,
    place: Callable[[tuple[str | int, ...]], str],
) -> TaskFileError:
    owners = [
        (parameter, [entry for entry in catalog if name in catalog[entry].parameters()])
        for parameter, catalog in (("cell", CELLS), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES))
    ]
    for parameter, entries in owners:
        if entries:
            return TaskFileError(
                f"{name} acts only with {parameter} {' or '.join(entries)}",
                value=values.get(parameter, "another one"),
                fix=f"Give it `when: {{{parameter}: [{', '.join(entries)}]}}`.",
                where=place((key, name)),
                key=(key, name),
            )
    return TaskFileError(
        f"{name} must be a known parameter",
        fix=nearest(name, {*known_parameters(), *taken}, "list parameters"),  # those of a class named in full, too
        where=place((key, name)),
        key=(key, name),
    )


def known_parameters() -> list[str]:
    """Every parameter of any part, without `data.*`."""
    names: dict[str, None] = {}
    for model in (NetOptions, LearningOptions):
        names.update(dict.fromkeys(model.model_fields))
    for catalog in (CELLS, REGULARIZERS, OPTIMIZERS, SCHEDULES):
        for entry in catalog:
            names.update(dict.fromkeys(catalog[entry].parameters()))
    return list(names)


def _missing(needed: Mapping[str, Any], net: NetOptions) -> str:
    for name, condition in needed.items():
        if getattr(net, name) < condition["low"]:
            return f"{name}: {{low: {condition['low']}}}"
    return ""
