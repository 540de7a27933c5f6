"""Entries that installed packages add to a catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.config.options import Options
from tuner.errors import TaskFileError
from tuner.registry import Catalog, Entry


class Choice:
    """What it is in a line.

    And more.
    """

    class Options(Options):
        """One parameter."""

        strength: float = 1.0
        """How strong."""


ENTRY = Entry(f"{__name__}:Choice", "told apart", "ours", Choice.Options)


@pytest.fixture
def catalog(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog whose group has one entry point, called `mine`, of an installed package."""
    installed = tmp_path / "mine-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    group = f"tests.{request.param}"
    (installed / "entry_points.txt").write_text(f"[{group}]\nmine = {__name__}:{request.param}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Catalog("choice", {}, group)


@pytest.mark.parametrize(
    ("catalog", "summary"), [("Choice", "What it is in a line."), ("ENTRY", "told apart")], indirect=["catalog"]
)
def test_a_package_registers_a_class_or_an_entry_of_one(catalog: Catalog, summary: str) -> None:
    """Either is listed with its summary and its parameters, and loads the class."""
    assert list(catalog) == ["mine"]
    assert catalog["mine"].summary == summary
    assert catalog["mine"].parameters() == {"strength": "How strong."}
    assert catalog["mine"].load() is Choice


@pytest.mark.parametrize(
    ("catalog", "told"),
    [("Path", "must carry its options model"), ("Gone", "must be importable")],
    indirect=["catalog"],
)
def test_what_a_package_registers_wrongly_is_told_in_a_line(catalog: Catalog, told: str) -> None:
    """With the name that the package gave."""
    with pytest.raises(TaskFileError, match=rf"{__name__}:\w+ {told}"):
        list(catalog)


def test_a_class_named_in_full_is_known_and_not_listed() -> None:
    """Who names their own class gets it; who asks what there is gets what is installed."""
    target = f"{__name__}:Choice"
    catalog = Catalog("choice", {"told": ENTRY}, "tests.none")
    assert catalog[target].options is Choice.Options
    assert target in catalog
    assert list(catalog) == ["told"]
