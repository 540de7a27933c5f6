from __future__ import annotations

import html
import json
import logging
import re
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.support.program import Program
from tests.support.tiny import write_task
from tuner import redaction
from tuner.announcements import Notice
from tuner.cli.console import JsonLines, Lines
from tuner.config.kept import without_secrets
from tuner.disk import events
from tuner.errors import UserError
from tuner.redaction import redacted, redacting, remember

ROOT = Path(__file__).resolve().parents[1]
URLS = ("postgresql://me:{}@host:5432/db", "https://me:{}@host/x?sslmode=on", "http://host:5000/?api-key={}&timeout=3")
PASSWORDS = st.text(st.sampled_from("aZ9\"'/<>%@:#?&=é ö{}[]()|\\$;,._-~`!*+^"), min_size=8, max_size=24).filter(
    lambda password: sum(map(str.isalnum, password)) >= 2 and not password.isspace()
)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret of another test, and none stays."""
    monkeypatch.setattr(redaction, "_known", set())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:p@ss@host:1/db", "postgresql://…@host:1/db"),
        ("sqlite:////a@b/c.db", "sqlite:////a@b/c.db"),
        ("study: 'postgresql://me:secret@h/d' # mine@home", "study: 'postgresql://…@h/d' # mine@home"),
        ("postgresql://h/d?user=me&password=secret&sslmode=on", "postgresql://h/d?user=…&password=…&sslmode=on"),
        ("https://tok3n@host/x?access_token=abc", "https://…@host/x?access_token=…"),
        ("http://me:a'b\"c/d<e%40f@host/x", "http://…@host/x"),
        ("(see http://h/x?api-key=1&sig=a/b&pwd=c&timeout=3).", "(see http://h/x?api-key=…&sig=…&pwd=…&timeout=3)."),
        ('{"uri": "http://u:p@h?x=1"}', '{"uri": "http://…@h?x=…"}'),
        ("http://a:b@c,http://d:e@f", "http://…@c,http://…@f"),
        ("http://u:p?w@host/db", "http://…@host/db"),
        ("http://h/cb#access_token=abc", "http://h/cb#access_token=…"),
        ("host=h password='a b' user=x", "host=h password='…' user=x"),
        ("Authorization: Basic bWU6c2VjcmV0", "Authorization: Basic …"),
        ("https://medium.com/@someone/a-post", "https://medium.com/@someone/a-post"),
        ("http://host/#/experiments/1", "http://host/#/experiments/1"),
        (
            "http://h/#/x/1/runs?workflowType=machine_learning&viewStateShareKey=leaderboard&key=1",
            "http://h/#/x/1/runs?workflowType=machine_learning&viewStateShareKey=leaderboard&key=…",
        ),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("the token 'cat' is unknown; tokens: 17", "the token 'cat' is unknown; tokens: 17"),
        ("got 'http:/me:secret@host/x'.", "got 'http:/…@host/x'."),
        ("http//me:secret@host:5000", "http//…@host:5000"),
        ("folder=me:secret@host/db", "folder=…@host/db"),
        ("mail someone@host: at 12:30 @home", "mail someone@host: at 12:30 @home"),
        ("environ({'DB_PASSWORD': 'hunter', 'PWD': '/home'})", "environ({'DB_PASSWORD': '…', 'PWD': '/home'})"),
        ('{"api-key": "a b"}', '{"api-key": "…"}'),
        ("AccountName=x;AccountKey=aB3/==;", "AccountName=x;AccountKey=…;"),
    ],
)
def test_logins_and_passwords_are_left_out(text: str, shown: str) -> None:
    """A URL in a text keeps its host and loses its login; a query loses all but what is known to be harmless."""
    assert redacted(text) == shown


@settings(max_examples=200, deadline=None)
@given(
    password=PASSWORDS, url=st.sampled_from(URLS), encode=st.sampled_from([quote, lambda each: quote(each, safe="")])
)
def test_a_url_in_a_text_tells_no_password(password: str, url: str, encode: Callable[[str], str]) -> None:
    """Where it is written as URLs are, no more than the pattern is needed, whatever is around it."""
    written = url.format(encode(password).replace("/", "%2F"))
    for text in (written, f"no answer from {written}: refused", f"'{written}'", f"<{written}>", repr({"uri": written})):
        shown = redacted(text)
        for form in (password, quote(password), quote(password, safe="")):
            assert form not in shown, (text, shown)


def wrapped(url: str, password: str) -> Iterator[str]:
    """What programs make of a URL that they cannot use, and of a password alone."""
    decoded = unquote(url)
    for form in (url, decoded, url.lower() if "%" in url else url):
        yield f"cannot connect to {form}"
        yield json.dumps({"error": form})
        yield json.dumps({"error": form}, ensure_ascii=False)
        yield repr(form)
        yield yaml.safe_dump({"uri": form}, allow_unicode=True, width=10_000)
        yield f"<p>{html.escape(form)}</p>"
    for form in (password, unquote(password), quote(password), quote(password, safe=""), quote_plus(password)):
        yield f'invalid port "{form}" in connection string'
        yield f"FATAL: no user with {form}, try again"


@settings(max_examples=200, deadline=None)
@given(password=PASSWORDS, url=st.sampled_from(URLS), encoded=st.booleans())
@example(password="Gruffalo7@", url=URLS[0], encoded=False)
@example(password="@9999999", url=URLS[2], encoded=False)
def test_a_known_password_is_found_however_it_is_written(password: str, url: str, encoded: bool) -> None:
    """Raw, decoded, encoded, in JSON, YAML, HTML, Python; with the URL or alone."""
    if "api-key" in url and not encoded:  # where a value ends, whatever was meant; and where a login may
        assume("&" not in password and not (password.startswith("@") and re.search("[/:?#]", password)))
    written = url.format(quote(password, safe="") if encoded else password)
    redaction._known.clear()
    remember(written)
    secret = password if encoded else unquote(password)
    for text in wrapped(written, password):
        shown = redacted(text)
        for form in {password, secret, quote(password, safe=""), json.dumps(password)[1:-1]}:
            if redaction._can_be_told_apart(form):
                assert form not in shown, (text, shown)


def test_a_message_shows_no_password() -> None:
    """Whatever value a user's mistake has, its line has no password, and no half of one where it is cut."""
    error = UserError("storage must be a folder or a URL", value="postgresq://me:secret@host/db", where="task.yaml:3")
    assert "secret" not in str(error)
    assert "postgresq://…@host/db" in str(error)
    long = UserError("no", value="postgresql://me:" + "S3cret" * 20 + "@host/db")
    assert "S3cret" not in str(long)


