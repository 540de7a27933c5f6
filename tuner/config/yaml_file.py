"""Reads YAML from untrusted sources: strictly, and with the place of every key.

The core schema of YAML 1.2 applies (https://yaml.org/spec/1.2.2/#103-core-schema): `1e-3` is a number, and only `true`
and `false` are truth values. Refused are words that other readers understand differently (`on`, `no`, `<<`; not `y`,
which is text in YAML 1.2 and PyYAML, and a common column), tags, which could run code or make objects, and anything
that fills memory (alias bombs, deep nesting, large files). The meaning of keys is not known here.
"""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import yaml

from tuner.disk import regular
from tuner.errors import Key, TaskFileError
from tuner.redaction import remember

MAX_BYTES = 1_000_000
"""Largest file, in bytes."""
MAX_DEPTH = 50
"""Deepest nesting of lists and mappings."""
_MOST_COMPARED = 1000
"""Largest number of files in a folder whose names are compared with a missing one."""
MAX_NODES = 20_000
"""Largest number of values in a file, with aliases expanded."""

_NULL, _BOOL, _INT, _FLOAT, _STR = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str"))
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_AMBIGUOUS, _NOT_FINITE, _MERGE = "ambiguous", "not finite", "merge"  # unquoted words that are refused

_FORMS = {
    _NULL: re.compile(r"~|null|Null|NULL|"),
    _BOOL: re.compile(r"true|True|TRUE|false|False|FALSE"),
    _AMBIGUOUS: re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"),
    _INT: re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    _FLOAT: re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
    _NOT_FINITE: re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    _MERGE: re.compile(r"<<"),
}
_QUOTING = """Put text in double quotes and all of it in single ones: 'key="text"'."""
_UNFIT_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """The content of a file, with the place of every key.

    Args:
        value: Key -> value; values are None, bool, int, float, str, list and dict.
        name: The file's name in messages.
        places: Key path -> "name:line".
    """

    value: dict[str, Any]
    name: str
    places: Mapping[Key, str]

    def place(self, key: Key) -> str:
        """The place of `key`, or of the longest prefix of it that the file has."""
        for length in range(len(key), -1, -1):
            if key[:length] in self.places:
                return self.places[key[:length]]
        return self.name

    def part(self, name: str) -> Document:
        """The mapping below the top-level key `name` as a document of its own; empty if it is missing."""
        places = {key[1:]: place for key, place in self.places.items() if key[:1] == (name,)}
        return Document(self.value.get(name, {}), self.name, places or {(): self.place(())})


