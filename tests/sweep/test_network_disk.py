"""Network file systems are told from the mount table."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.tiny import write_task
from tuner.disk import file_system
from tuner.errors import StudyError
from tuner.sweep import Sweep
from tuner.task import resolve_task

TABLE = """22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 22 0:41 / /home/me/local\\040disk rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt/win rw - cifs //server/share rw
33 22 0:43 / /mnt/ssh rw - fuse.sshfs me@host: rw
34 22 0:44 / /lustre rw - lustre mgs@tcp:/fs rw
35 22 0:45 / /over rw - fuse.fuse-overlayfs fuse-overlayfs rw
36 22 0:46 / /both rw - ext4 /dev/sdc1 rw
37 22 0:47 / /both rw - nfs server:/both rw
broken line
"""


@pytest.fixture
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(TABLE)
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "mountinfo")


@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/studies", "nfs4"),
        ("/mnt/win/a/b", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/lustre/scratch", "lustre"),
        ("/both/x", "nfs"),
    ],
)
def test_a_network_file_system_is_refused(folder: str, kind: str) -> None:
    """The innermost and latest mount counts; the line names folder and kind and what to do."""
    with pytest.raises(StudyError, match=f"^task.yaml:3: storage.folder {folder} must be .* '{kind}'. Name a"):
        file_system.check_local(Path(folder), "task.yaml:3")


@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("folder", ["/srv", "/homework", "/home/me/local disk/x", "/over/x"])
def test_a_local_disk_is_taken(folder: str) -> None:
    """A local mount below a network one, a similar name, an overlay."""
    file_system.check_local(Path(folder))


def test_this_machines_own_table_is_read() -> None:
    """A real mount is seen as what it is."""
    folder = Path(tempfile.mkdtemp())
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        assert file_system.file_system(folder / "not" / "there") == "tmpfs"
        assert file_system.file_system(Path("/proc/self")) == "proc"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder)


def test_a_sweep_there_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's folder is not made, nor is anything prepared."""
    (tmp_path / "mountinfo").write_text("1 1 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path)
    with pytest.raises(StudyError, match="but got 'nfs4'"):
        Sweep(resolve_task(path), lambda _: None).run()
    assert not (tmp_path / "mlruns").exists()
