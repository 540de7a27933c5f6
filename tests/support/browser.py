"""A real browser, driven by the WebDriver protocol: what a page shows, what it asks for, what it complains about."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromedriver")
"""Of Debian's packages `chromium` and `chromium-driver`."""
HEADLESS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


def missing_programs() -> str:
    """Which of the programs are not here; "" when all are."""
    return ", ".join(name for name in PROGRAMS if shutil.which(name) is None)


class Browser:
    """One window.

    Args:
        session: Address of the session at the driver.
    """

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, address: str, width: int, height: int = 1000) -> None:
        """Show a page in a window of that size."""
        self._post("/window/rect", {"width": width, "height": height})
        self._post("/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function's body, run in the page."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str, seconds: float = 60.0) -> None:
        """Until an expression is true in the page; the page's text is told where it never is."""
        until = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > until:
                raise AssertionError(f"{condition} never came; the page: {self.run('return document.body.innerText')}")
            time.sleep(0.1)

    def complaints(self) -> list[str]:
        """What the console has shown since the last call: errors of scripts, refused loads."""
        entries = self._post("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def asked_for(self) -> list[str]:
        """Every address that was asked for since the last call."""
        entries = self._post("/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self._get("/screenshot")))

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return _ask(f"{self._session}{path}", body)

    def _get(self, path: str) -> Any:
        return _ask(f"{self._session}{path}", None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}", "--silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address)
        wanted = {
            "goog:chromeOptions": {"args": HEADLESS},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _ask(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(f"{address}/session/{session}")
        finally:
            _ask(f"{address}/session/{session}", None, method="DELETE")
    finally:
        driver.terminate()
        driver.wait(timeout=20)


def _wait(address: str) -> None:
    """Until the driver answers."""
    until = time.monotonic() + 60
    while True:
        try:
            if _ask(f"{address}/status", None)["ready"]:
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def _ask(address: str, body: dict[str, Any] | None, *, method: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method or None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=120) as answer:
        return json.loads(answer.read())["value"]