COPIED = """\
# the old one: postgresql://me:{raw}@host/old
tracking: {{uri: {single}}}
storage:
  study: {double}   # postgresql://me:{raw}@host/new
  folder: >-
    http://me:{raw}@host/folded
name: mine
"""


@settings(max_examples=100, deadline=None)
@example(password="99999?a=")
@given(password=PASSWORDS.filter(lambda each: not any(mark in each for mark in " #\\{}")))
def test_the_copy_of_a_task_file_tells_no_password(password: str) -> None:
    """In every style of YAML, in comments too; what is no secret stays, and it can be read."""
    redaction._known.clear()
    url = f"postgresql://me:{password}@host/db"
    text = COPIED.format(raw=password, single="'" + url.replace("'", "''") + "'", double=json.dumps(url))
    remember(url)
    kept = without_secrets(text)
    for form in {password, password.replace("'", "''"), json.dumps(password)[1:-1]}:
        assert form not in kept, kept
    told = yaml.safe_load(kept)
    assert told["name"] == "mine"
    assert told["storage"]["study"] == "postgresql://…@host/db"
    assert told["storage"]["folder"] == "http://…@host/folded"


def test_a_copy_without_secrets_is_the_file() -> None:
    """Byte for byte."""
    for path in sorted((ROOT / "tasks").rglob("*.yaml")):
        assert without_secrets(path.read_text()) == path.read_text()


