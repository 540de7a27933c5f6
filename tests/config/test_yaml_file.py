import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.config import Document, parse_yaml, read_yaml
from tuner.errors import TaskFileError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)
REFUSED = {
    "a: on": r"^t\.yaml:1: a word that some YAML readers take .* but got 'on'\. Write true or false, or",
    "a: [No]": r"^t\.yaml:1: a word that some YAML readers take for true or false",
    "b: 1\nyes: 1": r"^t\.yaml:2: a word that some YAML readers take for true or false .*, but got 'yes'",
    "a: .inf": r"^t\.yaml:1: a number must be finite, but got '\.inf'",
    "a: -.Inf": r"^t\.yaml:1: a number must be finite",
    "a: .nan": r"^t\.yaml:1: a number must be finite",
    "a: 1e999": r"^t\.yaml:1: a number must be finite, but got '1e999'",
    "a: 9223372036854775808": r"^t\.yaml:1: a whole number must fit into 64 bits",
    f"a: {'9' * 5000}": r"^t\.yaml:1: a whole number must fit into 64 bits",
    "a: 1\nb: 2\na: 3": r"^t\.yaml:3: a key must occur once in its mapping, but got 'a'\. Remove one",
    "a: {b: 1, b: 2}": r"^t\.yaml:1: a key must occur once in its mapping, but got 'b'",
    "8: a": r"^t\.yaml:1: a key must be text, but got 8\. Put it in quotes\.",
    "[a]: a": r"^t\.yaml:1: a key must be text, but got \['a'\]",
    "a: &a {b: 1}\nc:\n  <<: *a": r"^t\.yaml:3: merge keys are not supported, but got '<<'\. Write the",
    "a: !!python/object/apply:os.system [x]": r"^t\.yaml:1: a value must carry no tag, but got 'tag:.*python",
    "a: !mine x": r"^t\.yaml:1: a value must carry no tag, but got '!mine'\. Remove the tag",
    "a: !!binary aGk=": r"^t\.yaml:1: a value must carry no tag",
    "a: !!set {x}": r"^t\.yaml:1: a value must carry no tag",
    "a: !!int x": r"^t\.yaml:1: a value tagged int must be one, but got 'x'",
    "a: !!bool 1": r"^t\.yaml:1: a value tagged bool must be one",
    "": r"^t\.yaml: a YAML value must be there, but got 'nothing'",
    "# only a comment": r"^t\.yaml: a YAML value must be there",
    "- a\n- b": r"^t\.yaml:1: the file must hold a mapping, but got \['a', 'b'\]\. Write `key: value` lines",
    "text": r"^t\.yaml:1: the file must hold a mapping, but got 'text'",
    "a: 1\n---\nb: 2": r"^t\.yaml:2:1: the file must hold one document\. Remove the second `---`",
    "a:\n\tb: 1": r"^t\.yaml:2:1: the file must be YAML, but got .*Indent with spaces, not with tabs\.",
    "a: b: c": r"^t\.yaml:1:5: the file must be YAML, but got 'mapping values are not allowed here'\. Indent",
    "a: [1, 2": r"^t\.yaml:1:9: the file must be YAML, but got",
    "a: *b": r"^t\.yaml:1:4: the file must be YAML, but got \"found undefined alias 'b'\"",
    "a: &x [*x]": r"^t\.yaml:1: an alias must not contain itself",
    "b: 1\na: \x07": r"^t\.yaml:2: text must have no control characters",
    'b: 1\na: "\\UFFFFFFFF"': r"^t\.yaml:2: the file must be YAML, but got 'a number out of range'",
    'a: "\\uD800"': r"^t\.yaml:1: text must have no NUL and no half of a surrogate pair",
    'a: "\\0"': r"^t\.yaml:1: text must have no NUL",
    "a: " + "[" * 60 + "]" * 60: r"^t\.yaml:1:53: the file must be YAML, but got 'found more than 50 lev",
    "a: [" + "x," * 30_000 + "]": r"^t\.yaml:1:\d+: the file must be YAML, but got 'found more than 20000 v",
    BOMB: r"^t\.yaml:\d+: the file must have at most 20000 values, aliases expanded\. Use fewer aliases\.",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:25])
def test_refused(text: str) -> None:
    """What is not plain, unambiguous YAML is refused in one line with place, rule, value and fix."""
    with pytest.raises(TaskFileError, match=REFUSED[text]) as caught:
        parse_yaml(text, "t.yaml")
    assert "\n" not in str(caught.value)


