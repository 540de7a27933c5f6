"""Ray's folder on machines whose temporary folders are long, missing, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuner.errors import ClusterError
from tuner.execution import temporary
from tuner.execution.guard import Guard
from tuner.execution.temporary import FOLDER_BYTES, SOCKET_BYTES, ray_folder


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path, as pytest's own are long."""
    folder = tempfile.mkdtemp(prefix="t", dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)


def test_the_kernel_takes_so_long_a_path(short: Path) -> None:
    """One byte more than is allowed for, and a socket cannot be made."""
    for extra, able in ((0, True), (1, False)):
        path = str(short / ("x" * (SOCKET_BYTES + extra - len(str(short)) - 1)))
        with socket.socket(socket.AF_UNIX) as probe:
            refused = contextlib.nullcontext() if able else pytest.raises(OSError, match="path too long")
            with refused:
                probe.bind(path)


def test_the_longest_folder_leaves_room_for_rays_socket() -> None:
    """Ray's own name of a session, with the largest process id that Linux gives."""
    session = "session_2026-11-28_22-13-23_123456_4194304/sockets/plasma_store"
    assert len(f"{'x' * FOLDER_BYTES}/{session}") == SOCKET_BYTES


def test_a_long_tmpdir_is_left_for_a_short_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SLURM gives it: Ray's files go to a folder that others cannot read, and the long one stays as it is."""
    long = tmp_path / "slurm_jobdir" / "1355700.batch" / "local" / "users" / "node0016"
    long.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(long))
    folder, private = ray_folder("")
    try:
        assert private
        assert len(folder) <= FOLDER_BYTES
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert list(long.iterdir()) == []
    finally:
        os.rmdir(folder)


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR"])
def test_the_usual_folder_is_rays_own(short: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short one is taken as Ray would take it."""
    monkeypatch.setenv(name, str(short))
    assert ray_folder("") == (f"{short}/ray", False)


def test_a_missing_place_is_passed_over(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TMPDIR is a file, the first short place is missing: the next one serves."""
    (short / "file").touch()
    monkeypatch.setenv("TMPDIR", str(short / "file"))
    monkeypatch.setattr(temporary, "SHORT_FOLDERS", (str(short / "none"), str(short)))
    folder, private = ray_folder("")
    assert private
    assert Path(folder).parent == short


def test_without_any_place_the_key_to_set_is_named(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no folder can be had, the advice is `ray.temp_dir`, not patience."""
    monkeypatch.setenv("TMPDIR", str(short / ("x" * 60)))
    monkeypatch.setattr(temporary, "SHORT_FOLDERS", ("/proc/none",))
    with pytest.raises(
        ClusterError, match=r"^ray\.temp_dir must be short.* as Ray's usual folder cannot, but got"
    ) as told:
        ray_folder("")
    assert told.value.key == ("ray", "temp_dir")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ray", "must be an absolute path, but got 'ray'"),
        ("/proc/ray", "must be a folder in which files and sockets can be made, but got '/proc/ray: "),
        ("/dev/null/ray", "must be a folder in which files and sockets can be made, but got '/dev/null/ray: "),
        ("/tmp/ü", "must have a path of ASCII characters, as Ray's servers do not start with others, but got '/tmp/ü'"),
        (f"/tmp/{'x' * FOLDER_BYTES}", "must be short, as the sockets below it may have 107 bytes"),
    ],
)
def test_a_given_folder_that_is_of_no_use_is_refused(given: str, words: str) -> None:
    """With what is wrong with it; no other is taken in its place."""
    with pytest.raises(ClusterError, match=words) as told:
        ray_folder(given)
    assert f"of at most {FOLDER_BYTES} bytes" in told.value.fix


def test_a_given_folder_is_made_and_stays(short: Path) -> None:
    """One that is new, with its parents; what was made for one that cannot serve is taken away."""
    assert ray_folder(f"{short}/a/b") == (f"{short}/a/b", False)
    assert os.listdir(f"{short}/a/b") == []


def test_the_folder_of_a_killed_driver_is_removed(short: Path) -> None:
    """By the guard, which outlives it."""
    (short / "ray").mkdir()
    (short / "ray" / "session").touch()
    guard = Guard(str(short / "ray"))
    assert guard._process.stdin is not None
    guard._process.stdin.close()  # as when the driver dies
    guard._process.wait(30)
    assert list(short.iterdir()) == []


@pytest.mark.ray
def test_a_ray_below_a_long_tmpdir_starts_and_leaves_nothing(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is a private one, and gone after it."""
    from tuner.execution import RayExecutor

    long = short / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(temporary, "SHORT_FOLDERS", (str(short),))
    executor = RayExecutor("tests.support.trials:epochs", workers=1)
    executor.check()
    assert list(short.iterdir()) == [long]
    executor.open()
    made = [folder for folder in short.iterdir() if folder != long]
    executor.close()
    assert len(made) == 1
    assert list(short.iterdir()) == [long]
