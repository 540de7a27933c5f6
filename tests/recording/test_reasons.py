"""What MLflow's client says of servers that are away, told in few words."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from tuner.recording.reasons import reason


class _Other(http.server.BaseHTTPRequestHandler):
    status = 404

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[404, 200])
def other(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that is something else."""
    handler = type("Handler", (_Other,), {"status": request.param})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def said_of(uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is told of a call to MLflow there."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(MlflowException) as caught:
        MlflowClient(uri).get_experiment_by_name("x")
    return reason(caught.value)


def test_a_server_that_is_away_is_told_by_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that refuses, one that has no address, one that says nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert said_of(uri, monkeypatch) == "Failed to establish a new connection: [Errno 111] Connection refused"
        taken.listen()
        assert said_of(uri, monkeypatch) == "Read timed out. (read timeout=1)"
    assert said_of("http://nosuch.invalid:5000", monkeypatch).startswith("Failed to resolve 'nosuch.invalid'")


def test_what_is_no_mlflow_is_told_as_such(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it answers."""
    assert said_of(other, monkeypatch).startswith("what answers there is no MLflow (MlflowException: ")


def test_other_errors_stay_as_they_are() -> None:
    """With their kind."""
    assert reason(ValueError("x")) == "ValueError: x"
