"""The folders of ready tasks and search spaces, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parents[1]


def ready_folder(kind: Literal["search_spaces", "tasks"]) -> Path:
    """The folder of ready files: inside the package when installed, else beside it in the checkout."""
    inside = _PACKAGE / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def ready_search_spaces() -> dict[str, Path]:
    """Name -> file of every ready search space: {"gated_rnn": ...}."""
    return {path.stem: path for path in sorted(ready_folder("search_spaces").glob("*.yaml"))}


def ready_portfolio(space: str) -> Path | None:
    """The file of the configurations that are tried first in a ready search space; None without one."""
    path = ready_folder("search_spaces") / "portfolios" / f"{space}.yaml"
    return path if path.is_file() else None


def ready_tasks() -> dict[str, Path]:
    """Name -> file of every ready task: {"speech/classification": ...}."""
    folder = ready_folder("tasks")
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}
