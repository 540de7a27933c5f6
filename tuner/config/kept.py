"""The copy of a task file that a study keeps: as it was written, comments included, without secrets."""

from __future__ import annotations

import json

import yaml

from tuner.redaction import redacted


def without_secrets(text: str) -> str:
    """A task file's text with secrets removed from values, keys and comments.

    A value with a secret becomes a text in double quotes, however it was quoted; all else is unchanged.

    Args:
        text: Valid YAML.
    """
    kept, end = [], 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken) and (shown := redacted(token.value)) != token.value:
            start, stop = token.start_mark.index, token.end_mark.index
            kept += [redacted(text[end:start]), json.dumps(shown, ensure_ascii=False)]
            end = stop
            if text[stop - 1] == "\n":  # a block of lines
                kept.append("\n")
    return "".join([*kept, redacted(text[end:])])
