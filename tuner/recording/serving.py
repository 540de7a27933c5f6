"""`tuner serve`: MLflow's own scoring server with one model, for this machine only."""

from __future__ import annotations

import os
import shlex
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tuner.errors import UserError
from tuner.recording.uri import QUIET

_LONGEST_EXAMPLE = 300
"""Longest request in bytes that is shown; for a longer one its file is named."""


class ScoringServer:
    """Serves HTTP in this process until it is stopped, so that no process is left behind.

    Args:
        model: The model's folder.
        port: TCP port; 0 for one that is free.
        config: Passed to the model's loader: `own_code`, `device`.

    Raises:
        UserError: The port is in use.
    """

    def __init__(self, model: Path, port: int, config: dict[str, object]) -> None:
        self._model, self._config = model, config
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            fix = "Name another one: --port, 0 for any."
            raise UserError("the port must be free", value=f"{port}, {error.strerror}", fix=fix) from error
        self._stopped = False
        self._ask: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        """Ask it to end. Safe in a signal handler, at any time."""
        self._stopped = True
        self._ask()

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until it is stopped.

        Args:
            ready: Called once it answers.

        Raises:
            StudyError: The model is damaged.
        """
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        # Here, as MLflow takes two seconds to import and reads the switches above.
        import uvicorn

        from tuner.recording.model_form import application, save

        with self._socket, tempfile.TemporaryDirectory(prefix="tuner-serve-") as made:
            save(self._model, Path(made) / "model")
            app = application(Path(made) / "model", self._config)

            class Server(uvicorn.Server):
                async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                    await super().startup(sockets)
                    if self.started and not self.should_exit:
                        ready()

            server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
            self._ask = lambda: setattr(server, "should_exit", True)
            server.should_exit = self._stopped
            server.run([self._socket])


def curl(model: Path, url: str) -> str:
    """A command that sends a request to a served model, as a user types it; "" where no example of one is kept."""
    example = model / "input_example.json"
    if not example.is_file():
        return ""
    data = f"@{os.path.relpath(example)}"
    if example.stat().st_size <= _LONGEST_EXAMPLE:
        data = example.read_text()
    return f"curl {url}/invocations -H 'Content-Type: application/json' -d {shlex.quote(data)}"
