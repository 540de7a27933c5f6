"""What a test run records of the winner's answers, and what the page shows of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.reported import MadeUp
from tuner.adapters.base import Batch
from tuner.adapters.shown import Confused
from tuner.adapters.shown_classes import MOST_CLASSES, confused
from tuner.disk.event_forms import misfit
from tuner.report import read_study, render

CLASSES = ["low", "high", "<b>odd"]


def _confused(truth: list[int], predicted: list[int], *, sure: list[float], classes: list[str]) -> Confused | None:
    """Two batches of items, of which the second has lengths of its own."""
    logits = torch.zeros(len(truth), len(classes))
    for row, (answer, margin) in enumerate(zip(predicted, sure, strict=True)):
        logits[row, answer] = margin
    x = torch.arange(len(truth)).float()[:, None, None].repeat(1, 4, 1)
    half = len(truth) // 2

    def batch(part: slice, lengths: Tensor | None) -> Batch:
        return Batch(x[part], lengths, torch.tensor(truth[part]))

    rest = len(truth) - half
    batches = [batch(slice(half), None), batch(slice(half, None), torch.full((rest,), 2))]
    return confused(classes, [logits[:half], logits[half:]], batches, lambda item: {"text": str(item.ravel().tolist())})


def test_confusions_are_counted_and_the_surest_mistakes_are_named_first() -> None:
    """A row per truth, a column per answer; an item comes without its padding."""
    found = _confused([0, 0, 1, 2], [0, 1, 1, 0], sure=[1.0, 1.0, 1.0, 5.0], classes=CLASSES)
    assert found is not None
    assert np.array_equal(found.counts, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])
    assert [(one["truth"], one["predicted"], one["text"]) for one in found.wrong] == [
        ("<b>odd", "low", "[3.0, 3.0]"),
        ("low", "high", "[1.0, 1.0, 1.0, 1.0]"),
    ]
    assert found.wrong[0]["probability"] == pytest.approx(float(torch.tensor([5.0, 0, 0]).softmax(0)[0]))


def test_too_many_classes_are_not_shown() -> None:
    """A matrix that nobody could read is not recorded."""
    classes = [str(number) for number in range(MOST_CLASSES + 1)]
    assert _confused([0, 1], [0, 1], sure=[1.0, 1.0], classes=classes) is None


def _with_answers(folder: Path, answers: dict[str, object]) -> str:
    study = MadeUp(trials=6, states=(), confirmed=1).write(folder)
    path = study.events("test")
    *before, last = (json.loads(line) for line in path.read_text().splitlines())
    last["results"]["answers"] = dict.fromkeys(last["results"]["test"], answers)
    path.write_text("".join(json.dumps(each) + "\n" for each in [*before, last]))
    return render([read_study(study)])


def test_the_page_shows_matrix_and_mistakes(tmp_path: Path) -> None:
    """With the most frequent confusion in words, and names as text."""
    wrong = {"truth": "<b>odd", "predicted": "low", "probability": 0.97, "text": "a <i>text", "series": {}}
    page = _with_answers(
        tmp_path / "a", {"classes": CLASSES, "counts": [[5, 1, 0], [0, 7, 0], [2, 0, 3]], "wrong": [wrong]}
    )
    assert "15 of 18 items right. Most often &lt;b&gt;odd is taken for low (2 times)." in page
    assert "a &lt;i&gt;text" in page
    assert page.count("<rect x=") - page.count('class="bar') >= 9
    assert "<b>odd" not in page


def test_the_page_shows_forecasts_beside_what_came(tmp_path: Path) -> None:
    """One picture per window; a step that was not read is left out."""
    window = {"channel": "load", "before": [1.0, 2.0], "truth": [3.0, None, 5.0], "forecast": [2.5, 3.0, 4.0]}
    page = _with_answers(tmp_path / "f", {"windows": [window, window]})
    assert len(re.findall("forecast of load beside what came", page)) == 2


@pytest.mark.parametrize(
    "answers",
    [
        {"classes": ["a", "b"], "counts": [[1, 2], [3]]},
        {"classes": ["a", "b"], "counts": [[1, 2]]},
        {"wrong": [{"truth": 1, "predicted": "a", "probability": 0.5}]},
        {"windows": [{"channel": "c", "truth": "no", "forecast": []}]},
    ],
)
def test_answers_of_another_form_are_refused(answers: dict[str, object]) -> None:
    """As every event that is not as it was written."""
    fields = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": None, "seconds": 1.0, "step": 0, "trace": ""}
    event = {"event": "ended", "time": 1.0, **fields, "results": {"answers": {"confirm/00001-1": answers}}}
    assert "answers" in misfit(event)
