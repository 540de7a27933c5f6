"""The page in a browser: nothing asked for, nothing refused, all parts seen, at two widths and in a sandbox."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser, missing_programs
from tests.support.reported import MadeUp, Timed
from tuner.report import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_programs()), reason=f"needs a browser: {missing_programs()} is not installed"),
]
SECTIONS = ["verdict", "seeds", "table", "curves", "mattered", "problems", "time", "winner", "repeat", "glossary"]


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study with trials in every state."""
    return write_report(MadeUp().write(tmp_path_factory.mktemp("shown") / "vowels"))


@pytest.mark.parametrize("width", [1600, 900])
def test_every_part_is_seen(window: Browser, page: Path, width: int) -> None:
    """No script error, nothing refused by the policy, no request but the file; all parts fit into the window."""
    window.complaints(), window.asked_for()
    window.open(page.as_uri(), width)
    assert window.complaints() == []
    assert window.asked_for() == [page.as_uri()]
    heights = window.run("return [...document.querySelectorAll('section')].map(e => [e.id, e.offsetHeight])")
    assert [name for name, height in heights if height > 40] == SECTIONS
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    assert window.run("return [...document.querySelectorAll('svg[role=img]')].every(e => e.clientWidth > 200)")


def test_a_click_on_a_heading_sorts(window: Browser, page: Path) -> None:
    """Once up, once down; trials without a number stay last."""
    window.open(page.as_uri(), 1600)
    head = "document.querySelectorAll('.trials th button')[3]"
    column = "[...document.querySelectorAll('.trials tbody tr')].map(row => Number(row.cells[3].textContent))"
    up = window.run(f"{head}.click(); return {column}")
    assert up == sorted(up)
    assert window.run(f"{head}.click(); return {column}") == sorted(up, reverse=True)
    assert window.run(f"return {head}.parentNode.getAttribute('aria-sort')") == "descending"


def test_a_trial_is_marked_in_every_picture(window: Browser, page: Path) -> None:
    """A click on its number in the table keeps it marked; Escape lets go."""
    window.open(page.as_uri(), 1600)
    window.run("document.querySelector('.trials tr.chosen button').click()")
    marked = window.run("return [...document.querySelectorAll('.hl')].map(e => e.closest('section').id)")
    assert {"table", "curves", "mattered", "time"} <= set(marked)
    window.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    assert window.run("return document.querySelectorAll('.hl').length") == 0


def test_a_line_tells_its_configuration(window: Browser, page: Path) -> None:
    """Where it is pointed at."""
    window.open(page.as_uri(), 1600)
    over = "new PointerEvent('pointerover', {bubbles: true, clientX: 300, clientY: 300})"
    window.run(f"document.querySelector('#curves path.line').dispatchEvent({over})")
    assert "learning_rate" in window.run("return document.getElementById('tip').textContent")


def test_it_works_in_a_sandbox(window: Browser, page: Path, tmp_path: Path) -> None:
    """As MLflow shows an artifact: in a frame that may run scripts, and nothing else."""
    frame = tmp_path / "frame.html"
    source = html.escape(page.read_text(), quote=True)
    frame.write_text(f'<iframe sandbox="allow-scripts" width="1200" height="900" srcdoc="{source}"></iframe>')
    window.complaints()
    window.open(frame.as_uri(), 1600)
    assert window.complaints() == []


def test_a_thousand_trials_open(window: Browser, thousand: Timed) -> None:
    """Without a script error or a request, and a click on a heading sorts them."""
    window.complaints(), window.asked_for()
    window.open(thousand.page.as_uri(), 1600)
    assert window.complaints() == []
    assert window.asked_for() == [thousand.page.as_uri()]
    first = "document.querySelector('.trials tbody tr').cells[0].textContent"
    assert window.run(f"document.querySelector('.trials th button').click(); return {first}") == "0"


def test_the_contents_stay_in_one_line_of_a_narrow_frame(window: Browser, page: Path) -> None:
    """As wide as MLflow's pane of an artifact: they are seen while the page is scrolled, and hide little of it."""
    window.open(page.as_uri(), 600, 700)
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    box = "const box = document.querySelector('nav').getBoundingClientRect(); return [box.top, box.height]"
    scrolled = f"document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, 3000); {box}"
    top, height = window.run(scrolled)
    assert top == 0
    assert height < 60
    link = "document.querySelector('nav a[href=\"#glossary\"]')"
    reached = "return document.getElementById('glossary').getBoundingClientRect().top"
    assert window.run(f"{link}.click(); {reached}") < 700
