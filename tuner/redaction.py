"""Redaction: removes passwords and tokens from texts that are shown or kept. The only place that knows secrets.

Everything written or printed goes through `redacted` (a text), `redacted_values` (JSON) or a `RedactingStream` (output
of other code). Two kinds of secrets are removed:

- by the parts of a URL anywhere in a text: all user information, and every value of a query or fragment that is not
  known to be harmless. If unencoded characters of a password make the end of the user information ambiguous, the
  longest reading is taken. A mistyped URL (http:/me:password@host) is treated alike.
- by value: the passwords of the URLs that this process works with (`remember`) and those in its environment, as
  written, encoded and decoded. A short one, or a plain word, cannot be told from other text; it is removed by the rule
  above, and in quotes or after = beside a name such as PASSWORD.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus, unquote, unquote_plus

_HIDDEN = "…"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)((?:(?![A-Za-z][A-Za-z0-9+.-]{0,30}://)\S)*)")
_PAIR = re.compile(r"(?<=[?&;#])([^=&#\s]{1,200})=([^&#\s]*)")
_MISTYPED = re.compile(
    r"(?<![^\s\"'`(\[{<,;=])((?:[A-Za-z][A-Za-z0-9+.-]{0,30}:?/{1,2})?)"  # a scheme with a missing character
    r"[^\s:/@=\"'…]{0,100}:(?!/)[^\s@…]{1,200}@(?=[\w\[])"
)
_SECRET_NAME = (
    r"(?:(?<=_)pwd|password|passwd|passphrase|secret|token|credentials?|sharedaccesssignature"
    r"|(?:api|access|account|auth|encryption|private|secret|signing)[-_]?key)"
)
_NAMED = re.compile(
    rf"((?:{_SECRET_NAME}|\bpwd(?=\s*=))(?:\s*=\s*|[\"']\s*:\s*(?=[\"'])))(\"[^\"]*\"|'(?:\\.|[^'\\])*'|[^\s&,;\"'…]+)",
    re.IGNORECASE,
)
_NAMING = ("pass", "pwd", "secret", "token", "credential", "signature", "key")
"""Parts of the names that `_NAMED` finds."""
_HEADER = re.compile(r"\b((?:Basic|Bearer)\s+)[A-Za-z0-9+/=._~-]{8,}")
_CLOSING = "\"'`)]}>.,"
HARMLESS = frozenset(
    {
        "application_name",
        "cache",
        "charset",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "gssencmode",
        "host",
        "keepalives",
        "mode",
        "port",
        "sslmode",
        "target_session_attrs",
        "timeout",
        "viewstatesharekey",
        "workflowtype",
    }
)
"""Names in a URL's query whose values may be shown."""
_VARIABLE = re.compile(rf"(?:.*_)?{_SECRET_NAME}|PGPASSWORD", re.IGNORECASE)
"""Names of environment variables whose values are secrets."""
_URLS = ("MLFLOW_TRACKING_URI",)
"""Variables whose URL this process works with: its query may hold secrets, too; in others only the login does."""
_LOGIN = "\0"
"""Marks user information among the secrets; no URL contains it."""
_LEAST = 4
"""Least length of a secret that is looked for by its value."""
_WORD = re.compile(r"[a-z]{1,8}")
_known: set[str] = set()


def redacted(text: str) -> str:
    """The text without secrets.

    >>> redacted("no answer from postgresql://me:p@ss@host/db?sslpassword=x")
    'no answer from postgresql://…@host/db?sslpassword=…'
    """
    known = _known | _from_environment()
    if "://" in text:
        for form in _written(
            frozenset(each[1:] for each in known if _is_login(each))
        ):  # whole, even where other readers would end it
            text = text.replace(f"://{form}", f"://{_HIDDEN}@")
        text = _URL.sub(_without_secrets, text)
    if "@" in text:
        text = _MISTYPED.sub(rf"\1{_HIDDEN}@", text)
    for form in _written(_apart(frozenset(known))):
        text = text.replace(form, _HIDDEN)
    small = text.lower()  # searched first, as that is a hundred times as fast
    if any(word in small for word in _NAMING):
        text = _NAMED.sub(_hide_named, text)
    return _HEADER.sub(rf"\1{_HIDDEN}", text) if "basic" in small or "bearer" in small else text


def redacted_values(value: Any) -> Any:
    """JSON-able values with every text redacted; names of fields stay.

    A text without a URL that is no prose, such as a parameter's value, stays as it is.
    """
    if isinstance(value, str):
        return redacted(value) if " " in value or "://" in value else value
    if isinstance(value, Mapping):
        return {key: redacted_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_values(item) for item in value]
    return value


