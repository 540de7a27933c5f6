"""Why a call to MLflow failed, in few words: its client's messages have the cause at the end of a long line."""

from __future__ import annotations

import re

_CAUSE = re.compile(r".*\bCaused by \w+\([\"']?(?:<[^>]*>|HTTPS?Connection\w*\([^)]*\)): (.+?)[\"']?\)+$", re.DOTALL)
_NO_MLFLOW = re.compile(
    r".*failed with error code (404|405|501) != 200|.*response body was not in a valid JSON", re.DOTALL
)


def reason(error: Exception) -> str:
    """Why a call to MLflow failed.

    >>> reason(Exception("API request to endpoint /api/x failed with error code 404 != 200. Response body: ''"))
    'what answers there is no MLflow (Exception: API request to endpoint /api/x failed with error code 404 != 200)'
    """
    text = f"{type(error).__name__}: {error}"
    if match := _CAUSE.match(text):
        return match[1]
    if _NO_MLFLOW.match(text):
        return f"what answers there is no MLflow ({text.partition('. ')[0]})"
    return text
