"""A sweep whose study is in PostgreSQL."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.program import finish, start
from tests.support.studies import curves, ended
from tests.support.tiny import write_task

MORE = "confirm: {{top: 1, seeds: 1}}\nstorage: {{study: '{url}'}}"
AWAY = "the study's database does not answer; the sweep waits for it"


def _task(folder: Path, url: str, trials: int = 6, epochs: int = 3, *, mlflow: bool = False) -> Path:
    folder.mkdir()
    return write_task(folder, trials=trials, epochs=epochs, mlflow=mlflow, more=MORE.format(url=url))


@pytest.mark.slow
def test_a_sweep_in_a_database_is_that_of_a_journal_and_survives_the_servers_crash(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """With PostgreSQL killed in mid-sweep and started again, trials and losses are those of an undisturbed sweep."""
    whole, hit = tmp_path / "whole", tmp_path / "hit"
    whole.mkdir()
    finish(start(whole, write_task(whole, trials=6, epochs=20, more="confirm: {top: 1, seeds: 1}")))
    process = start(hit, _task(hit, postgres.new_database(), epochs=20))
    while ended(hit) < 2 and process.poll() is None:
        time.sleep(0.02)
    postgres.stop(signal.SIGQUIT)
    while AWAY not in process.told():
        assert process.poll() is None, process.told()
        time.sleep(0.02)
    postgres.start()
    output = finish(process)
    assert "Traceback" not in output
    assert curves(hit) == curves(whole)


@pytest.mark.slow
def test_no_file_and_no_output_holds_the_password(tmp_path: Path, migrated: Path, postgres: PostgresServer) -> None:
    """Neither the study's folder, MLflow's database, the study in PostgreSQL nor the output has it."""
    folder = tmp_path / "s"
    url = postgres.new_database()
    path = _task(folder, url, trials=2, mlflow=True)
    (folder / "mlflow.db").write_bytes(migrated.read_bytes())
    outputs = [finish(start(folder, path))]
    task = folder / "tiny.yaml"
    outputs += [finish(start(folder, task, "--json")), finish(start(folder, task, "--fresh"))]
    assert not any(PASSWORD in output for output in outputs)
    files = [path for path in folder.rglob("*") if path.is_file() and path != task]
    assert any(path.name == "task.yaml" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    with psycopg.connect(url) as connection:
        for table in ("study_user_attributes", "trial_user_attributes"):
            rows = connection.execute(f"SELECT value_json FROM {table}".encode()).fetchall()
            assert rows
            assert not any(PASSWORD in row[0] for row in rows)
        names = connection.execute("SELECT study_name FROM studies ORDER BY study_id").fetchall()
    assert names[0][0].startswith("tiny.before-")
    assert names[1][0] == "tiny"


@pytest.mark.slow
def test_a_study_without_its_event_files_is_refused(tmp_path: Path, postgres: PostgresServer) -> None:
    """Gone on with from another folder, it says where its files are; a folder of another study is refused too."""
    first, second = tmp_path / "first", tmp_path / "second"
    url = postgres.new_database()
    finish(start(first, _task(first, url, trials=2)))
    output = finish(start(second, _task(second, url, trials=3)), status=2)
    assert (
        "must hold the event files of study tiny, but got 'none for trial 0'. Resume it where it was begun (" in output
    )
    assert str(first) in output
    assert not (second / "mlruns" / "studies" / "tiny" / "trials").exists()
    other = postgres.new_database()
    output = finish(start(first, first / "tiny.yaml", "--set", f"storage.study={other}"), status=2)
    assert "the study must know the runs of its folder" in output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_goes_through_while_the_database_is_away(
    tmp_path: Path, postgres: PostgresServer, number: signal.Signals
) -> None:
    """One signal ends the sweep, with its exit status; with the database back the same command goes on."""
    folder = tmp_path / "s"
    path = _task(folder, postgres.new_database(), epochs=20)
    process = start(folder, path)
    while not ended(folder) and process.poll() is None:
        time.sleep(0.02)
    postgres.stop()
    try:
        while AWAY not in process.told():
            assert process.poll() is None, process.told()
            time.sleep(0.02)
        process.send_signal(number)
        finish(process, status=128 + number)
    finally:
        postgres.start()
    assert "6 trials" in finish(start(folder, path))
