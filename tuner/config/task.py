"""The task file: its keys, their meaning, defaults and legal intervals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    field_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from tuner.addresses import hosts
from tuner.config.confirm import Confirm
from tuner.config.messages import SIZE_PHRASE
from tuner.config.options import Options

_DURATION = re.compile(
    r"\s*(?:(?P<d>\d+(?:\.\d+)?)\s*d)?\s*(?:(?P<h>\d+(?:\.\d+)?)\s*h)?"
    r"\s*(?:(?P<m>\d+(?:\.\d+)?)\s*m)?\s*(?:(?P<s>\d+(?:\.\d+)?)\s*s)?\s*",
    re.ASCII,
)
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration_seconds(value: object) -> object:
    """Seconds from text such as "1h30m"; other values are returned unchanged.

    >>> duration_seconds("1h30m")
    5400.0
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if not match or not any(match.groups()):
        raise ValueError('must be seconds, or text such as "90s", "1h30m" or "2d"')
    return sum(float(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number)


_SIZE = re.compile(r"\s*\d+(\.\d+)?\s*\w*b\s*", re.ASCII | re.IGNORECASE)


def size_text(value: object) -> object:
    """Check a size before pydantic reads it: of "1,5GB" it would read only the beginning, 1 byte.

    >>> size_text("1.5kB")
    '1.5kB'
    """
    if isinstance(value, str) and not _SIZE.fullmatch(value):
        raise ValueError(f"must {SIZE_PHRASE}")
    return value


@dataclass(frozen=True)
class _Form:
    """Text that must match a pattern, with the rule in words for messages."""

    pattern: str
    rule: str

    def check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.rule)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}


_Name = Annotated[
    str,
    _Form(
        r"[A-Za-z0-9]([A-Za-z0-9_-]|\.(?!\.)){0,63}",
        "must be 1 to 64 letters, digits, '_', '-' and single '.', and start with a letter or digit",
    ),
]
_HOST = r"([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])"
_PORT = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"  # 1 to 65535
_Address = Annotated[
    str,
    _Form(
        rf"local|auto|in-process|(ray://)?{_HOST}:{_PORT}",
        "must be local, auto, in-process, host:port or ray://host:port, with a port from 1 to 65535",
    ),
]
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://"
_MISTYPED_URL = r"[a-z][a-z0-9+]*:?//?[^/@]*:[^@]*@|(?:postgres(?:ql)?|https?|s3|gs|gcs|az|abfss?):"
_FOLDER = rf"(?!{_URL}|{_MISTYPED_URL})[^\0]+"
_DATABASE = r"postgres(?:ql)?(?:\+psycopg2?)?://"
_OBJECTS = r"(?:s3|gs|gcs|az|abfs|abfss)://"
_Folder = Annotated[str, _Form(_FOLDER, "must be a folder of this machine")]


def _hosts(value: str) -> str:
    hosts(value)
    return value


_Database = Annotated[
    str,
    _Form(rf"{_DATABASE}[^\s\0]+", "must be postgresql://user@host:port/database; null keeps it in the folder"),
    AfterValidator(_hosts),
]
_BUCKET = rf"{_OBJECTS}(?![^/]*@)[^/\s\0]+[^\s\0]*"
_Place = Annotated[
    str,
    _Form(
        f"{_FOLDER}|{_BUCKET}",
        "must be a folder that all nodes share, or s3://bucket/prefix (gs, az and abfs too) without a login in it",
    ),
]
_AbsoluteFolder = Annotated[str, _Form(r"/[^\0]*", "must be the absolute path of a folder")]
_Device = Annotated[str, _Form(r"auto|cpu|cuda|cuda:[0-9]{1,3}|mps", "must be auto, cpu, cuda, cuda:N or mps")]
_Score = Annotated[str, _Form(r"val/[A-Za-z0-9_./-]+", "must be a score on the validation split, such as val/accuracy")]


def _gpus(value: float) -> float:
    if (value > 1 and not value.is_integer()) or 0 < value < 0.001:
        raise ValueError("must be 0, a share of one GPU from 0.001 up, or a whole number of GPUs")
    return value


class Objective(Options):
    """What the search optimizes."""

    metric: _Score = "val/loss"
    """A score of the adapter on the validation split: "val/accuracy". Test scores cannot be optimized."""
    direction: Literal["minimize", "maximize"] | None = None
    """The direction; null takes the metric's own."""


_MOST_SECONDS = 1e9
"""Thirty years; longer times are mistakes, as `null` means no limit."""
_Seconds = Annotated[
    float | None,
    Field(gt=0, le=_MOST_SECONDS),
    BeforeValidator(duration_seconds, json_schema_input_type=float | str | None),
]
_Silence = Annotated[
    float | None,
    Field(ge=10, le=_MOST_SECONDS),
    BeforeValidator(duration_seconds, json_schema_input_type=float | str | None),
]


