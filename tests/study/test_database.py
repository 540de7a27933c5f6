"""The study in a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest

from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.searches import SPACE, run
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.objective import Objective
from tuner.space import Space
from tuner.study import database
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.database import DatabaseStudies, rename_study
from tuner.study.search import Search

Open = Callable[..., Search]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.new_database()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens searches, and closes them after the test."""
    searches: list[Search] = []

    def open_search(url: str | None, *, name: str = "s", sampler: str = "tpe", **fields: Any) -> Search:
        searches.append(
            Search(
                StudyFolder(tmp_path / name),
                Space.parse(SPACE, lambda _: "space.yaml:1"),
                objective=Objective(),
                sampler=(sampler, SAMPLERS[sampler].options()),
                pruner=("asha", PRUNERS["asha"].options()),
                seed=7,
                database=url,
                **fields,
            )
        )
        return searches[-1]

    yield open_search
    for search in searches:
        search.close()


def test_a_study_is_the_same_in_a_database_as_in_a_journal(url: str, opened: Open) -> None:
    """Suggestions, states, values and rungs are equal; Optuna's own tools open the database by its URL."""
    here, there = opened(None), opened(url)
    for search in (here, there):
        run(search, 25)
        last = search.suggest()
        assert last is not None
        search.judge(last.number, 1, 0.25)
        search.tell(last.number, State.PRUNED, None, "cut")
        search.tell(last.number, State.FAILED, None, "late")  # changes nothing
    stored = [search.stored() for search in (here, there)]
    for left, right in zip(*stored, strict=True):
        assert left.params == right.params
        assert left.distributions == right.distributions
        assert (left.number, left.state, left.values, left.user_attrs) == (
            right.number,
            right.state,
            right.values,
            right.user_attrs,
        )
        assert left.intermediate_values == right.intermediate_values
    there.close()
    study = optuna.load_study(study_name="s", storage=url.replace("postgresql", "postgresql+psycopg"))
    assert len(study.trials) == 26
    assert study.trials[-1].state == optuna.trial.TrialState.PRUNED
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]


def test_a_running_trial_is_found_again(url: str, opened: Open) -> None:
    """A trial that was stored and not told is there, with all its parameters, when the study is opened again."""
    search = opened(url)
    run(search, 2)
    suggestion = search.suggest()
    search.close()
    again = opened(url)
    assert again.running() == [suggestion]
    assert again.told() == [0, 1]


def test_a_second_driver_is_refused_with_the_first_ones_process(url: str, opened: Open) -> None:
    """The lock is the database's: it holds between machines, ends with its holder, and is one per study."""
    search = opened(url)
    with pytest.raises(StudyError, match=rf"study s must not be in use .* 'process {os.getpid()} on .*'") as caught:
        _in_another_process(url)
    assert PASSWORD not in str(caught.value)
    opened(url, name="other")
    search.close()
    _in_another_process(url)


def _in_another_process(url: str) -> None:
    code = (
        "import sys; from tuner.study.database import DatabaseStudies, rename_study\n"
        "from tuner.errors import StudyError\n"
        "try: rename_study(sys.argv[1], 's', 's')\n"
        "except StudyError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StudyError(done.stderr.strip())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_server_that_goes_away_is_waited_for(
    postgres: PostgresServer, url: str, opened: Open, number: signal.Signals
) -> None:
    """Writes wait for the server; afterwards every trial is there, none twice, and the lock is held again."""
    told: list[str] = []
    search = opened(url, waiting=told.append)
    run(search, 3)
    suggestion = search.suggest()
    assert suggestion is not None
    postgres.stop(number)
    starter = threading.Timer(2.5, postgres.start)
    starter.start()
    began = time.monotonic()
    search.judge(suggestion.number, 1, 0.5)
    assert time.monotonic() - began > 2.0
    starter.join()
    assert told
    assert not any(PASSWORD in problem for problem in told)
    search.tell(suggestion.number, State.COMPLETED, 0.5, "")
    run(search, 2)
    with pytest.raises(StudyError, match="must not be in use"):
        _in_another_process(url)
    assert [trial.number for trial in search.stored()] == list(range(6))


