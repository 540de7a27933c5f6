import shutil
from pathlib import Path

import pytest

from tests.support.program import fork_writers
from tests.support.tiny import write_task
from tuner.sweep import Sweep
from tuner.task import resolve_task


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """A folder with `tiny.yaml` and the finished study of it: three trials, one confirmation and the baseline's."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(migrated, folder / "mlflow.db")
    path = write_task(folder, trials=3, epochs=2, mlflow=True, more="confirm: {top: 1, seeds: 1}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fork_writers(patch)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        outcome = Sweep(resolve_task(path), lambda _: None).run()
    assert outcome.finished
    return folder
