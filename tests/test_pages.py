"""What the pages of docs/ and README show is so: files, tasks, messages, commands, links.

Marks above the fenced blocks of a page say what they are:

    <!-- file: NAME -->      a file of this name, in the page's folder
    <!-- run -->             Python that is run there
    <!-- tests: NAME -->     tests in a file of this name, which pass
    <!-- task -->            a task file, which resolves, and whose data, where it is in the folder, is prepared
    <!-- task: data -->      the same, of a ready source, which is prepared too
    <!-- space -->           a search space, which parses
    <!-- reported: ARGS -->  what is reported of the last task above it with these arguments: notes, or an error
"""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
import yaml

from tuner.adapters.catalog import ADAPTERS
from tuner.cli import main
from tuner.config import load_task_file, parse_yaml
from tuner.errors import UserError
from tuner.nets.catalog import CELLS
from tuner.space import Space
from tuner.task.resolve import resolve_task

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
HAND_WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
DOCUMENTS = [*PAGES, *sorted(ROOT.glob("[A-Z]*.md"))]
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    """A page's path below the repository."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block: its mark, what follows the mark's colon, its language and its text."""

    mark: str
    argument: str
    kind: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in their order."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        mark, _, argument = (found["mark"] or "").partition(":")
        yield Block(mark.strip(), argument.strip(), found["kind"], found["text"])


def reported(sets: str, folder: Path) -> str:
    """What `validate` reports of task.yaml: notes, or the error."""
    changes = [each for each in shlex.split(sets) if each != "--set"]
    try:
        _, prepared = resolve_task("task.yaml", changes).prepare()
        text = "\n".join(f"note: {notice}" for notice in prepared.notices)
    except UserError as error:
        text = str(error)
    return text.replace(f"{folder}/", "") + "\n"


def walk(page: Path, folder: Path) -> Iterator[tuple[Block, str]]:
    """Do what a page's blocks say, in `folder`, the current one; yields what is reported where a block shows it."""
    for block in blocks(page):
        match block.mark:
            case "file":
                path = folder / block.argument
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            case "tests":
                (folder / block.argument).write_text(block.text, encoding="utf-8")
                command = [
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-W",
                    "error",
                    "-p",
                    "no:cacheprovider",
                    block.argument,
                ]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=250)
                assert done.returncode == 0, done.stdout + done.stderr
            case "run":
                exec(compile(block.text, name(page), "exec"), {"__name__": "page"})
            case "task":
                (folder / "task.yaml").write_text(block.text, encoding="utf-8")
                task = resolve_task("task.yaml")
                given = (task.file.data or {}).get("path")
                if block.argument == "data" or (given is not None and (folder / given).exists()):
                    task.prepare()
            case "space":
                document = parse_yaml(block.text, name(page))
                assert Space.parse(document.value, document.place).searched
            case "reported":
                yield block, reported(block.argument, folder)
            case _:
                assert block.mark in {"", "run command", "test command"}, block.mark
                assert block.kind != "yaml" or "adapter:" not in block.text, "a task file needs its mark"


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name)
def test_what_a_page_shows_is_so(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are read by its tasks; notes and errors are those that it shows, letter for letter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = [Path(block.argument).stem for block in blocks(page) if block.mark == "file" and block.kind == "python"]
    with patch.dict(CELLS._outside, clear=True), patch.dict(ADAPTERS._outside, clear=True):
        for module in modules:
            monkeypatch.delitem(sys.modules, module, raising=False)
        for block, found in walk(page, tmp_path):
            assert found == block.text, block.argument
    for module in modules:
        sys.modules.pop(module, None)


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_every_command_of_a_page_parses(page: Path) -> None:
    """`python -m tuner …` in a block of commands is a command with its arguments; every `--set` names a key."""
    for line in commands(page):
        words = shlex.split(line, comments=True)[3:]
        if not words or words[0].startswith("-"):
            continue
        assert words[0] in main.commands, line
        command = main.commands[words[0]]
        arguments = [word for word in words[1:] if word not in {">", "&"}]
        if ">" in words:
            arguments = words[1 : words.index(">")]
        if "--help" not in arguments:
            command.make_context(words[0], arguments)


def commands(page: Path) -> list[str]:
    """The commands of the program in a page's blocks of commands."""
    lines = [line for block in blocks(page) if block.kind == "sh" for line in block.text.splitlines()]
    return [part[part.index("python -m tuner") :] for part in lines if "python -m tuner" in part]


def test_every_set_of_the_pages_is_a_key(tmp_path: Path) -> None:
    """`--set KEY=VALUE` in a command of a page changes a task file without a complaint."""
    (tmp_path / "task.yaml").write_text("adapter: speech/classification\ndata: {path: x}\n")
    lines = [line for page in DOCUMENTS for line in commands(page)]
    found = {each for line in lines for each in re.findall(r"--set (?:'([^']+)'|(\S+))", line)}
    assert found
    for quoted, bare in sorted(found):
        load_task_file(tmp_path / "task.yaml", [quoted or bare])


def test_the_reference_is_current() -> None:
    """The committed pages of docs/reference are what scripts/reference writes today."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/reference"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml names every page of docs/ once, and nothing that is not there."""

    def named(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for value in entry.values():
                yield from named(value)
        elif isinstance(entry, list):
            for value in entry:
                yield from named(value)

    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    in_navigation = sorted(named(site["nav"]))
    hooks = runpy.run_path(str(ROOT / "scripts/site_hooks.py"), {"__name__": "read"}) if _has_mkdocs() else {}
    from_root = hooks.get("DOCUMENTS", ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert in_navigation == sorted([*pages, *from_root])


def _has_mkdocs() -> bool:
    try:
        import mkdocs  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_every_relative_link_resolves(page: Path) -> None:
    """A link leads to a file of the repository, and its fragment to a heading there."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if parts.fragment:
            assert parts.fragment in headings(target), link


def headings(page: Path) -> set[str]:
    """The fragments of a page's headings."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}
