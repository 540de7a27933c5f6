"""Folders and a real S3 server behave alike."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import BUCKET
from tuner.disk import places


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder, and a prefix in a bucket."""
    if request.param == "folder":
        return str(tmp_path / "place")
    environment: dict[str, str] = request.getfixturevalue("s3_here")
    assert environment
    return f"{BUCKET}/{tmp_path.name}"


@pytest.fixture
def s3_here(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The S3 server for this process."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    yield s3
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


def test_a_file_is_written_read_replaced_and_removed(place: str) -> None:
    """What was written last is read; what is missing is missing; removing twice is no error."""
    path = places.join(place, "trials", "00001", "checkpoint.pt")
    with pytest.raises(FileNotFoundError):
        places.read(path)
    for content in (b"first", b"second"):
        places.write(path, content)
        assert places.read(path) == content
    places.remove(path)
    places.remove(path)
    with pytest.raises(FileNotFoundError):
        places.read(path)


def test_a_folder_is_packed_once_and_unpacked_whole(s3_here: dict[str, str], tmp_path: Path) -> None:
    """The copy equals the folder; a second packing changes nothing."""
    assert s3_here
    folder, copy = tmp_path / "data", tmp_path / "copies" / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "array.npy").write_bytes(os.urandom(10_000))
    path = f"{BUCKET}/packed/{tmp_path.name}.tar"
    places.pack(folder, path)
    (folder / "late").write_text("not in it")
    places.pack(folder, path)
    places.unpack(path, copy)
    assert [file.name for file in copy.rglob("*") if file.is_file()] == ["array.npy"]
    assert (copy / "deep" / "array.npy").read_bytes() == (folder / "deep" / "array.npy").read_bytes()
    assert os.listdir(copy.parent) == ["data"]


def test_an_archive_that_leaves_its_folder_is_refused(s3_here: dict[str, str], tmp_path: Path) -> None:
    """A member named ../canary writes nothing, and no half folder stays."""
    assert s3_here
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../canary"), io.BytesIO())
    path = f"{BUCKET}/bad/{tmp_path.name}.tar"
    places.write(path, content.getvalue())
    with pytest.raises(tarfile.OutsideDestinationError):
        places.unpack(path, tmp_path / "copies" / "data")
    assert list((tmp_path / "copies").iterdir()) == []
    assert not list(tmp_path.rglob("canary"))


def test_a_store_that_is_away_or_refuses_is_an_os_error(
    s3_here: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the client raises, callers see OSError: training goes on with the checkpoint before."""
    assert s3_here
    with pytest.raises(OSError, match="bucket"):
        places.write("s3://no-such-bucket/x", b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(OSError, match="connect"):
        places.write(f"{BUCKET}/x", b"x")


def test_what_a_store_does_not_answer_is_repeated_but_a_missing_file_is_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two failures and a success are a success; the last failure is told when time is over."""
    monkeypatch.setattr(places, "_RETRY_SECONDS", 0.01)
    answers: list[OSError | bytes] = [OSError("away"), OSError(errno.EIO, "away"), b"here"]

    def action() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert places.patiently(action) == b"here"
    answers = [FileNotFoundError("none"), b"never asked"]
    with pytest.raises(FileNotFoundError):
        places.patiently(action)
    monkeypatch.setattr(places, "PATIENCE_SECONDS", 0.0)
    answers = [OSError("away"), b"never asked"]
    with pytest.raises(OSError, match="away"):
        places.patiently(action)