def test_connections_that_break_at_any_moment_lose_and_double_nothing(
    postgres: PostgresServer, url: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its connection ended over and over, a search stores every trial once, with its state and value."""
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.02)
    search = opened(url, sampler="random", waiting=lambda _: None)
    stop = threading.Event()
    broken, told = 0, []

    def break_off() -> None:
        nonlocal broken
        with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
            while not stop.wait(0.2):
                ended = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tuner %'"
                ).fetchall()
                broken += len(ended)

    thread = threading.Thread(target=break_off)
    thread.start()
    try:
        while broken < 3:  # however fast the machine is
            told += run(search, 5)
    finally:
        stop.set()
        thread.join()
    search.close()
    trials = opened(url).stored()
    assert [trial.number for trial in trials] == list(range(len(told)))
    assert [trial.user_attrs["params"] for trial in trials] == [dict(suggestion.params) for suggestion in told]
    assert all(trial.state == optuna.trial.TrialState.COMPLETE for trial in trials)


def test_a_write_whose_confirmation_was_lost_is_not_doubled(url: str, opened: Open) -> None:
    """Storing a trial or telling it once more, as after a broken connection, changes nothing."""
    search = opened(url)
    (first,) = run(search, 1)
    trial = search.stored()[0]
    search.close()
    storage = DatabaseStudies(url, "s", waiting=lambda _: None, translate=lambda stored: stored)
    study = storage.get_study_id_from_name("s")
    assert storage.create_new_trial(study, template_trial=trial) == trial._trial_id
    storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL, None)
    storage.close()
    (only,) = opened(url).stored()
    assert (only.state, only.number) == (optuna.trial.TrialState.COMPLETE, first.number)


def test_waiting_can_be_broken_off(postgres: PostgresServer, url: str, opened: Open) -> None:
    """What the waiting function raises ends the wait: Ctrl+C works while the database is away."""

    def stop(problem: str) -> None:
        raise KeyboardInterrupt(problem)

    search = opened(url, waiting=stop)
    postgres.stop()
    try:
        with pytest.raises(KeyboardInterrupt):
            search.suggest()
    finally:
        postgres.start()


def test_no_server_is_told_in_one_line_without_the_password(url: str, opened: Open) -> None:
    """At the start a database must answer at once; an unreadable URL and a wrong password are told too."""
    nobody = url.replace(f":{url.rsplit(':', 1)[1]}", ":1/db")
    for broken, rule in [
        (nobody, "the database of storage.study must answer, but got"),
        (url.replace(PASSWORD, "wrong-s3cret"), "password authentication failed"),
        (url + "?no_such_option=1", "storage.study must be a URL of PostgreSQL"),
    ]:
        with pytest.raises(StudyError, match=rule) as caught:
            opened(broken)
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_mlflows_database_and_other_versions_are_refused_and_left_alone(url: str, opened: Open) -> None:
    """Tables of another program or version are told with what to do; nothing is written."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32))")
        with pytest.raises(StudyError, match="must be a database of its own"):
            opened(url)
        connection.execute("DROP TABLE alembic_version")
        opened(url).close()
        connection.execute("UPDATE alembic_version SET version_num = 'v2.4.0.a'")
        with pytest.raises(StudyError, match=r"tables of Optuna .*, but got 'v2\.4\.0\.a'\. Copy it, then"):
            opened(url)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("v2.4.0.a",)]
        assert connection.execute("SELECT count(*) FROM studies").fetchone() == (1,)


def test_a_study_that_is_set_aside_keeps_its_trials_under_another_name(url: str, opened: Open) -> None:
    """After a renaming the old name is free and the old study whole."""
    search = opened(url)
    run(search, 2)
    search.close()
    rename_study(url, "s", "s.before")
    assert opened(url).counted() == 0
    assert opened(url, name="s.before").counted() == 2