class Budget(Options):
    """The limits of trials, epochs and time."""

    trials: int = Field(default=30, ge=1, le=1_000_000)
    """Number of search trials, 1 to 1,000,000; the confirmation is additional."""
    epochs: int = Field(default=20, ge=1, le=100_000)
    """Epochs of a full trial, 1 to 100,000: passes over the training data, or with `seconds` equal parts of them."""
    seconds: _Seconds = None
    """Training and validation time of a full trial, > 0: seconds, or text such as "90s"; with one CPU thread it is
    processor time. The steps that fit are measured when a trial begins; a slow cell gets fewer. null: an epoch is a
    pass."""
    timeout: _Seconds = None
    """Time for search and confirmation together, > 0: seconds, or text such as "1h30m"; null: no limit. A quarter is
    kept for the confirmation, or more if a training takes longer; its first training is always completed. Trials that
    are cut short by then are ranked by what they would have reached, and can be confirmed."""


class Sampler(Options):
    """The sampler and its own options, which are checked by its catalog entry."""

    model_config = ConfigDict(extra="allow")

    name: str = "tpe"
    """A sampler (`tuner list samplers`)."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the study, 0 to 2^31 - 1; each trial's seed is derived from it."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> value."""
        return dict(self.model_extra or {})


class Pruner(Options):
    """The pruner and its own options, which are checked by its catalog entry."""

    model_config = ConfigDict(extra="allow")

    name: str = "asha"
    """A pruner (`tuner list pruners`)."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> value."""
        return dict(self.model_extra or {})


class Resources(Options):
    """Resources of one trial, and the number of trials at once."""

    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=100_000)] = "auto"
    """Number of trials at once, >= 1; auto fills the machine or cluster."""
    cpus: int = Field(default=1, ge=1, le=1_024)
    """CPUs, and so torch threads, of one trial, >= 1."""
    gpus: Annotated[float, AfterValidator(_gpus)] = Field(default=0.0, ge=0, le=1_024)
    """GPUs of one trial, >= 0: a fraction of one GPU, or a whole number."""


class Ray(Options):
    """Where the workers run."""

    address: _Address = "local"
    """local starts Ray here; auto, host:port, ray://host:port join a cluster; in-process needs no Ray."""
    temp_dir: _AbsoluteFolder | None = None
    """Folder for Ray's own files when it starts here; at most 43 bytes long. null: Ray's default, or a folder in /tmp
    if that is too long for sockets."""
    allow_unauthenticated_cluster: bool = False
    """Whether to join a cluster without token authentication. Whoever reaches such a cluster can run any code on it."""


class Tracking(Options):
    """Where runs are recorded: the recorder and its own options, which are checked by its catalog entry."""

    model_config = ConfigDict(extra="allow")

    recorder: str = "mlflow"
    """A recorder (`tuner list recorders`), or package.module:Class."""
    uri: str | None = None
    """MLflow tracking URI. null: MLFLOW_TRACKING_URI, else `mlflow.db` in the current folder. none: nothing is recorded
    in MLflow."""

    @property
    def choice(self) -> tuple[str, dict[str, Any]]:
        """The recorder, and option name -> value."""
        options = dict(self.model_extra or {})
        if (self.recorder, self.uri) == ("mlflow", "none"):
            return "none", options
        return self.recorder, {**options, **({} if self.uri is None else {"uri": self.uri})}


class Storage(Options):
    """Where a study is kept. A text stands for one key: a folder, the URL of a database, or a place of checkpoints."""

    folder: _Folder = "mlruns/studies"
    """Folder of studies on a local disk: event files, artifacts, and everything without a place of its own."""
    study: _Database | None = None
    """PostgreSQL database of the Optuna study (needs the extra `postgres`); null: a journal in the folder. Better keep
    a password in ~/.pgpass or PGPASSWORD."""
    checkpoints: _Place | None = None
    """Where workers save checkpoints and models and find prepared data: a folder shared by all nodes, or
    s3://bucket/prefix (needs the extra `s3`), with which nodes need not share a disk. null: the folder."""


_Anywhere = Annotated[str, _Form(rf"{_FOLDER}|{_BUCKET}|{_DATABASE}[^\s\0]+", "must be a folder or a URL")]


def _storage(value: object) -> object:
    """The key that a text stands for."""
    if not isinstance(value, str):
        return value
    if re.match(_DATABASE, value):
        return {"study": value}
    if re.match(_OBJECTS, value):
        return {"checkpoints": value}
    if re.match(_URL, value):
        raise ValueError("must be a folder, postgresql://… or s3://… (gs, az and abfs too)")
    return {"folder": value}