def read_yaml(path: Path) -> Document:
    """Read a YAML file that holds one mapping.

    Raises:
        TaskFileError: The file is missing, no text, no YAML, or contains something that is refused.
    """
    name = str(path)
    if not os.path.isfile(path):
        problem = f"it is {kind}" if (kind := regular.kind(path)) else "no such file"
        raise TaskFileError(f"cannot be read: {problem}", where=name, fix=_similar(Path(path)) or "Check the path.")
    try:
        with regular.open_bytes(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TaskFileError("the file must be readable", value=str(error), where=name) from error
    if len(data) > MAX_BYTES:
        raise TaskFileError(
            f"the file must have at most {MAX_BYTES} bytes", where=name, fix="Put data into files of its own."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        read = error.object  # without a byte-order mark
        line = read.count(b"\n", 0, error.start) + 1
        raise TaskFileError(
            "the file must be UTF-8 text",
            value=read[error.start : error.start + 4],
            where=f"{name}:{line}",
            fix="Save it as UTF-8.",
        ) from error
    return parse_yaml(text, name)


def _similar(path: Path) -> str:
    """A question that names the file of the same folder with the most similar name; "" without one."""
    try:
        with os.scandir(path.parent) as entries:
            compared = islice(entries, _MOST_COMPARED)
            names = [entry.name for entry in compared if entry.name.endswith(".yaml") and entry.is_file()]
    except (OSError, ValueError):
        return ""
    close = get_close_matches(path.name, names, n=1, cutoff=0.8)
    return f"Did you mean {str(path.with_name(close[0]))!r}?" if close else ""


def parse_yaml(text: str, name: str) -> Document:
    """Parse YAML text that holds one mapping; `name` is the file's name in messages.

    Raises:
        TaskFileError: The text is no YAML, or contains something that is refused.
    """
    reader = _Reader(name)
    value = reader.read(text)
    if not isinstance(value, dict):
        raise TaskFileError(
            "the file must hold a mapping",
            value=value,
            where=reader.places[()],
            fix="Write `key: value` lines.",
        )
    return Document(value, name, reader.places)


def parse_value(text: str, name: str) -> Any:
    """Parse one YAML value, such as the right side of `--set key=value`.

    Raises:
        TaskFileError: As for `parse_yaml`; an empty value is refused, too.
    """
    return _Reader(name, lines=False).read(text)


def plain_text(text: str, name: str) -> str:
    """A literal text, without surrounding blanks and quotes.

    Raises:
        TaskFileError: It contains a control character.
    """
    text = text.strip()
    if found := _UNFIT_TEXT.search(text) or yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise TaskFileError("text must have no control characters", value=found.group(), where=name)
    if text[:1] in ("'", '"'):
        try:
            value = parse_value(text, name)
        except TaskFileError:
            return text
        return value if isinstance(value, str) else text
    return text


def is_null(text: str) -> bool:
    """Whether YAML reads the text as null."""
    return _FORMS[_NULL].fullmatch(text.strip()) is not None


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2 and limits on the nodes it builds."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's name and form; filled below

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH or self.nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if self.depth > MAX_DEPTH else f"{MAX_NODES} values"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # missing in the stubs
            raise yaml.composer.ComposerError(None, None, f"found more than {limit}", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _form in _FORMS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_form.pattern})\\Z", re.ASCII), None)


class _Reader:
    """Parses the text of one file into values and places."""

    def __init__(self, name: str, *, lines: bool = True) -> None:
        self.name = name
        self.lines = lines
        self.places: dict[Key, str] = {}
        self.count = 0
        self.open: list[yaml.Node] = []  # the collections that contain the current node

    def read(self, text: str) -> Any:
        loader = None
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from error
        except yaml.reader.ReaderError as error:
            where = self._line(text.count("\n", 0, error.position))
            raise TaskFileError("text must have no control characters", value=error.character, where=where) from error
        except (
            ValueError,
            OverflowError,
        ) as error:  # PyYAML does not guard chr() and int() in escapes and directives
            where = self._line(loader.line if loader else 0)
            raise TaskFileError("the file must be YAML", value="a number out of range", where=where) from error
        if node is None:
            raise TaskFileError("a YAML value must be there", value="nothing", where=self.name)
        self.places[()] = self._where(node)
        return self._value(node, ())

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> TaskFileError:
        mark, problem = error.problem_mark or error.context_mark, error.problem or ""
        where = f"{self.name}:{mark.line + 1}:{mark.column + 1}" if mark and self.lines else self.name
        if "another document" in problem:
            return TaskFileError("the file must hold one document", where=where, fix="Remove the second `---`.")
        fix = ""
        if r"\t" in problem:
            fix = "Indent with spaces, not with tabs."
        elif "mapping values are not allowed" in problem:
            fix = "Indent the keys of a mapping equally, and put text with a colon in quotes."
        elif "found more than" in problem:
            fix = "Put data into files of its own."
        if not self.lines:
            return TaskFileError("the value must be YAML", value=problem, where=where, fix=_QUOTING)
        return TaskFileError("the file must be YAML", value=problem, where=where, fix=fix)

    def _line(self, index: int) -> str:
        return f"{self.name}:{index + 1}" if self.lines else self.name

    def _where(self, node: yaml.Node) -> str:
        return self._line(node.start_mark.line)

    def _refuse(self, node: yaml.Node, rule: str, value: object = "", fix: str = "") -> NoReturn:
        raise TaskFileError(rule, value=value, where=self._where(node), fix=fix)

    def _value(self, node: yaml.Node, key: Key) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            raise TaskFileError(
                f"the file must have at most {MAX_NODES} values, aliases expanded",
                where=self._where(node),
                fix="Use fewer aliases.",
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if any(node is other for other in self.open):
            raise TaskFileError("an alias must not contain itself", where=self._where(node))
        if len(self.open) >= MAX_DEPTH:
            raise TaskFileError(f"nesting must be at most {MAX_DEPTH} deep", where=self._where(node))
        self.open.append(node)
        value = self._mapping(node, key) if isinstance(node, yaml.MappingNode) else self._list(node, key)
        self.open.pop()
        return value

    def _list(self, node: yaml.Node, key: Key) -> list[Any]:
        if node.tag != _SEQ:
            self._refuse_tag(node)
        values = []
        for index, item in enumerate(node.value):
            self.places[(*key, index)] = self._where(item)
            values.append(self._value(item, (*key, index)))
        return values

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        if node.tag != _MAP:
            self._refuse_tag(node)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._refuse(key_node, "merge keys are not supported", "<<", "Write the keys out.")
            name = self._value(key_node, key)
            if not isinstance(name, str):
                self._refuse(key_node, "a key must be text", name, "Put it in quotes.")
            if name in values:
                self._refuse(key_node, "a key must occur once in its mapping", name, "Remove one of the two.")
            self.places[(*key, name)] = self._where(key_node)
            values[name] = self._value(value_node, (*key, name))
        return values

    def _scalar(self, node: yaml.ScalarNode) -> bool | int | float | str | None:
        tag, text = node.tag, str(node.value)
        if tag == _STR:
            if found := _UNFIT_TEXT.search(text):
                self._refuse(node, "text must have no NUL and no half of a surrogate pair", found.group())
            if "://" in text or "@" in text:
                remember(text)
            return text
        if tag == _MERGE:
            return text
        if tag == _AMBIGUOUS:
            self._refuse(
                node,
                "a word that some YAML readers take for true or false must be in quotes",
                text,
                f'Write true or false, or "{text}" for the text.'
                if self.lines
                else f"""Write true or false, or the text in quotes that the shell leaves: --set 'key="{text}"'.""",
            )
        if tag == _NOT_FINITE:
            self._refuse(node, "a number must be finite", text)
        if tag not in _FORMS:
            self._refuse_tag(node)
        if not _FORMS[tag].fullmatch(text):
            self._refuse(node, f"a value tagged {tag.rpartition(':')[2]} must be one", text)
        if tag == _NULL:
            return None
        if tag == _BOOL:
            return text in {"true", "True", "TRUE"}
        return self._number(node, text, whole=tag == _INT)

    def _number(self, node: yaml.ScalarNode, text: str, *, whole: bool) -> int | float:
        if not whole:
            if not math.isfinite(number := float(text)):
                self._refuse(node, "a number must be finite", text)
            return number
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = int(text.removeprefix("0o"), base) if len(text) <= 30 else 2**63
        if abs(number) >= 2**63:
            self._refuse(node, "a whole number must fit into 64 bits", text)
        return number

    def _refuse_tag(self, node: yaml.Node) -> NoReturn:
        self._refuse(node, "a value must carry no tag", node.tag, "Remove the tag: files hold plain values only.")
