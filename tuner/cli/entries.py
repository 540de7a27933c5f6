"""What `list` and `explain` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from tuner.cli.explaining import Story
from tuner.cli.wrapping import cells, columns, headline, wrapped


def print_names(entries: Sequence[tuple[str, str]], hint: str = "") -> None:
    """A line per entry: its name, and the beginning of what it is.

    Args:
        entries: Name and summary.
        hint: What a person is told below; not where a program reads.
    """
    width, longest = columns(), max((cells(name) for name, _ in entries), default=0)
    for name, summary in entries:
        room = None if width is None else width - longest - 2
        click.echo(f"{name}{' ' * (longest - cells(name))}  {headline(summary, room)}".rstrip())
    if width is not None and hint:
        click.echo()
        _say(hint)


def print_story(story: Story) -> None:
    """All about one thing."""
    _say(f"{story['name']}: {_article(story['kind'])}")
    _say(_sentence(story["summary"]), "  ")
    if "uses" in story:
        _print_parameter(story)
    elif "text" in story:
        _print_file(story)
    else:
        _print_entry(story)


def _print_entry(story: Story) -> None:
    _fact("source", story["source"])
    _fact("asked for by", story.get("chosen", ""))
    _fact("allowed", story.get("legal", ""))
    _fact("default", story.get("default", ""))
    if "spaces" in story:
        _fact("a choice in", ", ".join(story["spaces"]) or "no ready search space")
    if story.get("parameters"):
        click.echo()
        _say(f"its {story['called']}s:")
        for field in story["parameters"]:
            _print_field(field, "  ")


def _print_parameter(story: Story) -> None:
    _fact("source", story["source"])
    for use in story["uses"]:
        click.echo()
        _say(f"with {_owners(use)}:")
        if use["meaning"] != story["summary"]:
            _say(use["meaning"], "  ")
        _fact("allowed", use["legal"])
        _fact("default", use["default"])
        _fact("acts", "always" if not story["needs"] else f"only with {' and '.join(story['needs'])}")
        _fact(
            "source", use["source"] if use["of"] in ("cell", "optimizer", "schedule") and len(use["with"]) == 1 else ""
        )
    click.echo()
    if not story["spaces"]:
        _say("no ready search space has it; `space:` in a task file adds it.")
        return
    _say("in ready search spaces:")
    for space in story["spaces"]:
        when = f", with {space['when']}" if space["when"] else ""
        _say(f"{space['space']}: {space['range']}{when}", "  ", "    ")


def _print_file(story: Story) -> None:
    _fact("asked for by", story["chosen"])
    _say("the file:", "  ")
    click.echo(f"  {story['path']}")
    click.echo()
    click.echo(story["text"].rstrip())


def _print_field(field: Mapping[str, str], indent: str) -> None:
    default = f"; default {field['default']}" if field["default"] else ""
    _say(f"{field['name']}: {field['legal']}{default}", indent, f"{indent}  ")
    _say(field["meaning"], f"{indent}  ")


def _owners(use: Mapping[str, Any]) -> str:
    if use["of"] in ("network", "training", "regularizer"):
        return "every network" if use["of"] == "regularizer" else str(use["with"][0])
    return f"{use['of']} {', '.join(use['with'])}"


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def _fact(name: str, value: str) -> None:
    if value:
        _say(f"{name}: {value}", "  ", "    ")


def _say(text: str, indent: str = "", later: str | None = None) -> None:
    click.echo(wrapped(text, columns(), indent=indent, later=later))
