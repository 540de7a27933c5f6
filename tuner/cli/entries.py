"""The output of `list` and `explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from tuner.cli.explaining import Story
from tuner.cli.wrapping import cells, columns, headline, pointed, say


def print_names(entries: Sequence[tuple[str, str]], hint: str = "") -> None:
    """Print a line per entry: its name and the beginning of its summary.

    Args:
        entries: Name and summary.
        hint: A line printed below on a terminal only.
    """
    width, longest = columns(), max((cells(name) for name, _ in entries), default=0)
    for name, summary in entries:
        room = None if width is None else width - longest - 2
        click.echo(f"{name}{' ' * (longest - cells(name))}  {headline(summary, room)}".rstrip())
    if width is not None and hint:
        click.echo()
        say(hint)


def print_story(story: Story) -> None:
    """Print the description of one thing."""
    say(f"{story['name']}: {_article(story['kind'])}")
    say(_sentence(story["summary"]), indent="  ")
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
        say(f"its {story['called']}s:")
        for field in story["parameters"]:
            _print_field(field, "  ")


def _print_parameter(story: Story) -> None:
    _fact("source", story["source"])
    for use in story["uses"]:
        click.echo()
        say(f"with {_owners(use)}:")
        if use["meaning"] != story["summary"]:
            say(use["meaning"], indent="  ")
        _fact("allowed", use["legal"])
        _fact("default", use["default"])
        _fact("acts", "always" if not story["needs"] else f"only with {' and '.join(story['needs'])}")
        _fact(
            "source", use["source"] if use["of"] in ("cell", "optimizer", "schedule") and len(use["with"]) == 1 else ""
        )
    click.echo()
    if not story["spaces"]:
        say("no ready search space has it; `space:` in a task file adds it.")
        return
    say("in ready search spaces:")
    for space in story["spaces"]:
        _print_range(space["space"], space)


def _print_file(story: Story) -> None:
    _fact("asked for by", story["chosen"])
    click.echo(pointed("  file:", story["path"], columns()))
    if story.get("searched"):
        click.echo()
        say("it searches:")
    for each in story.get("searched", ()):
        _print_range(each["name"], each)
    width, lines = columns(), story["text"].rstrip().splitlines()
    if width is None or max(map(cells, lines)) <= width:
        click.echo()
        click.echo("\n".join(lines))


def _print_range(name: str, found: Mapping[str, str]) -> None:
    when = f", with {found['when']}" if found["when"] else ""
    say(f"{name}: {found['range']}{when}", indent="  ", later="    ")


def _print_field(field: Mapping[str, str], indent: str) -> None:
    default = f"; default {field['default']}" if field["default"] else ""
    say(f"{field['name']}: {field['legal']}{default}", indent=indent, later=f"{indent}  ")
    say(field["meaning"], indent=f"{indent}  ")


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
        say(f"{name}: {value}", indent="  ", later="    ")