def test_deep_aliases_are_refused() -> None:
    """Nesting that only aliases make deep is refused too."""
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
    with pytest.raises(TaskFileError, match="nesting must be at most 50 deep"):
        parse_yaml(text, "t.yaml")


def test_alias_bomb_is_refused_at_once() -> None:
    """An alias bomb is refused in less than a second."""
    start = time.perf_counter()
    with pytest.raises(TaskFileError):
        parse_yaml(BOMB, "t.yaml")
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1e+3", 1e3),
        ("1E5", 1e5),
        (".5", 0.5),
        ("2.", 2.0),
        ("-0.25", -0.25),
        ("0x1F", 31),
        ("0o17", 15),
        ("010", 10),
        ("+7", 7),
        ("-7", -7),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("'on'", "on"),
        ("y", "y"),
        ("N", "N"),
        ("[y]", ["y"]),
        ("{x: n, y: 1}", {"x": "n", "y": 1}),
        ("!!str no", "no"),
        ("!!float 3", 3.0),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1h30m", "1h30m"),
        ("<<", "<<"),
        ("[]", []),
        ("{}", {}),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """Plain scalars get the types of the YAML 1.2 core schema."""
    read = parse_yaml(f"a: {text}", "t.yaml").value["a"]
    assert read == value
    assert type(read) is type(value)


def test_places() -> None:
    """Every key path has its line; an unknown one has the line of its longest known part."""
    document = parse_yaml("a:\n  b: 1\n  c:\n    - 1\n    - d: 2\ne: 3", "t.yaml")
    lines = {("a",): 1, ("a", "b"): 2, ("a", "c", 1): 5, ("a", "c", 1, "d"): 5, ("e",): 6}
    assert {key: document.place(key) for key in lines} == {key: f"t.yaml:{line}" for key, line in lines.items()}
    assert document.place(("a", "b", "x", "y")) == "t.yaml:2"
    assert document.place(("z",)) == "t.yaml:1"


def test_part() -> None:
    """A part is a document of its own, empty when its key is missing."""
    document = parse_yaml("x: 1\na:\n  b: 1\n", "t.yaml")
    assert document.part("a").value == {"b": 1}
    assert document.part("a").place(("b",)) == "t.yaml:3"
    assert document.part("z") == Document({}, "t.yaml", {(): "t.yaml:1"})


def test_files(tmp_path: Path) -> None:
    """A file is read as UTF-8, with or without a byte order mark."""
    path = tmp_path / "t.yaml"
    path.write_bytes("\ufeffa: ü".encode())
    assert read_yaml(path).value == {"a": "ü"}


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing file, a folder, a huge file and binary data are told by name."""
    with pytest.raises(TaskFileError, match=r"none\.yaml: cannot be read: no such file\."):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(TaskFileError, match=r"cannot be read: it is a folder\. Check the path"):
        read_yaml(tmp_path)
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(TaskFileError, match=r"big\.yaml: the file must have at most 1000000 bytes\. Put"):
        read_yaml(tmp_path / "big.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xfc")
    with pytest.raises(TaskFileError, match=r"latin\.yaml:2: the file must be UTF-8 text, but got b'\\xfc'\. Save"):
        read_yaml(tmp_path / "latin.yaml")
    (tmp_path / "mixed.yaml").write_bytes(b"\xef\xbb\xbfa: 1\nb: \xfc")
    with pytest.raises(TaskFileError, match=r"mixed\.yaml:2: the file must be UTF-8 text, but got b'\\xfc'\. Save"):
        read_yaml(tmp_path / "mixed.yaml")
    with pytest.raises(TaskFileError, match="cannot be read: no such file"):
        read_yaml(Path("a\0b"))


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text("abx:-{}[],&*!%<>|?#@=.'\"\\ \n\t\r015eUYAML~ü\0").map(str.encode)))
def test_any_bytes_give_a_document_or_a_message(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever is in the file, the reader answers with a document or with one line."""
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(read_yaml(path).value, dict)
    except TaskFileError as error:
        assert "fuzz.yaml" in error.where  # noqa: PT017 - either outcome is right
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - as above


def test_a_mistyped_file_is_answered_by_the_nearest_of_its_folder(tmp_path: Path) -> None:
    """One without a similar neighbour is not."""
    (tmp_path / "classification.yaml").write_text("a: 1")
    with pytest.raises(TaskFileError, match=r"no such file\. Did you mean '.*classification\.yaml'\?$"):
        read_yaml(tmp_path / "classificaton.yaml")
    with pytest.raises(TaskFileError, match=r"no such file\. Check the path\.$"):
        read_yaml(tmp_path / "speech.yaml")
