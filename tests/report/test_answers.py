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
from tuner.reporting.per_class import as_csv, per_class

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


def _with_answers(folder: Path, answers: dict[str, object], name: str = "answers") -> str:
    study = MadeUp(trials=6, states=(), confirmed=1).write(folder)
    path = study.events("test")
    *before, last = (json.loads(line) for line in path.read_text().splitlines())
    last["results"][name] = dict.fromkeys(last["results"]["test"], answers)
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
    assert len(re.findall("forecast of load with the true values", page)) == 2


def test_the_page_shows_which_series_are_forecast_worst_and_best(tmp_path: Path) -> None:
    """The ends of many, and the error by step ahead; a score that is not finite is of none."""
    series: list[list[object]] = [["series", f"s{number}", "y", 2, 1.0, number / 7] for number in range(12)]
    rows = [["all", "", "", 24, 1.0, 0.8], ["step", "1", "", 24, 1.0, 0.25], ["step", "2", "", 24, 1.0, 0.75], *series]
    rows.append(["series", "odd", "y", 2, None, None])
    columns = ["part", "name", "channel", "windows", "mse", "mase"]
    page = _with_answers(tmp_path / "p", {"columns": columns, "rows": rows}, "tables")
    assert "mase by step ahead, from 0.25 to 0.75" in page
    told = page.partition("Which series does it forecast worst, and best?")[2].partition("</table>")[0]
    assert re.findall(r"<td>(s\d+|odd)</td>", told) == [f"s{at}" for at in (11, 10, 9, 8, 7, 4, 3, 2, 1, 0)]
    assert "<td>1.571</td>" in told
    assert "the ends of 12" in page


@pytest.mark.parametrize(("row", "told"), [(["all"], ""), (["all", 1], "a cell per column")])
def test_a_table_that_is_not_rectangular_is_refused(row: list[object], told: str) -> None:
    """As every event that is not as it was written."""
    fields = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": None, "seconds": 1.0, "step": 0, "trace": ""}
    tables = {"tables": {"confirm/00001-1": {"columns": ["part"], "rows": [row]}}}
    found = misfit({"event": "ended", "time": 1.0, **fields, "results": tables})
    assert told in found
    assert bool(told) is bool(found)


def test_the_page_shows_how_well_each_type_is_found(tmp_path: Path) -> None:
    """Precision, recall, F1 and items of each, with a dash where nothing can be said."""
    told = {"types": ["city", "<b>day"], "right": [3, 0], "predicted": [4, 0], "true": [6, 1]}
    page = _with_answers(tmp_path / "t", told)
    assert "<tr><td>city</td><td>0.750</td><td>0.500</td><td>0.600</td><td>6</td></tr>" in page
    assert "<tr><td>&lt;b&gt;day</td><td>-</td><td>0.000</td><td>0.000</td><td>1</td></tr>" in page


def test_the_page_shows_what_is_misheard(tmp_path: Path) -> None:
    """Word by word, with the kind of each error, and the most frequent in words; names as text."""
    words = [("one", "one", 0.1), ("<b>two", "ten", 0.52), ("six", "", None), ("", "oh", 0.9)]
    places = [
        {"said": said, "heard": heard, "at": at, "until": None if at is None else at + 0.2} for said, heard, at in words
    ]
    earlier = [{name: place[name] for name in ("said", "heard", "at")} for place in places]
    told = {
        "utterances": [{"errors": 3, "words": places}, {"errors": 3, "words": earlier}],
        "confusions": [
            {"said": said, "heard": heard, "count": count}
            for said, heard, count in (("<b>two", "ten", 4), ("six", "", 2), ("", "oh", 1))
        ],
        "recordings": 9,
        "faultless": 7,
    }
    page = _with_answers(tmp_path / "m", told)
    errors = "&lt;b&gt;two taken for ten (4), six not heard (2), oh heard beside it (1)"
    assert f"7 of 9 recordings without an error. The most frequent errors: {errors}." in page
    shown = page.partition('<table class="aligned">')[2].partition("</table>")[0]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", shown) == [
        *("one", "&lt;b&gt;two", "six", "-"),
        *("one", "ten", "-", "oh"),
        *("0.10 s", "substituted", "deleted", "inserted"),
    ]
    assert "3 errors" in shown
    (picture,) = re.findall(r'<svg[^>]*aria-label="when 3 words were heard".*?</svg>', page)
    assert re.findall(r"<title>(.*?)</title>", picture) == [
        "one, 0.10 to 0.30 s",
        "ten, 0.52 to 0.72 s: substituted for &lt;b&gt;two",
        "oh, 0.90 to 1.10 s: inserted",
    ]
    bars = [[float(cell) for cell in bar] for bar in re.findall(r'<rect x="([^"]*)" y="34" width="([^"]*)"', picture)]
    second = (bars[2][0] - bars[0][0]) / 0.8
    assert [width / second for _, width in bars] == pytest.approx([0.2] * 3, abs=0.01)


def test_scores_of_classes_follow_from_the_matrix() -> None:
    """As scikit-learn counts them."""
    from sklearn.metrics import precision_recall_fscore_support

    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    found = _confused(truth.tolist(), predicted.tolist(), sure=[1.0] * 60, classes=CLASSES)
    assert found is not None
    wanted = precision_recall_fscore_support(truth, predicted)
    told = per_class({"classes": found.classes, "counts": found.counts})
    np.testing.assert_allclose(np.asarray([one[1:] for one in told]).T, np.asarray(wanted))
    assert as_csv(told).splitlines()[0] == "class,precision,recall,F1,items"
    assert per_class({}) == per_class({"windows": []}) == []


@pytest.mark.parametrize(
    "answers",
    [
        {"types": ["a"], "right": [1], "predicted": [1], "true": []},
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
