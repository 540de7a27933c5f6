"""The content of a model's folder. It refers to nothing outside itself and contains no code.

<model>/
    network.json             adapter and its options, parameters of the network: see `Description`
    weights.safetensors      the weights; of an ensemble those of all members
    preprocess/              what the adapter's codec reads: classes, vocabulary, scales
    requirements.txt         what is needed to use it
    signature.json           columns and types of what it takes and gives, in MLflow's form; see `signature`
    input_example.json       a request that it answers, as an HTTP client sends it
    README.md                the card: what it does, what it was trained on, how good it is
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuner.config.options import names_file
from tuner.disk import places, regular
from tuner.errors import StudyError

FORMAT: Literal[1] = 1
"""Format of the folder; raised when an older `tuner` cannot read it."""
NETWORK, WEIGHTS, PREPROCESS, REQUIREMENTS, CARD = (
    "network.json",
    "weights.safetensors",
    "preprocess",
    "requirements.txt",
    "README.md",
)
SIGNATURE, EXAMPLE = "signature.json", "input_example.json"
_READ = {NETWORK, REQUIREMENTS, CARD, SIGNATURE, EXAMPLE}
_LARGEST = 64 * 1024**2
"""Largest size in bytes of any file but the weights."""


class Description(BaseModel):
    """`network.json`: everything needed to rebuild the network from its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    name: str = Field(max_length=1000)
    """Its name: "study digits, trial 12"."""
    adapter: str = Field(max_length=1000)
    data: Mapping[str, Any]
    """The adapter's options, including those of the trial; of paths only the last part."""
    params: Mapping[str, Any]
    """Parameters of the network, by their names in the search, including those determined by the data."""
    members: int = Field(default=1, ge=1, le=1000)
    """Networks whose predictions are averaged; the weights of several are "members.0." and so on."""
    lag: int = Field(ge=1)
    """Longest expected dependency in steps, as training had it: `Problem.lag`."""
    metric: str = ""
    """The objective: "val/accuracy"."""
    value: float | None = None
    """Its value of the objective."""
    versions: Mapping[str, str] = {}
    """The versions it was trained with."""

    def write(self, folder: Path) -> None:
        """Write it into a model's folder."""
        places.write(str(folder / NETWORK), self.model_dump_json(indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a model's folder.

        Raises:
            StudyError: There is none, or it is damaged, or of a later format.
        """
        path = folder / NETWORK
        try:
            check_files(folder)
            return cls.model_validate_json(regular.read_bytes(path))
        except OSError as error:
            raise StudyError(
                f"a model's folder must hold {NETWORK}",
                value=error.strerror,
                fix="Name a model's folder, or a finished study with a confirmed winner, whose adapter has a codec.",
                where=str(folder),
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            if first["loc"] == ("format",) and isinstance(first["input"], int) and first["input"] > FORMAT:
                raise StudyError(
                    f"the model must have a format that this version reads, 1 to {FORMAT}",
                    value=first["input"],
                    fix="Install the version that wrote it, or a later one.",
                    where=str(path),
                ) from error
            raise damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def found_in(folder: Path) -> Path | None:
    """The model's folder: this one, the one in a study's, or the one in MLflow's form; None without one."""
    places = (folder, folder / "model", *sorted((folder / "data").glob("*")))
    return next((place for place in places if (place / NETWORK).exists()), None)


def check_files(folder: Path) -> None:
    """Refuse a folder with links, special files or too large files, before any file of it is opened.

    Raises:
        StudyError: A file is a link, no regular file, or larger than any that is written.
        OSError: There is no such folder.
    """
    for path in (*sorted(folder.iterdir()), *sorted((folder / PREPROCESS).glob("*"))):
        what = "a link" if path.is_symlink() else regular.kind(path)
        if what and not (what == "a folder" and path.parent == folder):
            raise damaged(path, what)
        read = path.parent != folder or path.name in _READ
        if not what and read and path.stat().st_size > _LARGEST:
            raise damaged(path, f"more than {_LARGEST} bytes")


def last_name(name: str, value: Any) -> Any:
    """An option of an adapter; of a path only the last part, as the place of the data is private."""
    return PurePath(value).name if isinstance(value, str) and names_file(name) else value


def damaged(path: Path, why: str) -> StudyError:
    """The error for a changed file."""
    return StudyError("the model's file must be as it was written", value=why, fix="Copy it anew.", where=str(path))
