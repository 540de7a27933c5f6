"""A Ray of our own has a token that its user alone can read; a cluster without one is told."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from tuner.execution import access


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that what the test sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_token_is_made_for_its_user_alone(tmp_path: Path) -> None:
    """The file is long, private, kept, and made private when it was not."""
    access.make_token()
    file = tmp_path / ".ray" / "auth_token"
    token = file.read_text()
    assert len(token) >= 64
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o644)
    access.make_token()
    assert (file.read_text(), file.stat().st_mode & 0o777) == (token, 0o600)


def test_the_environment_cannot_turn_the_token_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray asks for the token of a cluster that it starts when nothing is said."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    access.make_token()
    assert "RAY_AUTH_MODE" not in os.environ


def test_a_home_that_cannot_be_written_gets_a_token_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file the token is in the environment of this process and its children."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    access.make_token()
    assert len(os.environ["RAY_AUTH_TOKEN"]) >= 64


def test_a_token_of_the_users_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment is left alone and makes no file; without any, a joined cluster gets none."""
    access.use_token()
    assert "RAY_AUTH_MODE" not in os.environ
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    access.use_token()
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"]) == ("token", "mine")
    access.make_token()
    assert not (tmp_path / ".ray").exists()


class TestAway:
    """What is no cluster is told as such, soon, and with why."""

    def test_nobody_listens(self) -> None:
        """A connection that is refused."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            assert access.access(address) == f"away: 127.0.0.1:{port}: [Errno 111] Connection refused"

    def test_a_host_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A queue of connections that is full takes no further one: as when packets are dropped."""
        monkeypatch.setattr(access, "CONNECT_SECONDS", 0.3)
        with socket.socket() as full, contextlib.ExitStack() as waiting:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(3):
                caller = waiting.enter_context(socket.socket())
                caller.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    caller.connect(full.getsockname())
            began = time.monotonic()
            assert access.access(f"127.0.0.1:{full.getsockname()[1]}").endswith(": timed out")
            assert time.monotonic() - began < 5.0

    @pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70, "a..b"])
    def test_a_host_that_does_not_exist(self, host: str) -> None:
        """No such name, and names that can be none."""
        assert access.access(f"{host}:6379").startswith(f"away: {host}:6379: ")

    def test_something_else_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that says nothing is not waited for without end."""
        monkeypatch.setattr(access, "CHECK_SECONDS", 0.5)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = f"127.0.0.1:{other.getsockname()[1]}"
            assert access.access(address) == "away: no answer within 0.5 s"