def remember(url: str) -> None:
    """From now on redact the secrets of this URL, if it is one, in all that this process writes and prints."""
    _known.update(_secrets(url))


class RedactingStream:
    """A text stream that redacts what is written; all else is passed on to the wrapped stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, redacted."""
        self._stream.write(redacted(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write them one by one."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redacting(stream: TextIO) -> TextIO:
    """The stream, wrapped to redact unless it does so already."""
    return stream if isinstance(stream, RedactingStream) else cast("TextIO", RedactingStream(stream))


def _without_secrets(found: re.Match[str]) -> str:
    scheme, rest = found[1], found[2]
    end = _end_of_login(rest)
    return scheme + (f"{_HIDDEN}@" if end else "") + _PAIR.sub(_hide_pair, rest[end:])


def _end_of_login(rest: str) -> int:
    """The length of the user information with its @ after ://; 0 without any.

    An @ in the path or query of a URL whose authority has neither an @ nor a colon begins no host.
    """
    if rest.startswith("/"):
        return 0
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return rest.rfind("@") + 1 if "@" in authority or ":" in authority else 0


def _hide_pair(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    plain = name.rpartition("?")[2] if name.startswith("/") else name  # after # there may be a path with a query
    if plain.lower() in HARMLESS:
        return found[0]
    return f"{name}={_HIDDEN}{value[len(value.rstrip(_CLOSING)) :]}"


def _hide_named(found: re.Match[str]) -> str:
    mark = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{mark}{_HIDDEN}{mark}"


def _secrets(url: str) -> Iterator[str]:
    """The possible secrets in a URL, in every reading of it."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        scheme, rest = "", url if _MISTYPED.match(url) else ""
    if rest.startswith("/"):
        return
    if end := _end_of_login(rest):
        yield f"{_LOGIN}{rest[:end]}"
    for place in (match.start() for match in re.finditer("@", rest)):
        login = rest[:place]
        user, divided, password = login.partition(":")
        yield password
        if scheme.lower().endswith(("http", "https")):
            yield base64.b64encode(unquote(login).encode()).decode()
            if not divided or not password:
                yield user
    for pair in [*rest.partition("?")[2].split("&"), *re.split("[?&]", rest)[1:]]:
        name, _, value = pair.partition("=")
        hosts = value.startswith("@") and (rest.endswith(value) or re.search("[/:?#]", value))  # a password ended there
        if name.lower() not in HARMLESS and name[:1].isalpha() and not hosts:
            yield value
            yield value.partition("#")[0]


def _from_environment() -> frozenset[str]:
    found: set[str] = set()
    for name, value in os.environ.items():
        if name in _URLS or ("@" in value and _URL.fullmatch(value)):
            found.update(_secrets(value))
        elif _VARIABLE.fullmatch(name):
            found.add(value)
    return frozenset(found)


def _is_login(secret: str) -> bool:
    """Whether it is user information with its @, rather than a secret to look for anywhere."""
    return secret.startswith(_LOGIN)


@lru_cache(maxsize=8)
def _apart(known: frozenset[str]) -> frozenset[str]:
    """Secrets to look for anywhere: also decoded, and the parts into which a parser may split them."""
    secrets = {
        form for secret in known if not _is_login(secret) for form in (secret, unquote_plus(secret), unquote(secret))
    }
    parts = {part for secret in secrets for part in re.split(r"[\s/@:?#&]", secret)}
    return frozenset(filter(_can_be_told_apart, secrets | parts))


@lru_cache(maxsize=8)
def _written(secrets: frozenset[str]) -> tuple[str, ...]:
    """Every way in which the secrets may be written, the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        encoded = (quote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe=":@"))
        plain = {
            secret,
            unquote(secret),
            *encoded,
            *(re.sub("%[0-9A-F]{2}", lambda each: each[0].lower(), e) for e in encoded),
        }
        forms |= plain
        for text in plain:
            forms |= {text.replace("'", "''"), html.escape(text), repr(text)[1:-1]}
            forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return tuple(sorted(filter(None, forms), key=len, reverse=True))


def _can_be_told_apart(secret: str) -> bool:
    """Whether a secret is unlikely to occur in a text with another meaning."""
    return len(secret) >= _LEAST and not _WORD.fullmatch(secret) and not (secret.isdigit() and len(secret) < 8)
