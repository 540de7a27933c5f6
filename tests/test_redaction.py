from __future__ import annotations

import pytest

from tuner.errors import UserError
from tuner.redaction import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:p@ss@host:1/db", "postgresql://…@host:1/db"),
        ("sqlite:////a@b/c.db", "sqlite:////a@b/c.db"),
        ("study: 'postgresql://me:secret@h/d' # mine@home", "study: 'postgresql://…@h/d' # mine@home"),
        ("postgresql://h/d?user=me&password=secret&sslmode=on", "postgresql://h/d?user=me&password=…&sslmode=on"),
        ("https://tok3n@host/x?access_token=abc", "https://…@host/x?access_token=…"),
    ],
)
def test_logins_and_passwords_are_left_out(text: str, shown: str) -> None:
    """A URL in a text keeps its host and loses its login; a query loses what it calls a password or token."""
    assert redacted(text) == shown


def test_a_message_shows_no_password() -> None:
    """Whatever value a user's mistake has, its line has no password."""
    error = UserError("storage must be a folder or a URL", value="postgresq://me:secret@host/db", where="task.yaml:3")
    assert "secret" not in str(error)
    assert "postgresq://…@host/db" in str(error)
