import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.support.fake_study import begin
from tuner.errors import TaskFileError, UserError
from tuner.recording.projection import Projection
from tuner.recording.ui import pages, runs_pages, serve_ui, ui_command
from tuner.recording.uri import tracking_uri
from tuner.redaction import redacted


@pytest.mark.parametrize("folder", ["plain", "with space", "100%"])
def test_the_default_is_mlflows_own(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word in the task file or the environment, the URI should be the one MLflow would take."""
    from mlflow.tracking import get_tracking_uri

    (tmp_path / folder / "mlruns" / "studies" / "7").mkdir(parents=True)
    (tmp_path / folder / "mlruns" / "studies" / "7" / "meta.yaml").touch()
    monkeypatch.chdir(tmp_path / folder)
    assert tracking_uri(None) == get_tracking_uri()


def test_the_task_file_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task file should win over MLFLOW_TRACKING_URI, which wins over the default."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri("postgresql://db/x") == "postgresql://db/x"
    assert tracking_uri(None) == "http://server:5000"


def test_a_relative_file_means_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative SQLite path should be made absolute, an absolute one kept."""
    monkeypatch.chdir(tmp_path)
    assert tracking_uri("sqlite:///runs.db") == f"sqlite:///{tmp_path}/runs.db"
    assert tracking_uri("sqlite:////srv/runs.db") == "sqlite:////srv/runs.db"


@pytest.mark.parametrize("uri", ["file:///tmp/x", "file:x", "./mlruns", "/tmp/mlruns", "mlruns", ""])
def test_a_folder_of_files_is_refused(uri: str) -> None:
    """The store that MLflow has given up should be refused with what to use instead."""
    with pytest.raises(TaskFileError, match=r"folder of files.*Use sqlite:///mlflow.db") as caught:
        tracking_uri(uri)
    assert caught.value.key == ("tracking", "uri")


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x", "http://"])
def test_a_uri_without_a_place_is_refused(uri: str) -> None:
    """A database in memory and a server without a host should be refused."""
    with pytest.raises(TaskFileError, match=r"must name a (SQLite file|host)"):
        tracking_uri(uri)


def test_an_unknown_scheme_is_refused_without_its_password() -> None:
    """Another kind of address should be refused; what may hold a password is not repeated."""
    with pytest.raises(TaskFileError, match=r"but got 'mongodb://…'") as caught:
        tracking_uri("mongodb://me:secret@host/x")
    assert "secret" not in str(caught.value)


def test_a_wrong_environment_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the environment should not be looked for in the task file."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(TaskFileError, match=r"^environment variable MLFLOW_TRACKING_URI: ") as caught:
        tracking_uri(None)
    assert caught.value.key == ()


def test_the_ui_is_for_this_machine() -> None:
    """Another host than loopback should be refused, with the tunnel to use."""
    with pytest.raises(TaskFileError, match=r"host must be 127.0.0.1.*'0.0.0.0'.*ssh -L 5001:127.0.0.1:5001"):
        ui_command("sqlite:////x.db", host="0.0.0.0", port=5001)


def test_a_server_shows_itself() -> None:
    """A tracking server should not be wrapped in another."""
    with pytest.raises(UserError, match="Open it in a browser"):
        ui_command("http://host:5000")


def test_the_ui_command_hides_the_password() -> None:
    """The command line should name the loopback and hold no URI; the environment does."""
    command, environment = ui_command("postgresql://me:secret@host/db", port=5002)
    assert command[:4] == [sys.executable, "-P", "-m", "mlflow"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert "secret" not in " ".join(command)
    assert environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql://me:secret@host/db"


@pytest.mark.filterwarnings("ignore:.*Any type hint")  # from inside MLflow
def test_the_ui_command_is_one_that_mlflow_knows() -> None:
    """MLflow should accept the options."""
    from mlflow.cli import server

    command, _ = ui_command("sqlite:////x.db")
    known = {option for parameter in server.params for option in parameter.opts}
    assert command[4] == server.name
    assert {option for option in command[5:] if option.startswith("--")} <= known


@pytest.fixture
def recorded(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The number of the experiment of a study that is recorded, beside one that is not; the terminal is wide."""
    monkeypatch.setenv("COLUMNS", "200")
    Projection(begin(tmp_path / "mlruns/studies/fake"), uri).project_all()
    experiment = MlflowClient(uri).get_experiment_by_name("fake")
    assert experiment is not None
    assert experiment.experiment_id != "0"
    return str(experiment.experiment_id)


def test_the_line_after_a_sweep_opens_the_studys_runs(recorded: str, uri: str) -> None:
    """It is a command, and the address of the leaderboard on MLflow's machine learning side."""
    command, address = pages(uri, "fake").splitlines()
    assert command.endswith("mlflow ui")
    assert address == f"open {_page(recorded)}"
    assert redacted(address) == address


def test_in_a_narrow_terminal_the_line_is_short_enough_to_copy(
    recorded: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the address of the runs' table then, and what to choose there."""
    monkeypatch.setenv("COLUMNS", "80")
    _, address, choose = pages(uri, "fake").splitlines()
    assert address == f"open http://127.0.0.1:5000/#/experiments/{recorded}/runs?workflowType=machine_learning"
    assert max(len(address), len(choose)) + 2 <= 80
    monkeypatch.setenv("COLUMNS", str(len(_page(recorded)) + 7))
    assert pages(uri, "fake").splitlines()[1] == f"open {_page(recorded)}"


def _page(experiment: str, at: str = "http://127.0.0.1:5000") -> str:
    """The address of a leaderboard."""
    word = "workflowType=machine_learning"
    return f"{at}/#/experiments/{experiment}/runs?{word}&viewStateShareKey=leaderboard"


@pytest.mark.parametrize("why", ["no view", "another version"])
def test_without_a_view_the_address_is_that_of_the_runs(
    recorded: str, uri: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that were never seen to read a view are not sent to one, nor is a view asked for that is not there."""
    if why == "no view":
        MlflowClient(uri).delete_experiment_tag(recorded, "mlflow.sharedViewState.leaderboard")
    else:
        monkeypatch.setattr("tuner.recording.ui.version", lambda _name: "3.99.0")
    assert pages(uri, "fake").endswith(f"open {_page(recorded).partition('&')[0]}")


@pytest.mark.parametrize("gone", ["unknown", "deleted", "no tables", "no file"])
def test_a_study_that_mlflow_lacks_has_no_address(recorded: str, uri: str, tmp_path: Path, gone: str) -> None:
    """The command stays, and asking makes no database."""
    if gone == "deleted":
        MlflowClient(uri).delete_experiment(recorded)
    elif gone != "unknown":
        uri = f"sqlite:///{tmp_path}/other.db"
        if gone == "no tables":
            (tmp_path / "other.db").touch()
    assert len(pages(uri, "another" if gone == "unknown" else "fake").splitlines()) == 1
    assert (tmp_path / "other.db").exists() == (gone == "no tables")


def test_a_servers_address_goes_on_to_the_studys_runs(recorded: str, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking server is asked for the experiment; one that is away leaves its own address, a password none."""
    real = MlflowClient(uri)
    monkeypatch.setattr("mlflow.tracking.MlflowClient", lambda _uri: real)
    assert pages("http://host:5000/", "fake") == _page(recorded, "http://host:5000")
    monkeypatch.undo()
    assert pages("http://127.0.0.1:9", "fake") == "http://127.0.0.1:9"
    assert pages("https://me:secret@host", "fake") == "python -m tuner ui fake"


@pytest.mark.parametrize(("host", "at"), [("localhost", "localhost"), ("::1", "[::1]")])
def test_ui_tells_each_studys_address_first(
    recorded: str, uri: str, host: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it becomes MLflow's server, `ui` tells where each study's runs will be."""
    told: list[str] = []
    monkeypatch.setattr(os, "execvpe", lambda file, *_: told.append(file))
    serve_ui(uri, host, 5001, ["another", "fake"], told.append)
    assert told == [f"{_page(recorded, f'http://{at}:5001')}  fake", sys.executable]
    assert list(runs_pages(uri, ["fake"], "x")) == ["fake"]


def test_mlflows_pages_read_that_word() -> None:
    """What the address ends with should be what the installed pages look for; they look at no tag first."""
    import mlflow

    scripts = (Path(mlflow.__file__).parent / "server/js/build/static/js").glob("main.*.js")
    text = "".join(script.read_text() for script in scripts)
    assert '.get("workflowType")' in text
    assert '"machine_learning"' in text
    assert '"experiments/:experimentId/runs"' in text or "/experiments/:experimentId/runs" in text


def test_the_driver_side_imports_no_mlflow() -> None:
    """What the driver imports should not cost MLflow's two seconds."""
    code = "import sys, tuner.recording, tuner.recording.sync; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
