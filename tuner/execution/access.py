"""Access to a Ray cluster: whoever can submit work to it can run any code as the cluster's user."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

CHECK_SECONDS = 60.0
"""Longest time for the whole check, in seconds."""
CONNECT_SECONDS = 5.0
"""Longest time for a connection to a cluster's head."""
ANSWER_SECONDS = 30.0
"""Longest time for the head to list its nodes."""
AWAY = "away: "
Access = str
"""`token`, `open`, `unknown`, or `away: why`."""
_ASK = """
import socket, sys
from ray.exceptions import AuthenticationError
address, connecting, answering = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
joined = address
try:
    if not address.startswith("ray://"):
        from ray._private.services import canonicalize_bootstrap_address
        joined = canonicalize_bootstrap_address(address) or ""
        if not joined:
            raise ConnectionError("no cluster runs on this machine")
    host, _, port = joined.removeprefix("ray://").rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), connecting).close()
except Exception as error:
    print("away:", " ".join(f"{joined}: {error}".split()))
    sys.exit()
try:
    if joined.startswith("ray://"):
        import ray
        ray.init(joined, log_to_driver=False)
    else:
        from ray._raylet import GcsClient
        GcsClient(address=joined).get_all_node_info(timeout=answering)
    print("open")
except AuthenticationError:
    print("token")
except Exception as error:
    if "InvalidAuthToken" in str(error):
        print("token")
    elif joined.startswith("ray://"):
        print("unknown")
    else:
        print("away:", f"what answers at {joined} is no Ray")
"""


def make_token() -> None:
    """Make sure that a Ray started by this process requires a token, unless the environment says otherwise.

    A token is made if there is none. The file is Ray's own, ~/.ray/auth_token, but readable by its user only, whereas
    Ray itself writes it readable by everyone.
    """
    os.environ.pop("RAY_AUTH_MODE", None)
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    path = _token_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError:  # a home that cannot be written: a token for this process and its children
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def use_token() -> None:
    """Use the token, if there is one, for a joined cluster: Ray itself does so only for clusters that it starts."""
    found = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH") or _token_file().exists()
    if found:
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def access(address: str) -> Access:
    """Whether a cluster requires a token; asked in another process, as Ray reads its settings only once.

    Args:
        address: auto, host:port of the cluster's head, or ray://host:port.

    Returns:
        `token`; `open` if it requires none; `unknown`; or `away: why` if there is no cluster.
    """
    if address != "auto" and (problem := _unreachable(address)):
        return AWAY + problem
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _ASK, address, str(CONNECT_SECONDS), str(ANSWER_SECONDS)],
            env={**environment, "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            check=False,
            timeout=CHECK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"{AWAY}no answer within {CHECK_SECONDS:g} s"
    answer = asked.stdout.strip().rpartition("\n")[2]
    return answer if answer in {"token", "open"} or answer.startswith(AWAY) else "unknown"


def _unreachable(address: str) -> str:
    """Why there is no connection to [ray://]host:port; "" if there is."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:  # also for an invalid name
        return f"{host}:{port}: {error}"
    return ""


def _token_file() -> Path:
    return Path.home() / ".ray" / "auth_token"
