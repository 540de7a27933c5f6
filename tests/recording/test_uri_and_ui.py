import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.errors import TaskFileError, UserError
from tuner.recording.ui import ui_command
from tuner.recording.uri import tracking_uri


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


def test_the_driver_side_imports_no_mlflow() -> None:
    """What the driver imports should not cost MLflow's two seconds."""
    code = "import sys, tuner.recording, tuner.recording.sync; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0
