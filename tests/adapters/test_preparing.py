from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.structured import KINDS, changed, put
from tests.support.tiny import write_waves
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import CONTENTS, PREPARED, State, fetch, prepare, publish, state
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError

FILES = [PREPARED, CONTENTS, "facts.json", "train.x.values.npy", "train.x.offsets.npy", "val.y.npy"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_waves(tmp_path / "waves.csv")


def prepared() -> tuple[Path, Any]:
    """The waves, prepared."""
    entry = ADAPTERS["time_series/classification"]
    return prepare("waves", entry.load()(entry.options(path="waves.csv", label="label")), Path("prepared"))


def junk(path: Path) -> None:
    """As many bytes, one of them another, and the time of before."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "gone": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "junk": junk,
    **{kind: partial(put, kind=kind) for kind in ("a named pipe", "a folder", "a device", "a list")},
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_damaged_data_are_recognized_and_made_anew(name: str, damage: str) -> None:
    """Once, with a notice; what is whole is left as it is."""
    folder, first = prepared()
    before = Ragged(folder, "train.x").values.copy()
    inode = folder.stat().st_ino
    assert prepared()[1] == first
    assert folder.stat().st_ino == inode
    DAMAGES[damage](folder / name)
    _, mended = prepared()
    told = [f"the prepared data in {folder} were damaged, and have been prepared again"]
    unknown = name == CONTENTS and damage == "gone"  # as a version before has left it
    assert mended.notices == [*first.notices, *([] if unknown else told)]
    assert (Ragged(folder, "train.x").values == before).all()
    assert prepared()[1] == first


@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_a_folder_says_of_itself_may_be_anything(data: Any) -> None:
    """Values of other types, in another order or missing: nothing of it is believed."""
    folder, first = prepared()
    name = data.draw(st.sampled_from([PREPARED, CONTENTS]))
    written = json.loads((folder / name).read_text())
    other = data.draw(changed(written))
    (folder / name).write_text(json.dumps(other))
    if name == PREPARED or json.dumps(other, sort_keys=True) != json.dumps(written, sort_keys=True):
        assert state(folder) is State.DAMAGED or (folder / name).read_text() == json.dumps(written)
    found = prepared()[1]
    assert (found.counts, found.trivial, found.lag) == (first.counts, first.trivial, first.lag)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "kind", ["a named pipe", "a socket", "a device", "a link to itself", "an empty file", "a folder"]
)
def test_something_else_in_place_of_the_folder(kind: str) -> None:
    """Gives way."""
    folder, first = prepared()
    put(folder, kind)
    assert prepared()[1].counts == first.counts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"nothing", "a link to nothing"}))
def test_something_else_in_place_of_the_lock(kind: str) -> None:
    """A lock is any regular file; else it is told in a line."""
    folder, first = prepared()
    shutil.rmtree(folder)
    put(folder.with_name(f"{folder.name}.lock"), kind)
    try:
        assert prepared()[1] == first
    except DataError as error:
        assert "the lock of prepared data must be a regular file" in str(error)  # noqa: PT017


def test_fetched_data_that_are_damaged_are_fetched_again() -> None:
    """From the store, without a word: the driver has seen to them."""
    folder, _ = prepared()
    store = "memory://bucket"
    publish(folder, store)
    elsewhere = Path("elsewhere")
    found = fetch(folder.name, elsewhere, store)
    junk(found / "train.x.values.npy")
    assert state(found) is State.DAMAGED
    assert state(fetch(folder.name, elsewhere, store)) is State.WHOLE
