"""A task's own code: finds modules beside the task file, and notices changes in them by their contents.

Imports only the standard library, so that it can be called before anything else is imported.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

Code = dict[str, list[str]]
"""File, relative to the folder of its top-level module -> digests of its bytes and of its syntax tree."""

PACKAGE = Path(__file__).parent
"""The folder of this package."""


_found_in: list[str] = []
"""Folders of the current task."""


def find_modules(folders: Iterable[str]) -> None:
    """Add folders at the end of the module search path, so that no file there hides an installed package.

    Args:
        folders: Those of the task file and of the started command; they replace those of an earlier call.
    """
    behind = list(dict.fromkeys(folders))
    sys.path[:] = [*(path for path in sys.path if path not in {*behind, *_found_in}), *behind]
    _found_in[:] = behind


def found_anyhow(folder: str) -> bool:
    """Whether `python -m tuner`, started here, finds modules in a folder by itself."""
    return folder == os.getcwd() or folder in {path for path in sys.path if path not in _found_in}


def same_package() -> dict[str, str]:
    """Environment variables with which another Python finds this package, in whatever folder it is started.

    Start it with `-P`, else modules of the current folder come before installed ones.
    """
    root = str(Path(__file__).parents[1])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def code_of(module: str) -> Code:
    """Digests of a module's file and, recursively, of those beside it that it imports.

    Comments, blank lines and docstrings do not change the second digest; the Python version may. Of an installed
    package only its own modules count; this package's do not.

    Args:
        module: The name of an importable module.
    """
    root, pending = root_of(module), list(_with_packages(module))
    found: Code = {}
    seen = set()
    while root is not None and pending:
        name = pending.pop()
        if name in seen or (path := _file(name, root)) is None:
            continue
        seen.add(name)
        data = path.read_bytes()
        found[str(path.relative_to(root))] = [hashlib.sha256(data).hexdigest(), _digest(data)]
        names = _imported(data, name, package=path.name == "__init__.py")
        pending += [each for each in names if _belongs(each, module, root)]
    return dict(sorted(found.items()))


def changed_files(before: Mapping[str, Iterable[str]], now: Code) -> list[str]:
    """Files whose code differs: both their bytes and their syntax trees do."""
    differing = [name for name in now.keys() & before.keys() if not set(before[name]) & set(now[name])]
    return sorted({*differing, *(now.keys() ^ before.keys())})


def root_of(module: str) -> Path | None:
    """The folder of the module's top-level package or file; None for a module that is no Python file."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    return path.parents[module.count(".") + (path.name == "__init__.py")]


def _file(name: str, root: Path) -> Path | None:
    """The source file of a module below a folder, unless another one has been imported under that name."""
    path = root.joinpath(*name.split("."))
    found = next((each for each in (path / "__init__.py", path.with_name(f"{path.name}.py")) if each.is_file()), None)
    loaded = getattr(sys.modules.get(name), "__file__", None)
    return None if found is not None and loaded is not None and Path(loaded) != found else found


def _belongs(name: str, module: str, root: Path) -> bool:
    top = name.partition(".")[0]
    if top == __name__.partition(".")[0]:
        return False
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), sysconfig.get_path("stdlib")}
    return str(root) not in installed or top == module.partition(".")[0]


def _digest(data: bytes) -> str:
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):  # it could be imported before: the file has changed since
        return ""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imported(data: bytes, name: str, *, package: bool) -> Iterator[str]:
    """Names of the modules that a module may import, and of their parent packages."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            parts = name.split(".")
            above = parts[: len(parts) - node.level + package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call):
            yield from _with_packages(_called_for(node))


def _called_for(call: ast.Call) -> str:
    """The module that `import_module("…")` or `__import__("…")` imports; "" for other calls and for computed names."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
    return name if function in {"import_module", "__import__"} and isinstance(name, str) else ""


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".") if name else []
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
