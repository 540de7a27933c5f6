"""The authority of a URL, between scheme and path: hosts and their ports."""

from __future__ import annotations

import re

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(?::(?P<port>.*))?")


def hosts(url: str) -> list[str]:
    """The hosts of a URL, without login and ports: several for some databases, `[""]` without any.

    Raises:
        ValueError: A host is not valid, or a port is no number from 1 to 65535.

    >>> hosts("postgresql://me:p@ss@first:5432,[::1]/runs")
    ['first', '[::1]']
    """
    rest = url.partition("://")[2]
    head = rest.partition("?")[0]
    whole = rest if "@" not in head and "/" not in head else head  # a password may hold slashes and question marks
    rest = whole.rpartition("@")[2]
    found = []
    for text in re.split(r"[/?#]", rest, maxsplit=1)[0].split(","):
        match = _HOST.fullmatch(text)
        if match is None or re.search(r"\s", text):
            raise ValueError("must have a valid host")
        if (port := match["port"]) is not None and not (
            re.fullmatch("[0-9]{1,9}", port, re.ASCII) and 0 < int(port) < 65536
        ):
            raise ValueError("must have a port from 1 to 65535")
        found.append(match["host"])
    return found
