"""The form of each event: its fields with their types and intervals, checked when a line is read.

Readers of events can rely on it. Fields that are not named here are not checked; fields added since the first version
have defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tuner.messages import State, Verdict

MAX_WHOLE = 2**63 - 1
"""Largest whole number."""
MAX_EPOCHS = 10**9
"""Largest number of an epoch."""

_Whole = Annotated[int, Field(ge=-1, le=MAX_WHOLE)]
_Epoch = Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
_Number = Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE)] | float
"""A number that a float can hold, perhaps not finite."""
_Time = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_CONFIRMED = r"\Aconfirm/(baseline|\d{1,12})-\d{1,12}\z"
_Plain = bool | _Number | str | None
_Value = _Plain | list[_Plain]
"""Of a parameter."""
_Numbers = dict[str, _Number | None]
_Pair = Annotated[list[_Number | None], Field(min_length=2, max_length=2)]
_Command = Annotated[list[str], Field(min_length=2, max_length=2)]
_Change = Annotated[list[Any], Field(min_length=2, max_length=2)]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Event(_Form):
    event: str
    time: _Time


class _Repairs(_Form):
    number: _Whole
    finding: str = ""
    change: dict[str, _Change] = {}


class _Created(_Event):
    run: Annotated[str, Field(pattern=r"\A(trials/\d{1,12}|(confirm|refit)/(baseline|\d{1,12})-\d{1,12}|test)\z")]
    kind: Literal["trial", "confirm", "refit", "test"]
    number: _Whole
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    params: dict[str, _Value]
    searched: list[str]
    repairs: _Repairs | Annotated[dict[str, Any], Field(max_length=0)] | None = None
    portfolio: Annotated[int, Field(ge=0, le=MAX_WHOLE)] | None = None
    warm_start: str | None = None


class _Attempt(_Event):
    attempt: Annotated[int, Field(ge=1, le=MAX_WHOLE)]


class _Epochs(_Event):
    epoch: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    metrics: _Numbers
    tensors: dict[str, dict[str, _Number]] | None = None
    profiles: dict[str, dict[str, list[_Pair]]] | None = None


class _Rung(_Event):
    epoch: _Epoch
    value: _Number | None
    verdict: Literal[tuple(verdict.value for verdict in Verdict)]  # type: ignore[valid-type]
    reason: str


class _Cure(_Form):
    param: str
    to: _Plain = None
    times: _Number | None = None
    plus: _Number | None = None
    old: _Plain = None


class _Finding(_Form):
    name: str
    where: str = ""
    epoch: _Epoch = 0
    step: _Whole = 0
    evidence: str = ""
    numbers: _Numbers = {}
    threshold: str = ""
    source: str = ""
    cures: list[_Cure] = []
    advice: list[str] = []
    fatal: bool = False


class _Ensemble(_Form):
    runs: list[str]
    val: _Numbers = {}
    test: _Numbers
    fitted: dict[str, _Number] = {}


class _Wrong(_Form):
    truth: str
    predicted: str
    probability: _Number
    text: str = ""
    series: dict[str, list[_Number]] = {}


class _Window(_Form):
    channel: str
    before: list[_Number | None] = []
    truth: list[_Number | None]
    forecast: list[_Number | None]


class _Place(_Form):
    said: str
    heard: str
    at: _Number | None = None
    until: _Number | None = None


class _Utterance(_Form):
    errors: _Whole
    words: list[_Place]


class _Confusion(_Form):
    said: str
    heard: str
    count: _Whole


class _Answers(_Form):
    classes: list[str] = []
    counts: list[list[_Whole]] = []
    wrong: list[_Wrong] = []
    windows: list[_Window] = []
    types: list[str] = []
    right: list[_Whole] = []
    predicted: list[_Whole] = []
    true: list[_Whole] = []
    utterances: list[_Utterance] = []
    confusions: list[_Confusion] = []
    recordings: _Whole = 0
    faultless: _Whole = 0

    @model_validator(mode="after")
    def _square(self) -> Self:
        sizes = {len(self.counts), *map(len, self.counts)} if self.counts else {len(self.classes)}
        if sizes != {len(self.classes)}:
            raise ValueError("there must be a row and a column of counts per class")
        if {len(self.right), len(self.predicted), len(self.true)} != {len(self.types)}:
            raise ValueError("there must be three counts per type")
        return self


class _Items(_Form):
    items: _Whole
    overlap: Annotated[int, Field(ge=1, le=MAX_WHOLE)] = 1
    digest: str
    values: list[_Number]


class _Table(_Form):
    columns: list[str] = []
    rows: list[list[str | _Number | None]] = []

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if {len(self.columns), *map(len, self.rows)} != {len(self.columns)}:
            raise ValueError("each row must have a cell per column")
        return self


class _Results(_Form):
    findings: list[_Finding] | None = None
    parameters: _Whole | None = None
    parameter_groups: dict[str, list[str]] | None = None
    lag: _Number | None = None
    steps_per_epoch: _Number | None = None
    progress: _Number | None = None
    unsaved: str | None = None
    test: dict[str, _Numbers] = {}
    answers: dict[str, _Answers] = {}
    tables: dict[str, _Table] = {}
    fitted: dict[str, dict[str, _Number]] = {}
    ensemble: _Ensemble | None = None
    refit_ensemble: _Ensemble | None = None
    items: dict[str, _Items] = {}


class _Ended(_Event):
    state: Literal[tuple(state.value for state in State)]  # type: ignore[valid-type]
    reason: str
    value: _Number | None
    seconds: _Seconds
    step: _Whole
    trace: str
    results: _Results


class _Space(_Form):
    searched: dict[str, str] | None = None


class _About(_Form):
    name: str = ""


class _Data(_Form):
    source: str = ""
    digest: str = ""


class _Sweep(_Event):
    metric: str = ""
    direction: Literal["maximize", "minimize"] | None = None
    epochs: _Epoch | None = None
    space: _Space | None = None
    constants: dict[str, Any] | None = None
    trivial: dict[str, _Numbers] | None = None
    floors: dict[str, dict[str, _Numbers]] = {}
    about: _About | None = None
    thresholds: dict[str, Any] | None = None
    notices: list[str] | None = None
    versions: dict[str, str] | None = None
    code: dict[str, dict[str, list[str]]] | None = None
    recorder: str = "mlflow"
    data: _Data | None = None
    counts: dict[str, _Whole] | None = None
    registers: bool = False
    file: str = ""
    sets: list[str] = []


class _Ending(_Event):
    seconds: _Seconds | None = None
    reason: str = ""


class _Row(_Form):
    name: str
    score: str
    test: str
    seeds: str
    searched: str = ""
    readable: str = ""


class _Verdict(_Form):
    sentence: str = ""
    beats: bool = True
    use: str = ""
    good: str = ""
    noise: str = ""
    remarks: list[str] = []
    mattered: str = ""
    advice: str = ""
    next: list[_Command] = []
    score: str = ""
    scores: _Numbers = {}
    floors: str = ""


class _Summary(_Ending):
    headline: str | None = None
    metric: str | None = None
    test_metric: str | None = None
    readable_metric: str | None = None
    verdict: _Verdict | None = None
    rows: list[_Row] | None = None
    has_test: bool | None = None
    model: str | None = None
    models: dict[str, str] | None = None
    own_code: str | None = None
    importance: dict[str, _Number] | None = None
    drawn: list[str] | None = None
    separation: dict[str, Any] | None = None
    winner: str | None = None
    winner_params: dict[str, Any] | None = None
    sentences: list[str] | None = None
    asked: dict[str, Any] | None = None
    seeds: _Whole | None = None
    model_run: str = ""
    other_runs: list[Annotated[str, Field(pattern=_CONFIRMED)]] = []
    ensemble: dict[str, Any] | None = None


_FORMS: Mapping[str, type[_Event]] = {
    "created": _Created,
    "attempt": _Attempt,
    "epoch": _Epochs,
    "rung": _Rung,
    "ended": _Ended,
    "sweep": _Sweep,
    "summary": _Summary,
    "stopped": _Ending,
}
FIRST = ("created", "sweep")
"""The events that a file may begin with: of a run, and of a study."""


def misfit(event: object) -> str:
    """What is wrong with an event, such as "epoch.metrics.loss: input should be a valid number"; "" if it is valid."""
    name = event.get("event") if isinstance(event, dict) else None
    form = _FORMS.get(name, _Event) if isinstance(name, str) else _Event
    try:
        form.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, (name or "event", *first["loc"])))
        return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return ""
