"""Where a study comes from."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

import pytest

from tuner.sweep.origin import origin


def test_user_and_commit_are_told_where_they_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository without a commit, none at all, no git and a user without a name leave it out."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    file = tmp_path / "repository" / "task.yaml"
    file.parent.mkdir()
    assert origin(file) == {"file": str(file), "user": "ada"}
    git = ["git", "-C", str(file.parent), "-c", "user.name=x", "-c", "user.email=x@y"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert "commit" not in origin(file)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert origin(file)["commit"] == head
    monkeypatch.setenv("PATH", "")
    assert "commit" not in origin(file)

    def nobody() -> str:
        raise KeyError("uid 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert origin(file) == {"file": str(file)}