def test_event_files_hold_no_secrets_and_keep_parameters(tmp_path: Path) -> None:
    """A reason, a trace, a URL anywhere; but a parameter's value that is some password stays."""
    remember("postgresql://me:Gruffalo7@host/db")
    path = tmp_path / "events.jsonl"
    events.append(
        path, "ended", reason="no route to Gruffalo7 on host", params={"cell": "Gruffalo7"}, trace="a\nGruffalo7 b"
    )
    event = json.loads(path.read_text())
    assert event["params"] == {"cell": "Gruffalo7"}
    assert (event["reason"], event["trace"]) == ("no route to … on host", "a\n… b")


def test_the_screen_tells_no_secrets() -> None:
    """Lines and JSON lines, which stay JSON; a traceback and a log through the stream."""
    url = "postgresql://me:Gruff'al\"o@host/db"
    remember(url)
    for show in (Lines, JsonLines):
        out = StringIO()
        show(out)(Notice(f"no answer from {url}, Gruff'al\"o"))
        assert "ruff" not in out.getvalue()
        if show is JsonLines:
            assert json.loads(out.getvalue())["sentence"] == "no answer from postgresql://…@host/db, …"
    out = StringIO()
    handler = logging.StreamHandler(redacting(out))
    try:
        int(url)
    except ValueError:
        handler.emit(logging.LogRecord("x", logging.ERROR, "", 0, "it failed", (), sys.exc_info()))
        traceback.print_exc(file=redacting(out))
    assert "ruff" not in out.getvalue()
    assert out.getvalue().count("postgresql://…@host/db") == 2


def test_secrets_of_the_environment_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their names, as those of MLflow, PostgreSQL, S3 and Ray are, and by the logins of their URLs."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:Snake%208@host")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:Tr0ub4dor@proxy:3128")
    assert redacted("Snake 8 and Snake%208 and Tr0ub4dor") == "… and … and …"
    names = [
        "MLFLOW_TRACKING_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "RAY_AUTH_TOKEN",
        "MY_DB_PWD",
        "x_secret",
    ]
    for name in names:
        monkeypatch.setenv(name, f"Gruff{name}7")
        assert redacted(f"got Gruff{name}7") == "got …"
    folder = "/home/me/P4per"
    monkeypatch.setenv("PWD", folder)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", folder)
    assert redacted(folder) == folder


@pytest.mark.parametrize(
    "text", ["http://x?a=" + ")" * 300_000, "a" * 300_000, "password=" * 40_000, "http://a" * 40_000]
)
@pytest.mark.timeout(60)
def test_long_texts_take_no_time_to_speak_of(text: str) -> None:
    """Hostile ones too: none is read more often than in proportion to its length."""
    redacted(text)


SECRETS = ("p'w<9/%40>Zq", 'x"Y7%2Fk@9w', "k3y-in-a-query+")
"""A tracking server's password, a database's, and the value of a query."""


def test_nothing_that_a_run_leaves_behind_holds_a_secret(tmp_path: Path) -> None:
    """A server that refuses, a database that is away: study folder, logs, both outputs, the task file's copy."""
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = f"http://me:{SECRETS[0]}@127.0.0.1:{port}/?api-key={SECRETS[2]}"
        database = f"postgresql://me:{SECRETS[1]}@127.0.0.1:{port}/db"
        path = write_task(
            tmp_path, trials=1, epochs=1, more=f"tracking: {{uri: {json.dumps(server)}}}\nconfirm: {{top: 0}}"
        )
        told = [run_tuner(tmp_path, "run", path.name, "--json")]
        told += [run_tuner(tmp_path, "run", path.name, "--set", f"storage.study={json.dumps(database)}")]
        told += [run_tuner(tmp_path, "validate", path.name, "--set", f"storage.study={database} x")]
    path.unlink()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "recording.log" for file in files)
    found = told + [file.read_bytes().decode(errors="replace") for file in files]
    for secret in SECRETS:
        for form in {
            secret,
            unquote(secret),
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            secret.replace("'", "''"),
        }:
            assert not [text for text in found if form in text], form


def run_tuner(folder: Path, *arguments: str) -> str:
    """What a command prints on both outputs."""
    output = Program(folder, *arguments).wait()
    assert "Traceback" not in output
    return output
