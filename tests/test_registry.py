"""Entries that installed packages add to a catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import tuner
from tuner.cli.catalogs import CATALOGS
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
    assert catalog.package("mine") == "mine"
    assert catalog.package(f"{__name__}:Choice") == ""


@pytest.mark.parametrize(
    ("catalog", "told"),
    [("Path", "must carry its options model"), ("Gone", "must be importable")],
    indirect=["catalog"],
)
def test_what_a_package_registers_wrongly_is_an_error_where_it_is_chosen(catalog: Catalog, told: str) -> None:
    """It names the entry point and the package, and lists go on without it."""
    for _ in range(2):
        with pytest.raises(
            TaskFileError, match=rf"{__name__}:\w+ {told}.* \(entry point mine of package mine 1.0\)"
        ) as error:
            catalog["mine"]
        assert "Update that package, or uninstall it." in str(error.value)
    with pytest.raises(TaskFileError, match="must be a known name, but got 'mime'"):
        catalog["mime"]
    assert list(catalog) == []
    (sentence,) = catalog.left_out()
    assert sentence == f"choice mine is left out: {error.value}"


@pytest.mark.parametrize("catalog", ["Choice"], indirect=True)
def test_a_name_that_is_taken_is_told(catalog: Catalog) -> None:
    """A package cannot replace what this package has; how to choose its class is said."""
    ours = Catalog("choice", {"mine": ENTRY}, catalog.entry_point)
    assert ours["mine"] is ENTRY
    assert ours.package("mine") == ""
    assert list(ours) == ["mine"]
    told = f"choice mine of package mine 1.0 is left out: this package has one. Name it in full: {__name__}:Choice."
    assert ours.left_out() == [told]


@pytest.mark.parametrize("catalog", ["Missing"], indirect=True)
def test_list_notes_what_it_leaves_out(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error; what is chosen is an error, and other names are listed and described."""
    mixed = Catalog("pooling", {"told": ENTRY}, catalog.entry_point)
    monkeypatch.setitem(CATALOGS, "poolings", mixed)
    listed = tuner("list", "poolings")
    assert listed.stdout == "told  told apart\n"
    assert listed.stderr == f"note: {mixed.left_out()[0]}\n"
    assert tuner("explain", "told").stdout.startswith("told: a pooling\n")
    assert "entry point mine of package mine 1.0" in tuner("list", "poolings", "mine", status=2).stderr


@pytest.mark.parametrize("catalog", ["Choice"], indirect=True)
def test_an_installed_entry_is_described(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of this package is."""
    monkeypatch.setitem(CATALOGS, "poolings", catalog)
    assert "What it is in a line." in tuner("explain", "mine").stdout


def test_a_class_named_in_full_is_known_and_not_listed() -> None:
    """Who names their own class gets it; who asks what there is gets what is installed."""
    target = f"{__name__}:Choice"
    catalog = Catalog("choice", {"told": ENTRY}, "tests.none")
    assert catalog[target].options is Choice.Options
    assert target in catalog
    assert list(catalog) == ["told"]