class Diagnostics(Options):
    """Which diagnostics run, and what follows from them."""

    level: Literal["off", "light", "standard", "full"] = "standard"
    """Which probes run, by cost: standard takes below 1 % of a training, full below 5 %. Write "off" with quotes."""
    mode: Literal["observe", "repair", "act"] = "repair"
    """observe: findings are only reported. repair: curable ones are also repaired, in new trials. act: in addition,
    hopeless trials end early, unless they are among the best so far."""
    repairs: float = Field(default=0.15, ge=0, le=1)
    """Largest fraction of `budget.trials` that may be repairs, 0 to 1; without effect in the mode observe."""
    thresholds: dict[str, dict[str, int | float]] = Field(default={})
    """Finding -> threshold -> value, to change defaults (`tuner list findings`)."""


class Attempts(Options):
    """Retries of a trial. The loss of a worker or a node is not counted: such an attempt is resumed elsewhere."""

    errors: int = Field(default=1, ge=0, le=100)
    """Retries after errors in the trial's own code, 0 to 100; after them it is FAILED."""
    stall: _Silence = 600.0
    """Longest time without a sign of life (a report, or a training step; at most one is sent in 10 seconds), >= 10:
    seconds or text such as "10m". After it the attempt is ended and its Python stacks are kept. null: no limit."""


_Bytes = Annotated[ByteSize, Field(ge=1), BeforeValidator(size_text, json_schema_input_type=int | str)]


class Disk(Options):
    """How much disk space a study may use."""

    checkpoints: _Bytes | None = None
    """Bytes for checkpoints and models together, >= 1, or text such as "20GB". Unfinished runs have a checkpoint,
    confirmed ones a model. Running trials have equal shares of the space left by models; a trial whose checkpoint is
    larger than its share trains without one. null: no limit."""
    output: _Bytes = ByteSize(1_000_000)
    """Bytes kept of a trial's printed output (the last ones), >= 1, or text such as "10MB"."""


class Report(Options):
    """What is drawn at the end of a sweep."""

    figures: int = Field(default=10, ge=0, le=1000)
    """How many of the best trials get figures, in addition to failed trials and confirmations; 0 draws none at all."""


class TaskFile(Options):
    """A task: data, search space, objective, budget, and where and how it runs."""

    name: _Name
    """The study's name; default: the file's name without its ending. An existing study is resumed."""
    adapter: str
    """The kind of data (`tuner list adapters`), or package.module:Class."""
    data: dict[str, Any] = Field(default={})
    """The adapter's own options; `source` names a ready data set, `path` the user's own files."""
    search_space: str | dict[str, Any] = "gated_rnn"
    """The name of a ready search space (`tuner list search_spaces`), a path, or a search space written here."""
    space: dict[str, Any] = Field(default={})
    """Changes to the search space: an entry replaces the one of the same name, null removes it."""
    portfolio: str = "auto"
    """Configurations that are tried before the sampler's, at most half of `budget.trials`: auto, those of the ready
    search space; none; or the path of a .yaml file that lists them. Not used with the sampler grid."""
    warm_start: list[str] | Literal["auto"] = Field(default=[])
    """Studies in `storage` that a new study learns from: names, or auto, the five latest of the same adapter and
    metric. Their best trials are tried first, at most a quarter of `budget.trials`, and the sampler learns from all,
    less as the study's own trials become more. Not used with the sampler grid."""
    baseline: dict[str, Any] = Field(default={})
    """Parameters of the baseline, with which the winner is compared; the others have their defaults."""
    objective: Objective | None = None
    """The score to optimize; null takes the adapter's first metric."""
    budget: Budget = Budget()
    """Limits of trials, epochs and time."""
    sampler: Sampler = Sampler()
    """The method that suggests configurations."""
    pruner: Pruner = Pruner()
    """The rule that ends unpromising trials early."""
    confirm: Confirm = Confirm()
    """The confirmation after the search."""
    refit: Literal["train+val"] | None = None
    """train+val trains the winner's seeds again on training and validation data, for as many passes as they made to
    their best epochs; one of these is the model, all are the ensemble. null: the model is the best seed."""
    attempts: Attempts = Attempts()
    """Retries of a trial, and its longest silence."""
    disk: Disk = Disk()
    """Disk space for checkpoints and printed output."""
    resources: Resources = Resources()
    """Resources of one trial, and the number of trials at once."""
    ray: Ray = Ray()
    """Where the workers run."""
    storage: Annotated[Storage, BeforeValidator(_storage, json_schema_input_type=_Anywhere | Storage)] = Storage()
    """Where the study, its files and its checkpoints are kept."""
    tracking: Tracking = Tracking()
    """Where runs are recorded."""
    device: _Device = "auto"
    """auto, cpu, cuda, cuda:N or mps; auto takes the trial's GPU if it has one."""
    diagnostics: Diagnostics = Diagnostics()
    """Which diagnostics run, and what follows from them."""
    report: Report = Report()
    """What is drawn at the end of the sweep."""

    @field_validator("objective", mode="before", json_schema_input_type=Objective | list[Objective] | None)
    @classmethod
    def _one_objective(cls, value: object) -> object:
        if isinstance(value, list):
            if len(value) != 1:
                raise ValueError("must be a single objective: a sweep optimizes one metric")
            return value[0]
        return value
