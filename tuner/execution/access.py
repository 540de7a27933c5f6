"""Who may give work to a Ray cluster: whoever can is able to run any code as the cluster's user."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Literal

CHECK_SECONDS = 90.0
_ASK = """
import sys
from ray.exceptions import AuthenticationError
address = sys.argv[1]
try:
    if address.startswith("ray://"):
        import ray
        ray.init(address, log_to_driver=False)
    else:
        from ray._private.services import canonicalize_bootstrap_address
        from ray._raylet import GcsClient
        GcsClient(address=canonicalize_bootstrap_address(address)).get_all_node_info(timeout=30)
    print("open")
except AuthenticationError:
    print("token")
except Exception as error:
    print("token" if "InvalidAuthToken" in str(error) else "unknown")
"""


def make_token() -> None:
    """Have a token for a Ray that this process starts, which asks for it unless the environment says otherwise.

    The environment is not heard. A token is made when there is none. The file is Ray's own, ~/.ray/auth_token, but for
    its user alone: Ray itself writes it for everyone to read.
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
    except OSError:  # a home that cannot be written: for this process and those that it starts
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def use_token() -> None:
    """Use the token for a cluster that is joined, if there is one: Ray does so only for clusters that it starts."""
    found = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH") or _token_file().exists()
    if found:
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def access(address: str) -> Literal["token", "open", "unknown"]:
    """Whether a cluster turns away who has no token; asked by another process, as Ray reads its settings once.

    Args:
        address: auto, host:port of the cluster's head, or ray://host:port.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    with contextlib.suppress(subprocess.TimeoutExpired):
        asked = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _ASK, address],
            env={**environment, "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            check=False,
            timeout=CHECK_SECONDS,
        )
        answers: dict[str, Literal["token", "open"]] = {"token": "token", "open": "open"}
        return answers.get(asked.stdout.strip().rpartition("\n")[2], "unknown")
    return "unknown"


def _token_file() -> Path:
    return Path.home() / ".ray" / "auth_token"
