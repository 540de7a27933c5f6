"""Texts as they may be shown and kept: without the passwords that URLs carry."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^/\s\"'<>]*@")
_QUERY = re.compile(r"(?<=[?&])((?:[a-z_]*(?:password|passwd|secret|token|key))=)[^&\s\"'<>]*", re.IGNORECASE)


def redacted(text: str) -> str:
    """A text with the login of every URL, and what its query calls a password or token, left out.

    >>> redacted("no answer from postgresql://me:p@ss@host/db?sslpassword=x")
    'no answer from postgresql://…@host/db?sslpassword=…'
    """
    return _QUERY.sub(r"\1…", _LOGIN.sub("…@", text))
