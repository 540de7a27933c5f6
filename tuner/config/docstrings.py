"""The strings under the fields of a class, which Python does not keep."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


def attribute_docstrings(cls: type) -> dict[str, str]:
    """Field of a class, or of one that it inherits from, -> the string under it, as its source has it.

    Without source (typed in, or compiled) there are none.
    """
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        found |= _in_module(owner.__module__).get(owner.__qualname__, {})
    return found


@cache
def _in_module(module: str) -> Mapping[str, Mapping[str, str]]:
    """Class of a module, by its qualified name, -> field -> the string under it."""
    if module == "builtins":
        return {}
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, dict[str, str]] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, within: str, found: dict[str, dict[str, str]]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            name = f"{within}{child.name}"
            found[name] = {
                field.target.id: inspect.cleandoc(text.value.value)
                for field, text in pairwise(child.body)
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                if isinstance(text.value.value, str)
            }
            _collect(child, f"{name}.", found)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            _collect(child, f"{within}{child.name}.<locals>.", found)
        else:
            _collect(child, within, found)
