from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.announcements import Summary
from tuner.cli.ending import print_summary
from tuner.cli.tables import make_console
from tuner.cli.top_rows import print_rows
from tuner.cli.wrapping import cells, command, headline, wrapped

WORDS = st.lists(st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=12), min_size=1)


@settings(deadline=None)
@given(WORDS, st.integers(12, 60), st.sampled_from(["", "  "]))
def test_lines_fit_and_lose_nothing(words: list[str], width: int, indent: str) -> None:
    """A line is longer than the width only where it is one piece; all words are there, in their order."""
    text = " ".join(word.replace("`", "'") for word in words)
    told = wrapped(text, width, indent=indent)
    assert told.split() == text.split()
    for line in told.splitlines():
        assert cells(line) <= width or len(line.split()) == 1


def test_what_stands_in_backticks_stays_in_one_line() -> None:
    """It is copied."""
    told = wrapped("tells all: `python -m tuner list cells` lists 18.", 30)
    assert told == "tells all:\n`python -m tuner list cells`\nlists 18."
    assert wrapped("  a b", 4, later="    ") == "  a\n      b"
    assert wrapped("a b " * 99, None) == ("a b " * 99).rstrip()


@pytest.mark.parametrize("width", [30, 40, 60, 200])
def test_a_command_can_be_pasted(width: int) -> None:
    """What a shell makes of the lines is what it makes of the command; options keep their values."""
    text = "python -m tuner run 'my task.yaml' --set space.learning_rate.low=1e-4 --fresh --set budget.trials=10"
    told = command(text, width)
    assert shlex.split(told.replace("\\\n", " ")) == shlex.split(text)
    assert all(line.endswith(" \\") for line in told.splitlines()[:-1])
    assert "--set budget.trials=10" in told
    assert (len(told.splitlines()) == 1) == (width == 200)


def test_a_headline_ends_with_a_clause_or_is_cut_between_words() -> None:
    """Whole where it fits; never longer than the room."""
    text = "LSTM with layer normalization, the strongest stabilizer; not for one input feature"
    assert headline(text, None) == headline(text, 200) == text
    assert headline(text, 60) == "LSTM with layer normalization, the strongest stabilizer"
    assert headline(text, 40) == "LSTM with layer normalization, the…"
    assert all(cells(headline(text, room)) <= room for room in range(5, 90))


@pytest.mark.parametrize("shown", [True, False])
def test_all_is_true_of_every_row_that_is_shown(capsys: pytest.CaptureFixture[str], shown: bool) -> None:
    """Also of the baseline, which is no trial; where it has another cell, each row names its own."""
    row = {"state": "COMPLETED", "value": 0.5, "epochs": 1, "seconds": 1.0, "findings": []}
    row |= {"reason": "", "repairs": None, "winner": False}
    params = {"cell": "gru", "optimizer": "adamw"}
    trials = [{**row, "kind": "trial", "number": number, "params": params} for number in range(2)]
    baseline = {**row, "kind": "confirm", "number": -1, "params": {**params, "cell": "lstm"}}
    print_rows("x", [*[baseline] * shown, *trials])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == ("all: optimizer adamw" if shown else "all: cell gru, optimizer adamw")
    assert sum("cell gru" in line for line in lines) == (2 if shown else 1)


def test_nothing_is_broken_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence is a line and a row is a line, however long: what is piped is searched line by line."""
    why = f"RuntimeError: {'the data is not there, and ' * 20}that is that"
    row = {"kind": "trial", "number": 3, "state": "FAILED", "value": None, "epochs": 0, "seconds": 1.0, "findings": []}
    print_rows("x", [{**row, "params": {"cell": "gru"}, "reason": why, "repairs": None, "winner": False}])
    verdict = {"use": "use trial 3.", "good": f"accuracy 90 % {why}", "sentence": "", "beats": True}
    summary = Summary("study x", "val/loss", "test/loss", verdict=verdict, sentences=[f"also, {why}"])
    print_summary(summary, make_console())
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith(why) for line in lines) == 3
