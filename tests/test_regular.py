from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.structured import KINDS, put
from tuner.disk import regular

STRANGE = ["a folder", "a named pipe", "a socket", "a device", "a link to itself"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", STRANGE)
def test_nothing_but_a_regular_file_is_opened(tmp_path: Path, kind: str) -> None:
    """Neither to read nor to append; what it is, is said."""
    put(tmp_path / "x", kind)
    for use in (regular.read_bytes, regular.open_to_append, regular.status):
        with pytest.raises(OSError, match=r".") as caught:
            use(tmp_path / "x")
        assert caught.value.strerror in {kind, "Too many levels of symbolic links"}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/mem", "/proc/kcore", "/sys/kernel/notes"])
def test_a_file_of_the_kernels_is_not_opened(path: str, tmp_path: Path) -> None:
    """It looks like a regular file, also through a link, but reading it may wait for ever or never end."""
    if not os.path.isfile(path):
        pytest.skip(f"this machine has no {path}")
    (tmp_path / "link").symlink_to(path)
    assert regular.kind(path) == "a file of the kernel's"
    for use in (regular.read_bytes, regular.open_to_append, regular.status):
        with pytest.raises(OSError, match="a file of the kernel's"):
            use(tmp_path / "link")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"a folder", "a folder with a file"}))
def test_a_new_file_takes_the_place_of_whatever_has_its_name(tmp_path: Path, kind: str) -> None:
    """Nothing is written into a pipe, or through a link."""
    put(tmp_path / "x", kind)
    with regular.create(tmp_path / "x") as file:
        file.write(b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert not (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000])
def test_a_name_that_no_file_can_have(name: str) -> None:
    """Is told as any other error of the system."""
    with pytest.raises(OSError, match=r"name"):
        regular.read_bytes(name)
    assert regular.kind(name) == ""


def test_a_file_is_read_and_appended_to(tmp_path: Path) -> None:
    """Links to files are followed; a descriptor waits as usual."""
    (tmp_path / "x").write_bytes(b"one")
    (tmp_path / "link").symlink_to("x")
    with os.fdopen(regular.open_to_append(tmp_path / "link"), "rb+", buffering=0) as file:
        assert os.get_blocking(file.fileno())
        file.write(b" two")
    assert regular.read_bytes(tmp_path / "x") == b"one two"
    assert regular.kind(tmp_path / "x") == ""
