"""The promises of SECURITY.md, each with a test; those that need more stand elsewhere:

task files and checkpoints run no code: also tests/test_fuzz.py, tests/config, tests/training/test_trial.py
archives from a store: tests/test_places.py; the token's file: tests/execution/test_access.py
secrets of the study's database: tests/sweep/test_postgres.py; of S3 and Ray: tests/sweep/test_second_machine.py
MLflow's UI: tests/recording/test_uri_and_ui.py; messages: tests/test_redaction.py
"""  # noqa: D415

from __future__ import annotations

import ast
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clusters import RAY, end_node, free_port, head_options, start_node
from tests.support.processes import answers, below
from tests.support.program import finish, start
from tests.support.tiny import write_task
from tuner.cli import main
from tuner.config import TaskFile
from tuner.execution import RayExecutor
from tuner.execution.access import access

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "tuner").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_reads_what_could_run_code(path: Path) -> None:
    """No pickle, marshal, shelve or eval; `torch.load` and `numpy.load` in their safe forms only; no unsafe YAML."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            assert not names & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}, node.lineno
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given_names = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert called not in {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}, (
            node.lineno
        )
        if called == "torch.load":
            assert given_names.get("weights_only") == "True", node.lineno
        if called in {"np.load", "numpy.load"}:
            assert given_names.get("allow_pickle", "False") == "False", node.lineno
        assert given_names.get("shell", "False") == "False", node.lineno


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.text(max_size=70) | st.sampled_from(["..", ".", "a/b", "/a", "a..b", "a\\b", "~", "a\n", "a\0", "-a", ".a", ""])
)
def test_a_name_never_becomes_a_path(name: str) -> None:
    """A study's name that is taken is one plain component of a path, and no option."""
    try:
        task = TaskFile.model_validate({"name": name, "adapter": "a:B"})
    except ValueError:
        return
    path = Path("/studies") / task.name
    assert path.parent == Path("/studies")
    assert os.path.normpath(path) == str(path)
    assert not task.name.startswith(("-", "."))


def test_the_ui_is_not_served_to_others() -> None:
    """Any other address than loopback ends with status 2."""
    for host in ("0.0.0.0", "::", "10.0.0.1"):
        result = CliRunner().invoke(main, ["ui", "--host", host])
        assert result.exit_code == 2
        assert "ssh -L" in result.output


def test_a_tracking_servers_password_is_kept_nowhere(tmp_path: Path) -> None:
    """With MLflow away for the whole sweep, neither output nor log, study, events or copy of the task file has it."""
    path = write_task(
        tmp_path,
        trials=2,
        more="confirm: {top: 0}\ntracking: {uri: 'http://me:s3cret-ml@127.0.0.1:9/x?token=s3cret-t'}",
    )
    process = start(tmp_path, path, "--json", "--set", "budget.epochs=1")
    output = finish(process)
    assert "s3cret" not in output
    files = [file for file in (tmp_path / "mlruns").rglob("*") if file.is_file()]
    assert any(file.name == "recording.log" for file in files)
    assert [file for file in files if b"s3cret" in file.read_bytes()] == []


@pytest.mark.ray
@pytest.mark.usefixtures("whole_ray")
def test_a_ray_of_our_own_is_for_its_user_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is on loopback, no dashboard runs, and who has no token is turned away."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    import ray

    executor = RayExecutor("tests.support.trials:learn", workers=1)
    executor.open()
    executor.launch()
    try:
        address = ray.get_runtime_context().gcs_address
        assert address.startswith("127.0.0.1:")
        assert access(address) == "token"
        connections = answers([psutil.Process(), *below()], lambda process: process.net_connections("inet"))
        listening = {each.laddr for _, found in connections for each in found if each.status == psutil.CONN_LISTEN}
        assert listening
        assert {address.ip.removeprefix("::ffff:") for address in listening} <= {"127.0.0.1", "::1"}
        assert not [address for address in listening if _takes_jobs(address.port)]
    finally:
        executor.close()


def _takes_jobs(port: int) -> bool:
    """Whether Ray's dashboard, or the part of it that runs jobs, answers there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/jobs/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False


@pytest.fixture
def open_cluster() -> Iterator[str]:
    """A cluster that asks for no token, on loopback."""
    address = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        command: list[str | Path] = [RAY, "start", "--block", *head_options(address, 1), f"--temp-dir={folder}"]
        head = start_node(command, environment, Path(folder) / "log")
        try:
            yield address
        finally:
            end_node(head)


@pytest.mark.ray
@pytest.mark.slow
def test_an_open_cluster_is_refused_unless_it_is_allowed(
    tmp_path: Path, open_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token the sweep ends with status 2 before it starts; the key in the task file lets it run."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    path = write_task(tmp_path, trials=2, more=f"ray: {{address: '{open_cluster}'}}\nconfirm: {{top: 0}}")
    output = finish(start(tmp_path, path), status=2)
    line = output.strip().splitlines()[-1]
    assert "the Ray cluster must require a token" in line
    assert "ray.allow_unauthenticated_cluster: true" in line
    assert not list(tmp_path.glob("mlruns/studies/tiny/trials/*"))
    finish(start(tmp_path, path, "--set", "ray.allow_unauthenticated_cluster=true"))
